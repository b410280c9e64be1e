"""Forms and manuals in several languages: what is missing is named, and answers are the same in each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.translation import language_for, translated
from eci_annotate.workflow.usecase.answer_check import check_answers
from eci_annotate.workflow.usecase.form import questions
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder, shipped_use_case
from tests.workflow.test_use_cases import answers

LIVER = shipped_use_case("liver-ct")


def titles(schema: Any) -> list[str]:
    return [each.title for each in questions(schema)] + [label for _, label in questions(schema)[0].choices]


def test_each_language_has_its_titles() -> None:
    assert LIVER.languages == ("es", "de")
    assert titles(LIVER.report_in("de"))[0] == "Bildqualität" and "Gut" in titles(LIVER.report_in("de"))
    assert titles(LIVER.report_in("es"))[0] == "Calidad de imagen" and "Buena" in titles(LIVER.report_in("es"))
    assert titles(LIVER.report_in("en")) == titles(LIVER.report) == titles(LIVER.report_in("fr"))


@pytest.mark.parametrize("language", ["de", "es"])
def test_answers_do_not_depend_on_the_language(language: str) -> None:
    there = LIVER.report_in(language)
    for end in (0, -1):
        given = answers(questions(there), end)
        assert given == answers(LIVER.questions, end)
        assert check_answers(there, given) == check_answers(LIVER.report, given)


def without_texts(schema: Any) -> Any:
    if isinstance(schema, list):
        return [without_texts(each) for each in schema]
    if isinstance(schema, dict):
        texts = [key for key in ("title", "description") if isinstance(schema.get(key), str)]
        return {key: without_texts(value) for key, value in schema.items() if key not in texts}
    return schema


def test_a_translation_changes_texts_only() -> None:
    assert without_texts(LIVER.report_in("de")) == without_texts(LIVER.report)


def test_manuals_are_published_with_the_case() -> None:
    published = UseCase.from_blob(LIVER.blob)
    assert published.manual_in("de").startswith("# Leberläsionen") and "data:image/webp" in published.manual_in("es")
    assert published.manual_in("fr") == published.manual


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("de-AT", "de"), ("fr-FR,es;q=0.8,en;q=0.5", "es"), ("en-GB,de", "en"), ("fr", "en"), ("", "en"), ("DE", "de")],
)
def test_the_first_known_language_of_the_browser_is_taken(wanted: str, language: str) -> None:
    assert language_for(wanted, ("es", "de")) == language


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(forms_folder() / "liver-ct", tmp_path / "liver-ct"))


def change(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after))


def test_a_text_without_a_translation_is_named(folder: Path) -> None:
    change(folder, "report.json", '"x-title": {"es": "Quiste", "de": "Zyste"},', '"x-title": {"es": "Quiste"},')
    with pytest.raises(BadUseCase, match=r"no translation into Deutsch \(de\) of 'Cyst'\."):
        UseCase.from_folder(folder)


def test_a_missing_manual_is_named(folder: Path) -> None:
    (folder / "manual.es.md").unlink()
    with pytest.raises(BadUseCase, match=r"manual\.es\.md is missing"):
        UseCase.from_folder(folder)


def test_a_language_that_is_not_listed_is_named(folder: Path) -> None:
    change(folder, "usecase.yaml", "languages: [es, de]", "languages: [es]")
    with pytest.raises(BadUseCase, match="texts in 'de', which is not listed"):
        UseCase.from_folder(folder)


def test_an_empty_translation_is_refused(folder: Path) -> None:
    change(folder, "report.json", '"de": "Zyste"', '"de": ""')
    with pytest.raises(BadUseCase, match="report"):
        UseCase.from_folder(folder)


def test_a_form_without_translations_stays_as_it_is() -> None:
    report = shipped_use_case("breast-mri").report
    assert translated(report, "de") == report
