"""Use cases with their synthetic patients, from the page that opens to a signed, exported and verified version."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from eci_annotate.cli.open_command import subject_page
from eci_annotate.demo.case_preview import SITE, SUBJECT, make_preview
from eci_annotate.demo.phantoms.patient_study import intensities, lesion_voxels, series_uid_of
from eci_annotate.demo.phantoms.plan import PhantomPlan, SeriesPlan, read_plan
from eci_annotate.imaging.annotations import Annotation, Box, Contours, Mask
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.workflow.usecase.pipeline import TaskKind
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder
from tests.browser.case_driver import Point, opened
from tests.browser.voila_app import voila
from tests.counts import SOAK
from tests.repository.repository_world import anchor
from tests.workflow.test_use_cases import answers

# what is drawn, in order: tool and slot
DRAWN = {
    "breast-mri": (("smartpaint", "subtraction"), ("box", "t2"), ("box", "adc")),
    "liver-mri": (("box", "portal"),),
    "liver-ct": (("smartpaint", "portal"),),
    "colorectal-ct": (("smartpaint", "portal"),),
    "rectal-mri": (("freedraw", "oblique"),),
    "rectal-mri-restaging": (("freedraw", "oblique-prior"),),
    "mammography": (("box", "lcc"), ("box", "lmlo")),
    "mammography-screening": (("box", "lcc"), ("box", "lmlo")),
    "hcc-response": (("smartpaint", "arterial-ct"),),
}
ALWAYS = ("breast-mri", "mammography")


def series_of(plan: PhantomPlan, slot: str) -> tuple[str, SeriesPlan]:
    number, series = next((n, each) for n, each in enumerate(plan.series, 1) if each.slot == slot)
    return series_uid_of(plan, number), series


def centre_of(repo: Repository, plan: PhantomPlan, slot: str) -> tuple[str, Point, float]:
    """The series of a slot, the centre of the lesion on it (mm), and about its radius."""
    uid, series = series_of(plan, slot)
    (lesion,) = plan.lesions
    inside = lesion_voxels(plan, series, lesion) if series.modality != "MG" else breast_lesion(plan, series)
    grid = grid_of(repo.volume(uid, subject=SUBJECT))
    middle = np.round(np.argwhere(inside).mean(0))
    x, y, z = (float(each) for each in grid.reference_from_image(middle))
    return uid, (x, y, z), float(np.mean(lesion.radii_mm))


def breast_lesion(plan: PhantomPlan, series: SeriesPlan) -> np.ndarray:
    """Which pixels of a mammogram are the lesion: the brightest of the image without noise."""
    return intensities(plan, series, 1) > 2200


def is_at(found: Annotation, repo: Repository, uid: str, centre: Point) -> bool:
    """Whether a point lies in an annotation; in a box also up to a slice beside it."""
    if isinstance(found, Box):
        local = np.asarray(found.axes_lps) @ (np.asarray(centre) - np.asarray(found.centre_lps))
        return bool((np.abs(local) <= np.asarray(found.size_mm) / 2 + 3).all())
    assert isinstance(found, Contours | Mask)
    grid = grid_of(repo.volume(uid, subject=SUBJECT))
    index = np.round(grid.image_from_reference(np.asarray(centre))).astype(int)
    return bool(found.voxels_on(grid)[tuple(index)])


def reviewed(case: UseCase) -> set[str]:
    """The tasks after whose first version the review can begin."""
    done_by_people = [task for task in case.pipeline if task.kind not in (TaskKind.INGEST, TaskKind.DERIVE)]
    two = done_by_people[:2]
    return {two[0].name} if [task.kind for task in two] == [TaskKind.ANNOTATE, TaskKind.REVIEW] else set()


def as_reviewer(repo: Repository, place: Path) -> dict[str, str]:
    """Add a reviewer; the environment in which they open the repository."""
    key = add_member(repo, find(place), "ruth", project=repo.use_case().name, roles=("reviewer",), site=SITE)
    return {"ECI_ANNOTATE_REPOSITORY": str(place), "ECI_ANNOTATE_CREDENTIAL": str(key)}


@pytest.mark.parametrize("name", DRAWN if SOAK else ALWAYS)
def test_a_use_case_is_done_in_the_browser(name: str, tmp_path: Path, page: Page) -> None:
    folder, plan = forms_folder() / name, read_plan(forms_folder() / name)
    place = make_preview(folder, tmp_path)
    repo = open_repository(place)
    page_name = subject_page(tmp_path, SUBJECT).name
    label, places = plan.lesions[0].label, [centre_of(repo, plan, slot) for _, slot in DRAWN[name]]
    with voila(tmp_path, page_name, ECI_ANNOTATE_REPOSITORY=str(place)) as address:
        driver = opened(page, address)
        for (tool, _), (uid, centre, radius) in zip(DRAWN[name], places, strict=True):
            driver.draw(tool, label, uid, centre, radius)
        page.screenshot(path=tmp_path / "drawn.png")
        case = repo.use_case()
        first = next(task for task in case.pipeline if task.gate)
        gate = first.gate
        assert gate is not None
        full = answers(case.questions, 0)
        full[gate.lesions] = [full[gate.lesions][0] | {gate.label: label}]
        driver.answer(case.questions, full)
        if gate.check_series:
            driver.tick_all_series()
        page.screenshot(path=tmp_path / "answered.png")
        assert page.locator(".eci-form .eci-good").inner_text() == "Complete"
        driver.sign()
        page.screenshot(path=tmp_path / "signed.png")
    if first.name in reviewed(case):
        with voila(tmp_path, page_name, **as_reviewer(repo, place)) as address:
            driver = opened(page, address)
            assert driver.ink() > 20, "the reviewer sees what was drawn"
            page.screenshot(path=tmp_path / "review.png")
            page.locator(".eci-sign select").first.select_option(label="Accept")
            driver.sign()
        assert open_repository(place).subjects().stage.tolist() == ["done"]
    (signed,) = [each for each in repo.signed_versions() if each.task == first.name]  # a derived one may follow
    found = signed.annotations()
    assert {each.label for each in found} == {label} and len(found) == len(places)
    for each, (uid, centre, _) in zip(found, places, strict=True):
        assert each.series_uid == uid and is_at(each, repo, uid, centre), "what was drawn is where the lesion is"
    signed.export(tmp_path / "out")
    checks = verify_exported(tmp_path / "out", [anchor(place)])
    assert checks and all(check.passed for check in checks), [check for check in checks if not check.passed]
