"""Lists of accession numbers as spreadsheets write them; nothing that matches a whole PACS is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.errors import BadConfiguration
from eci_annotate.proxy.receive.fetch_query import queries_of


@pytest.mark.parametrize(
    "text",
    [
        "007;Kanarie, Åsa\n8;Kanarie, Bo\n",
        "\ufeffName;Accession Number\r\nKanarie, Åsa;007\r\nKanarie, Bo;8\r\nKanarie, Bo;8\r\n",
        "sep=;\nAccessionNumber;x\n007;1,5\n8;1,5\n",
        "accession_number\tName\n007\tKanarie, Åsa\n8\tBo\n",
        "AccessionNumber\n007\n\n8\n",
        "007\n8\n",
    ],
)
def test_lists_of_spreadsheets_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode())
    queries = queries_of(None, None, path)
    assert [each.keys for each in queries] == [{"AccessionNumber": "007"}, {"AccessionNumber": "8"}]
    lines = text.splitlines()
    assert all(each.keys["AccessionNumber"] in lines[each.line - 1] for each in queries)
    assert "007" not in repr(queries)


@pytest.mark.parametrize("number", ["1,23457E+11", "1.2E+5", "12*"])
def test_what_a_spreadsheet_has_changed_is_refused_by_its_line(tmp_path: Path, number: str) -> None:
    (tmp_path / "list.csv").write_text(f'AccessionNumber;x\n5;1\n"{number}";1\n')
    with pytest.raises(BadConfiguration, match="line 3") as refused:
        queries_of(None, None, tmp_path / "list.csv")
    assert number not in str(refused.value)


@pytest.mark.parametrize(("patient", "study"), [("", None), (" ", None), ("*", None), ("12?", None), (None, "")])
def test_nothing_is_asked_that_matches_a_whole_pacs(patient: str | None, study: str | None) -> None:
    with pytest.raises(BadConfiguration):
        queries_of(patient, study, None)
