"""Series with gantry tilt and clips in colour: shown in their own plane and colours, and drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Page

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.tools import replay
from tests.browser.lab import OPEN, PROJECT, SUBJECT, Lab, Viewer, run_all
from tests.browser.test_series import turn_to
from tests.browser.test_viewer import draw, press
from tests.dicom.colour_maker import colour_file
from tests.dicom.test_overlays import add as add_overlay

TILT_MM, CLIP = 1.5, "Ultrasound clip"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose subject has a CT with gantry tilt, and a clip in colour."""
    root = tmp_path_factory.mktemp("tilt")
    for k, path in enumerate(write_phantom(root / "dicom", "tiny")):
        dataset = pydicom.dcmread(path)
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, float(y) + TILT_MM * k, z]
        dataset.save_as(path)
    colour_file(root / "dicom" / "clip.dcm", "RGB 1", frames=5, like=dataset)
    clip = pydicom.dcmread(root / "dicom" / "clip.dcm")
    clip.SeriesInstanceUID, clip.SeriesDescription, clip.SeriesNumber = "2.25.77", CLIP, 7
    clip.PatientName, clip.PatientID = dataset.PatientName, dataset.PatientID
    for keyword in ("PatientBirthDate", "PatientSex", "IssuerOfPatientID"):
        if keyword in dataset:
            setattr(clip, keyword, dataset[keyword].value)
    clip.save_as(root / "dicom" / "clip.dcm")
    create_repository(root / "repository", project=PROJECT, member="anna", site="KAU")
    report = import_folders(open_repository(root / "repository").backend, [root / "dicom"], project=PROJECT, site="KAU")  # type: ignore[arg-type]
    assert not report.not_shown and not report.held
    return root / "repository"


@pytest.fixture
def study(lab: Lab, page: Page, made: Path, request: pytest.FixtureRequest) -> tuple[Viewer, Path]:
    """The task open, and its repository."""
    folder = lab.copy(made, request.node.name)
    run_all(page, lab.put(f"{folder.name}.ipynb", [OPEN.format(folder=folder.name)]))
    viewer = Viewer(page)
    viewer.wait()
    return viewer, folder


def drawn_in(folder: Path):
    task = open_repository(folder).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    draft = task.draft()
    return task, replay(task.volume, draft.snapshot, draft.lines).table.annotations()


def test_a_tilted_series_is_one_plane_and_drawn_on_where_its_slices_are(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    shown = viewer.stage("s.board.shown.map(p => [p.plane, p.shape.title, p.shape.alone])")
    assert viewer.stage("s.board.alone") == viewer.stage("s.board.shown[0].name")
    viewer.page.screenshot(path=folder / "tilt.png")
    viewer.stage("s.arrange('')")
    notice = viewer.page.locator(".eci-pane-notice:visible").first
    assert "only their acquired plane" in notice.inner_text()
    box = notice.bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 5}
    top = viewer.page.evaluate("({x, y}) => document.elementsFromPoint(x, y).map(e => e.className)[0]", at)
    assert top == "eci-pane-notice"  # not behind the empty canvas
    press(viewer, "n")
    assert len(shown) == 1 and shown[0][0] == "axial" and "gantry tilt" in shown[0][1]
    pane = viewer.stage("s.board.shown[0].name")
    press(viewer, "d")
    viewer.drag(pane, [(0.45, 0.45), (0.55, 0.45), (0.55, 0.55), (0.45, 0.55), (0.45, 0.46)], steps=8)
    viewer.rest()
    viewer.page.screenshot(path=folder / "tilt-drawn.png")
    at = viewer.stage(f"(p => [p.index, ...p.middle()])(s.board.paneNamed('{pane}'))")
    viewer.saved()
    task, (contours,) = drawn_in(folder)
    volume = task.volume(contours.series_uid)
    mask = contours.mask_on(volume).values
    assert np.flatnonzero(mask.any((1, 2))).tolist() == [at[0]]
    centre = np.argwhere(mask[at[0]]).mean(0)
    assert np.abs(centre - (np.asarray(mask.shape[1:]) - 1) / 2).max() < 3  # in the middle of the pane and the slice
    assert np.abs(contours.rings_lps[0].mean(0) - at[1:]).max() < 4


def test_a_clip_is_shown_in_its_colours_and_drawn_on(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    turn_to(viewer, CLIP)
    viewer.page.screenshot(path=folder / "colour.png")
    pane = viewer.stage("s.board.shown.map(p => [p.name, p.shape.count, p.texts.window, p.index])")
    assert len(pane) == 1 and pane[0][1:3] == [5, "colour"]
    shown = viewer.stage(
        """(p => [...p.picture.paper.getImageData(0, 0, p.upright.cols, p.upright.rows).data])(s.board.shown[0])"""
    )
    task, _ = drawn_in(folder)
    frame = task.volume("2.25.77").values[pane[0][3]]
    seen = np.reshape(shown, (*frame.shape[:2], 4))
    assert (seen[..., :3] == frame).all() and len(np.unique(frame.reshape(-1, 3), axis=0)) > 1000


def test_painting_on_a_clip_stays_on_its_frame(study: tuple[Viewer, Path]) -> None:
    viewer, folder = study
    turn_to(viewer, CLIP)
    draw(viewer, "d")
    viewer.page.screenshot(path=folder / "colour-drawn.png")
    index = viewer.stage("s.board.shown[0].index")
    viewer.saved()
    task, (thing,) = drawn_in(folder)
    mask = thing.mask_on(task.volume("2.25.77")).values
    assert np.flatnonzero(mask.any((1, 2))).tolist() == [index] and mask.sum() > 20


def test_graphics_of_the_file_are_shown_until_they_are_switched_off(lab: Lab, page: Page, tmp_path: Path) -> None:
    for path in write_phantom(tmp_path / "dicom", "tiny"):
        dataset = pydicom.dcmread(path)
        add_overlay(dataset, 0x6000, np.eye(20, dtype=bool), (5, 9))
        dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = [40, 300], [400, 1500], "SIGMOID"
        dataset.WindowCenterWidthExplanation = ["SOFT", "BONE"]
        dataset.save_as(path)
    folder = lab.unused("graphics")
    create_repository(folder, project=PROJECT, member="anna", site="KAU")
    import_folders(open_repository(folder).backend, [tmp_path / "dicom"], project=PROJECT, site="KAU")  # type: ignore[arg-type]
    run_all(page, lab.put("graphics.ipynb", [OPEN.format(folder=folder.name)]))
    viewer = Viewer(page)
    viewer.wait()
    viewer.fetched()
    amber = """(p => { const d = p.picture.paper.getImageData(0, 0, p.upright.cols, p.upright.rows).data; let n = 0;
        for (let i = 0; i < d.length; i += 4) n += d[i] === 255 && d[i + 1] === 210 && d[i + 2] === 77; return n })
        (s.board.shown.find(p => p.plane === "axial"))"""
    assert viewer.stage(amber) == 20
    page.screenshot(path=folder / "graphics.png")
    press(viewer, "o")
    assert viewer.stage(amber) == 0
    text = "s.board.shown.find(p => p.plane === 'axial').texts.window"
    viewer.option("select:has(option:has-text('File: BONE'))", "File: BONE")
    viewer.answered()
    viewer.wait()
    assert viewer.stage(text) == "W 1500  L 300  sigmoid"
