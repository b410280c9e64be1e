"""What is drawn on one series appears on one of another frame of reference, through the registration of the study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.registration.registration import Deformation, Registration
from eci_annotate.imaging.volume import grid_of
from eci_annotate.tools.editing.adoption import adoption_of
from eci_annotate.tools.editing.entries import Adopt
from eci_annotate.tools.protocol import FULL, Paint
from eci_annotate.viewer.open_task import OpenTask
from eci_annotate.viewer.stage.ink.registration_layer import RegisteredLayer, sampled
from eci_annotate.viewer.stage.ink.solids import Solid
from eci_annotate.viewer.stage.orders import CAPTION
from eci_annotate.viewer.stage.pane_geometry import View
from tests.registered_study import SHIFT, S, repository, write_registration


@pytest.fixture
def open_task(tmp_path: Path):
    repo = repository(
        tmp_path, write_registration, lambda folder: write_registration(folder, "Crushed", np.zeros((4, 4)))
    )
    shown = OpenTask(repo.start(S, "annotate"), "400px")
    yield shown
    shown.leave()


def uids_of(shown: OpenTask) -> tuple[str, str]:
    rows = {each.description: each.series_uid for study in shown.task.studies() for each in study.series}
    return rows["portal"], rows["late"]


def adopt(shown: OpenTask, thing, field=None) -> None:
    entry = adoption_of(thing, field, "test/1")
    assert isinstance(entry, Adopt)
    shown.bench.do(entry)


def layer_of(shown: OpenTask) -> RegisteredLayer:
    (layer,) = shown.bench.controller.painter.others
    assert isinstance(layer, RegisteredLayer)
    return layer


def test_a_box_follows_to_the_other_series_and_says_how(open_task: OpenTask) -> None:
    near, far = uids_of(open_task)
    grid = grid_of(open_task.task.volume(near))
    centre = grid.reference_from_image([4, 20, 28])
    box = Box(tuple(centre), (8.0, 8.0, 9.0), grid.directions, label="lesion 1", series_uid=near,
              frame_uid=grid.frame_of_reference_uid)  # fmt: skip
    adopt(open_task, box)
    controller = open_task.bench.controller
    stack = controller.panes.planes(far)["axial"]
    view = View("axial", 1, 4, 0.0, 0.0, 2.0, 400, 400, 1.0)
    marks = layer_of(open_task).marks(far, stack, view, True)
    (outline,) = [mark for mark in marks if mark.closed]
    (text,) = [mark.text for mark in marks if mark.spot == CAPTION]
    assert text == "By registration Motion: lesion 1"
    moved = box.centre_lps + np.asarray(SHIFT)
    np.testing.assert_allclose(outline.points_px.mean(0), view.px_from_lps(stack, moved[None])[0], atol=0.01)
    assert layer_of(open_task).marks(near, controller.panes.planes(near)["axial"], view, True) == ()
    assert layer_of(open_task).echo(box.uid, [far]).message["corners"]
    carried = controller.panes.overlays.carried(box.centre_lps, near, far)
    np.testing.assert_allclose(carried, moved)


def test_a_mask_follows_voxel_by_voxel(open_task: OpenTask) -> None:
    near, far = uids_of(open_task)
    volume = open_task.task.volume(near)
    bone = (volume > 200).values
    paint = Paint(label="bone", series_uid=near, frame_uid=grid_of(volume).frame_of_reference_uid)
    adopt(open_task, paint, bone.astype(np.uint16) * np.uint16(FULL))
    layer, stack = layer_of(open_task), open_task.bench.controller.panes.planes(far)["axial"]
    for index in range(stack.count):
        painted = layer.painted(far, stack, index)
        found = painted[0][0] > 0 if painted else np.zeros((stack.rows, stack.cols), bool)
        np.testing.assert_array_equal(found, stack.slice_of(bone, index))


def test_the_study_says_what_is_used_and_what_cannot_be(open_task: OpenTask) -> None:
    texts = [each.value for each in open_task.bench.browser.widget.children if hasattr(each, "value")]
    assert any("Registration in use: Motion" in text for text in texts)
    (problem,) = [text for text in texts if "Crushed" in text]
    assert "is not used" in problem
    near, far = uids_of(open_task)
    assert open_task.bench.controller.panes.overlays.why_not(near, far) == ""


def test_a_deformation_carries_voxels_too() -> None:
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (2, 2, 2), (20, 20, 20), "b")
    offsets = np.broadcast_to([4.0, 0.0, 0.0], (*grid.shape, 3)).copy()
    registration = Registration("a", "b", deformation=Deformation(grid, offsets, np.eye(4), np.eye(4)))
    solid = Solid((slice(8, 10), slice(8, 10), slice(8, 10)), np.ones((2, 2, 2), bool))
    own = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (2, 2, 2), (20, 20, 20), "a")
    found = sampled(solid, own, grid, registration)
    whole = np.zeros(grid.shape, bool)
    whole[found.where] = found.voxels
    assert whole.sum() == 8 and whole[8:10, 8:10, 6:8].all()
