"""Fusion in the browser: chosen in the menu, coloured only where the series is, switched by key, own window."""

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
from tests.browser.lab import OPEN, PROJECT, Lab, Viewer, run_all
from tests.browser.test_grid import activate
from tests.browser.test_viewer import press

UID, STRANGE = "2.25.771", "2.25.772"
COLOURED = """(() => { const p = s.board.paneNamed('axial'), {shape, picture} = p, n = shape.rows * shape.cols;
  const out = []; for (let i = 0; i < n; i++) { const w = picture.words[i]; out.push((w & 255) !== ((w >> 8) & 255)); }
  return out; })()"""


def small_series(source: Path, target: Path, uid: str, frame: str = "") -> None:
    """Write the left upper part of a series as another one, which rises from left to right."""
    target.mkdir(parents=True)
    for n, path in enumerate(sorted(source.iterdir())):
        dataset = pydicom.dcmread(path)
        rows, cols = dataset.Rows // 2, dataset.Columns // 2
        dataset.PixelData = np.tile(np.arange(1, cols + 1, dtype="<i2") * 10, (rows, 1)).tobytes()
        dataset.Rows, dataset.Columns = rows, cols
        dataset.SeriesInstanceUID, dataset.SeriesDescription, dataset.SeriesNumber = uid, f"Perfusion {uid[-1]}", 9
        dataset.RescaleIntercept, dataset.RescaleSlope = 0, 1
        dataset.FrameOfReferenceUID = frame or dataset.FrameOfReferenceUID
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{n + 1}"
        dataset.save_as(target / path.name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose subject has a CT, a map of a part of it, and one of another frame of reference."""
    root = tmp_path_factory.mktemp("fusion")
    write_phantom(root / "dicom" / "ct", "tiny")
    small_series(root / "dicom" / "ct", root / "dicom" / "map", UID)
    small_series(root / "dicom" / "ct", root / "dicom" / "strange", STRANGE, "2.25.9")
    create_repository(root / "repository", project=PROJECT, member="anna", site="KAU")
    import_folders(open_repository(root / "repository").backend, [root / "dicom"], project=PROJECT, site="KAU")  # type: ignore[arg-type]
    return root / "repository"


def choose(viewer: Viewer, label: str) -> None:
    viewer.page.locator(".eci-layouts select").nth(3).select_option(label=label)
    viewer.answered()
    viewer.wait()


def coloured(viewer: Viewer) -> np.ndarray:
    shape = viewer.stage("[s.board.paneNamed('axial').shape.rows, s.board.paneNamed('axial').shape.cols]")
    return np.asarray(viewer.stage(COLOURED)).reshape(shape)


def test_a_series_is_fused_where_it_is_and_switched_by_key(
    lab: Lab, page: Page, made: Path, request: pytest.FixtureRequest
) -> None:
    folder = lab.copy(made, request.node.name)
    run_all(page, lab.put(f"{folder.name}.ipynb", [OPEN.format(folder=folder.name)]))
    viewer = Viewer(page)
    viewer.wait()
    viewer.page.locator(".eci-layouts select").first.select_option(label="Three planes")
    viewer.page.wait_for_function("() => document.querySelector('.eci-stage').stage.board.panes.length === 3")
    viewer.page.locator(".eci-series button").get_by_text("Phantom").click()
    viewer.answered()
    viewer.wait()
    first = viewer.stage("s.board.paneNamed('axial').series")
    assert not coloured(viewer).any()
    choose(viewer, "Perfusion 1")
    page.wait_for_function(
        "() => document.querySelector('.eci-stage').stage.board.paneNamed('axial').picture.over !== null"
    )
    found = coloured(viewer)
    rows, cols = found.shape
    stored = np.zeros_like(found)
    stored[: rows // 2, : cols // 2] = True
    assert not found[~stored].any() and found[stored].mean() > 0.8
    viewer.page.screenshot(path=folder / "fused.png")
    assert page.locator(".eci-fusion").is_visible() and "Perfusion 1" in page.locator(".eci-fusion").inner_text()
    activate(viewer, "axial", "j")
    assert not coloured(viewer).any()
    press(viewer, "j")
    assert (coloured(viewer) == found).all()
    before = viewer.stage(f"s.board.looks.fusion.of('{UID}')")
    press(viewer, "Alt+ArrowUp", "Alt+j")
    after = viewer.stage(f"s.board.looks.fusion.of('{UID}')")
    assert after["opacity"] == pytest.approx(before["opacity"] + 0.1) and after["colours"] != before["colours"]
    windows = f"[s.board.looks.of('{UID}').window, s.board.looks.of('{first}').window]"
    own, below = viewer.stage(windows)
    page.keyboard.down("Shift")
    viewer.drag("axial", [(0.5, 0.5), (0.6, 0.5)], steps=5, button="right")
    page.keyboard.up("Shift")
    viewer.rest()
    assert viewer.stage(windows)[0] != own and viewer.stage(windows)[1] == below
    choose(viewer, "Perfusion 2")
    assert "another frame of reference" in viewer.stage("s.board.paneNamed('axial').fused.text")
    assert not coloured(viewer).any()
    viewer.page.screenshot(path=folder / "refused.png")
    choose(viewer, "No fusion")
    assert viewer.stage("s.board.paneNamed('axial').fused.text") == ""
