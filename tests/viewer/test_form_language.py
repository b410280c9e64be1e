"""The form follows the browser's language until one is chosen; what was answered and what is signed stays the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.viewer.panels import form_language
from eci_annotate.viewer.workbench import Workbench
from tests.repository.repository_world import ANSWERS, S, lines, make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("languages"))


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Repository:
    return open(Path(shutil.copytree(made, tmp_path / "repository")))


@pytest.fixture(autouse=True)
def kernel() -> Iterator[None]:
    """Nothing was chosen in this kernel yet."""
    form_language._kept.clear()
    yield
    form_language._kept.clear()


def opened(repo: Repository) -> Workbench:
    task = repo.start(S, "annotate")
    task.answer(ANSWERS)
    task.save(lines(task, "lesion 1", uid="u1"))
    return Workbench(task)


def quality(bench: Workbench) -> Any:
    assert bench.report.form is not None
    return bench.report.form.group.parts["image_quality"]


def shown(bench: Workbench) -> tuple[str, list[str]]:
    """The title of the first question, and its choices."""
    field = quality(bench)
    return field.title.value, [label for label, _ in field.input.options]


def test_the_form_follows_the_browser(repo: Repository) -> None:
    bench = opened(repo)
    assert "Image quality" in shown(bench)[0]
    bench.stage.language = "de-AT,en"
    assert "Bildqualität" in shown(bench)[0] and "Gut" in shown(bench)[1]
    assert bench.report.answers["image_quality"] == "good" and quality(bench).input.value == "good"


def test_a_chosen_language_stays_also_for_the_next_task(repo: Repository) -> None:
    bench = opened(repo)
    bench.report.language.widget.value = "es"
    assert "Calidad de imagen" in shown(bench)[0]
    bench.stage.language = "de"
    assert "Calidad de imagen" in shown(bench)[0]
    bench.leave()
    assert "Calidad de imagen" in shown(opened(repo))[0]


def test_an_answer_given_in_another_language_is_saved_as_ever(repo: Repository) -> None:
    bench = opened(repo)
    bench.stage.language = "de"
    field = quality(bench)
    field.input.label = "Eingeschränkt, aber beurteilbar"
    assert bench.report.answers["image_quality"] == "limited"
    assert bench.report.problem.startswith("'Was die Qualität einschränkt' is missing")
    field.input.label = "Gut"
    signed = bench._sign("I checked", "", "", "")
    assert signed.report == ANSWERS


def test_the_manual_is_shown_in_the_language(repo: Repository) -> None:
    bench = opened(repo)
    bench.report.manual.button.value = True
    assert "<h1>Liver lesions in CT</h1>" in bench.report.manual.page.value
    bench.stage.language = "de"
    assert "<h1>Leberläsionen im CT</h1>" in bench.report.manual.page.value


def test_a_signed_form_stays_closed_in_another_language(repo: Repository) -> None:
    bench = opened(repo)
    bench._sign("I checked", "", "", "")
    bench.stage.language = "de"
    assert "Bildqualität" in shown(bench)[0] and quality(bench).input.disabled
