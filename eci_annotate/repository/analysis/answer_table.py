"""The answers of signed versions as a table: a row per question and lesion, with the code of a choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from eci_annotate.repository.analysis.form_answers import answered, by_path
from eci_annotate.repository.task import Signed
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.usecase.form import Question

if TYPE_CHECKING:
    from eci_annotate.repository.repository import Repository

COLUMNS = [
    *("project", "subject", "task", "reader", "version", "question", "item", "title"),
    *("answer", "unit", "label", "code", "meaning", "signed_at", "seal"),
]


def answer_table(repository: Repository, project: str | None = None, **which: Any) -> pd.DataFrame:
    """Return the answers of the signed versions that count, one row per question and item.

    Parameters
    ----------
    repository
        Where they were signed; you see the answers that you may see.
    project
        One project; by default all that you may see.
    which
        `task`, `accepted` and `versions`, as in `Repository.signed_versions`.

    Returns
    -------
    pandas.DataFrame
        Columns project, subject, task, reader, version; `question`, the path in the form, e.g. ``lesions[].segment``;
        `item`, the label of the lesion; `title`, `answer` and `unit`; of a choice the displayed `label`, and its `code`
        (``SCT:71133005``) with its `meaning`, empty where the form gives it none; signed_at and seal.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> imported = eci.import_folders(repo.backend, [folder / "dicom"], project="liver-ct", site="KAU")
    >>> task = repo.start("ECI_KAU_S0001", "annotate")
    >>> task.answer({"image_quality": "good", "lesions": []})
    >>> signed = task.sign("I looked at every slice and found no lesion")
    >>> eci.answer_table(repo)[["question", "answer", "code"]].values.tolist()
    [['image_quality', 'good', 'RADLEX:RID12']]
    """
    return table_of(repository.signed_versions(project, **which))


def table_of(versions: Iterable[Signed]) -> pd.DataFrame:
    """Return the answers of these versions."""
    return pd.DataFrame([row for signed in versions for row in _rows(signed)], columns=COLUMNS)


def _rows(signed: Signed) -> Iterator[dict[str, Any]]:
    questions = signed.use_case.questions
    known = {each.path: each.question for each in by_path(questions)}
    who = {name: getattr(signed, name) for name in ("project", "subject", "task", "reader", "version")}
    sealed = {"signed_at": to_minute(signed.at), "seal": signed.seal}
    for (path, item), answer in answered(questions, signed.report).items():
        yield {**who, "question": path, "item": " / ".join(item), **_cells(known[path], answer), **sealed}


def _cells(question: Question, answer: Any) -> dict[str, Any]:
    code = question.code_of(answer)
    return {
        "title": question.title,
        "answer": answer,
        "unit": question.unit,
        "label": question.label_of(answer) if question.choices else "",
        "code": str(code) if code else "",
        "meaning": code.meaning if code else "",
    }
