"""Use cases with their synthetic patients, from the page that opens to a signed, exported and verified version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
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
from eci_annotate.repository.signed import Signed
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.workflow.usecase.pipeline import TaskDefinition
from eci_annotate.workflow.usecase.usecase import forms_folder
from tests.browser.case_driver import CaseDriver, Point, opened
from tests.browser.voila_app import voila
from tests.counts import SOAK
from tests.repository.repository_world import anchor
from tests.workflow.test_use_cases import agreeing, answers

Drawn = tuple[tuple[str, str], ...]  # in order: tool and slot


@dataclass(frozen=True)
class Step:
    """A task that somebody does in the browser; an adjudication takes the drawings of the first reader."""

    task: str
    by: str
    drawn: Drawn = ()


# the tasks that are drawn, in their order, and who does them; the review follows
STEPS: dict[str, tuple[Step, ...]] = {
    "breast-mri": (Step("annotate", "anna", (("smartpaint", "subtraction"), ("box", "t2"), ("box", "adc"))),),
    "liver-mri": (Step("annotate", "anna", (("box", "portal"),)),),
    "liver-ct": (Step("annotate", "anna", (("smartpaint", "portal"),)),),
    "colorectal-ct": (Step("annotate", "anna", (("smartpaint", "portal"),)),),
    "rectal-mri": (Step("annotate", "anna", (("freedraw", "oblique"),)),),
    "rectal-mri-restaging": (
        Step("baseline", "anna", (("freedraw", "oblique-prior"),)),
        Step("restaging", "anna", (("freedraw", "oblique"),)),
    ),
    "mammography": (Step("annotate", "anna", (("box", "lcc"), ("box", "lmlo"))),),
    "mammography-screening": (Step("annotate", "anna", (("box", "lcc"), ("box", "lmlo"))),),
    "hcc-response": (
        Step("annotate", "anna", (("smartpaint", "arterial-ct"),)),
        Step("annotate", "ben", (("smartpaint", "arterial-ct"),)),
        Step("adjudicate", "ruth"),
    ),
}
ALWAYS = ("breast-mri", "mammography", "rectal-mri-restaging")
REVIEWER = {"hcc-response": "olga"}  # by default ruth


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


PEOPLE = {"anna": "annotator", "ben": "annotator", "ruth": "reviewer", "olga": "owner"}


def keys_of(repo: Repository, place: Path) -> dict[str, dict[str, str]]:
    """Members of the project, and the environment in which each opens the repository."""
    where = {"project": repo.use_case().name, "site": SITE}
    keys = {name: add_member(repo, find(place), name, roles=(role,), **where) for name, role in PEOPLE.items()}
    return {
        name: {"ECI_ANNOTATE_REPOSITORY": str(place), "ECI_ANNOTATE_CREDENTIAL": str(key)} for name, key in keys.items()
    }


class Walk:
    """One subject on its way through a use case, each task on a page of the person who does it."""

    def __init__(self, name: str, folder: Path, page: Page) -> None:
        self.name, self.folder, self.page = name, folder, page
        self.plan = read_plan(forms_folder() / name)
        self.place = make_preview(forms_folder() / name, folder)
        self.repo = open_repository(self.place)
        self.case = self.repo.use_case()
        self.label = self.plan.lesions[0].label
        self._keys = keys_of(self.repo, self.place)
        self._page = subject_page(folder, SUBJECT).name

    @contextmanager
    def at(self, who: str) -> Iterator[CaseDriver]:
        """The page of a member, opened at the task that waits for them."""
        with voila(self.folder, self._page, **self._keys[who]) as address:
            yield opened(self.page, address)

    def look(self, what: str) -> None:
        self.page.screenshot(path=self.folder / f"{what}.png")

    def do(self, step: Step, definition: TaskDefinition) -> None:
        """Draw, answer and sign one task."""
        assert definition.gate is not None
        places = [centre_of(self.repo, self.plan, slot) for _, slot in step.drawn]
        with self.at(step.by) as driver:
            if definition.first:
                assert driver.active_series() == places[0][0]
            if definition.beside:
                driver.show_earlier(self.label)
                self.look("baseline-shown")
                assert driver.ink() > 20, "the outlines of the baseline are shown"
            for (tool, _), (uid, centre, radius) in zip(step.drawn, places, strict=True):
                driver.draw(tool, self.label, uid, centre, radius)
            if not step.drawn:
                driver.take_all()
            self.look(f"{step.task}-{step.by}-drawn")
            full = answers(self.case.questions, 0)
            item = full[definition.gate.lesions][0]
            slots = [slot for _, slot in step.drawn or STEPS[self.name][0].drawn]
            item |= agreeing(definition.gate, slots) | {definition.gate.label: self.label}
            full[definition.gate.lesions] = [item]
            driver.answer(self.case.questions, full)
            if definition.gate.check_series:
                driver.tick_all_series()
            if self.case.kinetics:
                driver.measure_curve(self.label)
                self.look("curve")
            assert self.page.locator(".eci-form .eci-good").inner_text() == "Complete"
            driver.sign()
            self.look(f"{step.task}-{step.by}-signed")

    def review(self, who: str) -> None:
        """Accept what was drawn last."""
        with self.at(who) as driver:
            assert driver.ink() > 20, "the reviewer sees what was drawn"
            self.look("review")
            self.page.locator(".eci-sign select").first.select_option(label="Accept")
            driver.sign()


@pytest.mark.parametrize("name", STEPS if SOAK else ALWAYS)
def test_a_use_case_is_done_in_the_browser(name: str, tmp_path: Path, page: Page) -> None:
    walk = Walk(name, tmp_path, page)
    tasks = {task.of_group: task for task in walk.case.pipeline}
    assert {step.task for step in STEPS[name]} == {task.of_group for task in walk.case.pipeline if task.gate}
    for step in STEPS[name]:
        walk.do(step, tasks[step.task])
    walk.review(REVIEWER.get(name, "ruth"))
    repo = open_repository(walk.place)
    assert repo.subjects().stage.tolist() == ["done"]
    newest = {(each.task, each.reader): each for each in repo.all_signed()}.values()
    for step in STEPS[name]:
        (signed,) = [each for each in newest if each.reader == step.by and group_of(walk, each) == step.task]
        found = signed.annotations()
        drawn = step.drawn or STEPS[name][0].drawn
        places = [centre_of(repo, walk.plan, slot) for _, slot in drawn]
        assert {each.label for each in found} == {walk.label} and len(found) == len(places)
        for each, (uid, centre, _) in zip(found, places, strict=True):
            assert each.series_uid == uid and is_at(each, repo, uid, centre), "what was drawn is where the lesion is"
        out = tmp_path / "out" / f"{step.task}-{step.by}"
        signed.export(out)
        checks = verify_exported(out, [anchor(walk.place)])
        assert checks and all(check.passed for check in checks), [check for check in checks if not check.passed]
        if walk.case.kinetics:
            assert_curve(out)


def group_of(walk: Walk, signed: Signed) -> str:
    return next(task.of_group for task in walk.case.pipeline if task.name == signed.task)


def assert_curve(out: Path) -> None:
    """The exported curve rises after contrast agent, and has a time for each point."""
    (path,) = out.glob("*_kinetics.csv")
    table = pd.read_csv(path)
    assert len(table) >= 3 and table["seconds"].is_monotonic_increasing and table["voxels"].min() > 10
    assert table["mean"].iloc[1] > table["mean"].iloc[0] and table["wash_in_percent"].iloc[0] > 20
