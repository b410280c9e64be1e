"""Annotations of others in a draft: exactly theirs, with their source, or refused whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

import eci_annotate as eci
from eci_annotate.cli import app
from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.volume import grid_of, like, series_uid_of
from eci_annotate.repository.external.adopt_annotations import read_annotations
from eci_annotate.repository.task import Task
from eci_annotate.tools import from_line
from eci_annotate.tools.editing.entries import Adopt
from eci_annotate.viewer.session.resume import begin, restored
from tests.measurement_report import foreign_report, square_on
from tests.repository.readings_world import P, as_member, lesion, make, report, subject

S = subject(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("adopt"), 3)


@pytest.fixture
def task(folder: Path):
    held = as_member(folder, "anna").start(S, "annotate", project=P, take_over=True)
    yield held
    held.release()


def masks(task: Task) -> list[eci.Mask]:
    """Two overlapping blocks of voxels."""
    volume = task.volume()
    found = []
    for n, low in enumerate((10, 14)):
        voxels = np.zeros(volume.shape, bool)
        voxels[2:5, low : low + 8, 12:20] = True
        found.append(eci.Mask.from_volume(like(volume, voxels), label=f"lesion {n + 1}", colour=(1, 2, 3)))
    return found


def drawn(task: Task) -> dict[str, np.ndarray]:
    grid = grid_of(task.volume())
    return {each.label: each.voxels_on(grid) for each in restored(task).easel.table.annotations()}


def test_files_of_others_become_a_draft_voxel_by_voxel(folder: Path, task: Task, tmp_path: Path) -> None:
    made = masks(task)
    images = folder.parent / "dicom" / "0"
    (seg,) = eci.write_segmentation([made[0]], images, tmp_path / "one.dcm")
    (rtstruct,) = eci.write_rtstruct([made[1]], images, tmp_path / "two.dcm")
    read = [*read_annotations(seg), *read_annotations(rtstruct)]
    assert len(eci.adopt(task, read, "nnunet/2.5")) == 2
    grid, found = grid_of(task.volume()), drawn(task)
    assert all((found[each.label] == each.voxels_on(grid)).all() for each in made)
    entries = [from_line(line) for line in task.draft().lines]
    assert [each.source for each in entries if isinstance(each, Adopt)] == ["nnunet/2.5"] * 2


def test_boxes_and_contours_are_adopted_too_and_signed(folder: Path) -> None:
    repository = as_member(folder, "ben")
    task = repository.start(subject(2), "annotate", project=P, take_over=True)
    mask, other = masks(task)
    grid = grid_of(task.volume())
    box = Box(
        tuple(grid.reference_from_image([3, 14, 16])), (9.0, 8.0, 6.0), grid.directions,
        label="lesion 1", frame_uid=mask.frame_uid, series_uid=mask.series_uid,
    )  # fmt: skip
    eci.adopt(task, [box, other], "detector/1")
    task.answer(report(lesion("lesion 1"), lesion("lesion 2")))
    signed = task.sign("checked")
    kept = {each.label: each for each in signed.annotations()}
    first = kept["lesion 1"]
    assert isinstance(first, Box)
    assert first.centre_lps == pytest.approx(box.centre_lps) and first.size_mm == box.size_mm
    assert (kept["lesion 2"].voxels_on(grid) == other.voxels_on(grid)).all()


def elsewhere(task: Task) -> dict[str, tuple[eci.Mask, str]]:
    mask = masks(task)[0]
    grid = mask.grid
    half = replace(grid, origin_lps=tuple(np.add(grid.origin_lps, 0.3)))
    beyond = replace(grid, origin_lps=tuple(grid.reference_from_image([0, 500, 0])))
    return {
        "frame": (replace(mask, frame_uid="2.25.9", grid=replace(grid, frame_of_reference_uid="2.25.9")), "frame"),
        "grid": (replace(mask, grid=half), "another grid"),
        "beyond": (replace(mask, grid=beyond), "beyond its series"),
        "empty": (replace(mask, voxels=np.zeros_like(mask.voxels)), "empty"),
        "stranger": (replace(mask, series_uid="2.25.8", frame_uid="2.25.9"), "no series of the subject"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["frame", "grid", "beyond", "empty", "stranger"])
def test_what_does_not_fit_is_refused_and_nothing_is_added(task: Task, kind: str) -> None:
    wrong, words = elsewhere(task)[kind]
    before = len(task.draft().lines)
    with pytest.raises(Refused, match=words):
        eci.adopt(task, [masks(task)[1], wrong], "nnunet/2.5")
    assert len(task.draft().lines) == before


def test_a_series_that_is_not_named_is_found_by_its_frame(task: Task) -> None:
    mask = replace(masks(task)[0], series_uid="", label="found")
    (uid,) = eci.adopt(task, [mask], "nnunet/2.5")
    assert restored(task).easel.table.objects[uid].series_uid == series_uid_of(task.volume())


def test_the_source_has_a_version_and_no_viewer_writes_meanwhile(task: Task) -> None:
    with pytest.raises(Refused, match="version"):
        eci.adopt(task, masks(task), "nnunet")
    begin(restored(task), task, task.hanging())
    with pytest.raises(Refused, match="open in a viewer"):
        eci.adopt(task, masks(task), "nnunet/2.5")


def test_the_command_adds_to_the_draft(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(folder / "members/cora.key"))
    repository = as_member(folder, "cora")
    task = repository.start(subject(3), "annotate", project=P, take_over=True)
    made = masks(task)
    task.release()
    (path,) = eci.write_rtstruct([made[0]], folder.parent / "dicom" / "2", tmp_path / "one.dcm")
    words = ["subject", "adopt", str(folder), subject(3), str(path), "--task", "annotate", "--source", "nnunet/2.5"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0 and "lesion 1" in done.output
    task = repository.start(subject(3), "annotate", project=P, take_over=True)
    assert (drawn(task)["lesion 1"] == made[0].voxels_on(grid_of(task.volume()))).all()
    task.release()


def test_the_command_finds_the_images_that_a_report_draws_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(folder / "members/cora.key"))
    repository = as_member(folder, "cora")
    images = [pydicom.dcmread(path) for path in sorted((folder.parent / "dicom" / "2").rglob("*.dcm"))]
    path = tmp_path / "report.dcm"
    foreign_report(images, square_on(images[2], "lesion 2")).save_as(path, enforce_file_format=True)
    words = ["subject", "adopt", str(folder), subject(3), str(path), "--task", "annotate", "--source", "other/1"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    task = repository.start(subject(3), "annotate", project=P, take_over=True)
    assert drawn(task)["lesion 2"].sum() == 80
    task.release()


def test_contours_across_the_slices_are_not_adopted_as_if_they_lay_on_them(task: Task) -> None:
    volume = task.volume()
    corners = [[1, 10, 12], [1, 20, 12], [6, 20, 12], [6, 10, 12]]
    ring = grid_of(volume).reference_from_image(corners)
    sagittal = eci.Contours((ring,), label="x", series_uid=series_uid_of(volume))
    with pytest.raises(Refused, match="across the slices"):
        eci.adopt(task, [sagittal], "x/1")


def test_contours_of_which_one_lies_beyond_the_slices_are_not_adopted(task: Task) -> None:
    volume = task.volume()
    grid = grid_of(volume)
    rings = tuple(grid.reference_from_image([[k, 10, 12], [k, 20, 12], [k, 20, 22], [k, 10, 22]]) for k in (3, 30))
    with pytest.raises(Refused, match="lies beside its series"):
        eci.adopt(task, [eci.Contours(rings, label="x", series_uid=series_uid_of(volume))], "x/1")
