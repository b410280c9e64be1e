"""Answers as a table and as CSV, and as CODE items of the signed report, each with the code that the form gives it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pandas as pd
import pydicom
import pytest

import eci_annotate as eci
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed
from tests.dicom.peers import dciodvfy_errors
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines


@pytest.fixture
def signed(repo: Repository) -> Signed:
    task = repo.start(S, "annotate", project=P)
    task.save(lines(task, "lesion 1", "box", "2.25.1"))
    task.answer({**ANSWERS, "comment": "=1+1"})
    return task.sign(MEANING)


def test_each_answer_is_a_row_with_its_code(repo: Repository, signed: Signed) -> None:
    table = eci.answer_table(repo, P).set_index(["question", "item"])
    assert set(table["seal"]) == {signed.seal} and set(table["reader"]) == {"anna"}
    cyst = table.loc["lesions[].classification", "lesion 1"]
    assert (cyst.answer, cyst.label, cyst.code, cyst.meaning) == ("cyst", "Cyst", "SCT:367643001", "Cyst")
    uncoded = table.loc["lesions[].segment", "lesion 1"]
    assert (uncoded.answer, uncoded.label, uncoded.code) == ("IVa", "IVa", "")
    size = table.loc["lesions[].size_mm", "lesion 1"]
    assert (size.answer, size.unit, size.code) == (49.0, "mm", "")


def test_the_csv_has_the_codes_and_no_formula(signed: Signed, tmp_path: Path) -> None:
    (path,) = signed.export(tmp_path, format="csv")
    table = pd.read_csv(StringIO(path.read_text()), keep_default_na=False).set_index("question")
    assert table.loc["image_quality", "code"] == "RADLEX:RID12"
    assert table.loc["comment", "answer"] == "'=1+1"


def report_of(signed: Signed, folder: Path) -> Path:
    (path,) = [each for each in signed.export(folder) if "_sr_" in each.name and each.suffix == ".dcm"]
    return path


def test_the_signed_report_has_code_items(signed: Signed, tmp_path: Path) -> None:
    report = pydicom.dcmread(report_of(signed, tmp_path))
    items = {item.ConceptNameCodeSequence[0].CodeMeaning: item for item in report.ContentSequence}
    quality = items["image_quality"]
    code = quality.ConceptCodeSequence[0]
    assert quality.ValueType == "CODE" and code.CodingSchemeDesignator == "RADLEX"
    assert (code.CodeValue, code.CodeMeaning) == ("RID12", "Diagnostic quality")
    (lesion,) = items["lesions"].ContentSequence
    inner = {item.ConceptNameCodeSequence[0].CodeMeaning: item for item in lesion.ContentSequence}
    assert inner["classification"].ConceptCodeSequence[0].CodeValue == "367643001"
    assert inner["segment"].ValueType == "TEXT" and inner["segment"].TextValue == "IVa"


@pytest.mark.needs_debian
def test_dciodvfy_accepts_the_signed_report(signed: Signed, tmp_path: Path) -> None:
    assert dciodvfy_errors(report_of(signed, tmp_path)) == []
