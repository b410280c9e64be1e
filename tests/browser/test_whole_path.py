"""The whole path as a radiologist goes it: a real JupyterLab, a real browser, real mouse events; then
plastimatch reads from the archive what she signed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from tests.browser.lab import Viewer, browsing, run_all, serving
from tests.dicom.peers import dciodvfy_errors, plastimatch_masks

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "notebooks/sample/liver_ct_crlm_1004/ct"
SUBJECT = "ECI_KAU_S0001"
LABELS = ("metastasis 1", "box 2", "outline 3")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the first notebook and a repository with the sample liver CT."""
    folder = tmp_path_factory.mktemp("path")
    create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    repo = eci.open(folder / "demo")
    import_folders(repo.backend, [SAMPLE], project="liver-ct", site="KAU")
    (folder / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks/01_annotate.ipynb", folder / "notebooks")
    return folder


def add(page, label):
    page.get_by_placeholder("next label").fill(label)
    press(page, "Add")


def press(page, text):
    page.locator(".eci-app button").get_by_text(text, exact=True).click()


def circle(x, y, radius, points=14):
    angle = np.linspace(0, 2 * np.pi, points)
    return [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angle]


def draw_all(page, viewer):
    """One annotation with each tool, in the liver, in the axial pane."""
    press(page, "SmartPaint")
    add(page, "metastasis 1")
    viewer.drag("axial", circle(0.25, 0.50, 0.02), steps=3)
    viewer.drag("sagittal", [(0.35, 0.45), (0.40, 0.50)], steps=6)
    viewer.rest()
    press(page, "BoundingBox")
    add(page, "box 2")
    viewer.drag("axial", [(0.40, 0.50), (0.44, 0.54)])
    viewer.rest()
    press(page, "FreeDraw")
    add(page, "outline 3")
    viewer.drag("axial", circle(0.30, 0.62, 0.03), steps=2)
    viewer.rest()


def answer(page, name, value, kind="input"):
    field = page.locator(f".eci-q-{name} {kind}").last
    if kind == "select":
        field.select_option(label=value)
    else:
        field.fill(value)
        field.press("Tab")


def fill_form(page):
    answer(page, "image_quality", "Good", "select")
    for number, label in enumerate(LABELS, 1):
        press(page, "Add: Lesion")
        page.wait_for_function("n => document.querySelectorAll('.eci-q-segment select').length === n", arg=number)
        answer(page, "label", label)
        answer(page, "segment", "VI", "select")
        answer(page, "size_mm", "21")
        answer(page, "classification", "Metastasis", "select")
        answer(page, "confidence", "4")


def test_a_radiologist_annotates_and_signs_and_plastimatch_reads_it(place, tmp_path):
    with serving(place) as lab, browsing(1700, 1300) as page:
        notebook = json.loads((place / "notebooks/01_annotate.ipynb").read_text(encoding="utf-8"))
        cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
        run_all(page, lab.put("path.ipynb", [c.replace("../demo", "demo") for c in cells[:4]]))
        viewer = Viewer(page)
        viewer.wait()
        draw_all(page, viewer)
        fill_form(page)
        page.screenshot(path=tmp_path / "before.png")
        press(page, "Sign …")
        press(page, "Sign for good")
        page.wait_for_selector(".eci-signed, .eci-sign .eci-problem")
        assert "Signed: version 1" in page.locator(".eci-sign").inner_text()
    check_archive(place / "demo", tmp_path)


def check_archive(repository, tmp_path):
    """What was signed is what independent programs read in the study's own folder."""
    repo = eci.open(repository)
    table = repo.annotations()
    assert sorted(zip(table.label, table.kind, strict=True)) == [
        ("box 2", "box"), ("metastasis 1", "mask"), ("outline 3", "contours"),
    ]  # fmt: skip
    assert (table.volume_mm3 > 500).all()
    signed = repo.signed(SUBJECT, "annotate", 1)
    assert signed.report["lesions"][0]["label"] == "metastasis 1"
    assert repo.verify(signed).passed
    study = next(p for p in (repository / "archive").rglob("*.dcm")).parents[1]
    structure_sets = [p for p in study.rglob("*.dcm") if _modality(p) == "RTSTRUCT"]
    assert len(structure_sets) == 1 and dciodvfy_errors(structure_sets[0]) == []
    seen = plastimatch_masks(structure_sets[0], SAMPLE, tmp_path / "out")
    ct = repo.volume(table.series.iloc[0])
    for row in table.index:
        annotation = repo.annotation(row)
        ours = annotation.mask_on(ct).values
        assert ours.any()
        if annotation.kind == "mask":
            assert np.array_equal(seen[annotation.label], ours)
        else:
            assert (seen[annotation.label] != ours).sum() <= 0.02 * ours.sum()


def _modality(path):
    import pydicom

    return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Modality"]).Modality
