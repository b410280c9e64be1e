"""Through the service a signed version is exported in each format with the same bytes as from the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.repository.open_repository import open
from tests.repository.repository_world import ANSWERS, MEANING, lines
from tests.service.service_world import S, remote, serving


@pytest.mark.parametrize("kind", ["seg", "nifti", "nrrd"])
def test_a_converted_export_is_the_same_at_the_service(folder: Path, tmp_path: Path, kind: str) -> None:
    task = open(folder).start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    here = task.sign(MEANING).export(tmp_path / "here", format=kind)
    with serving(folder) as address:
        there = remote(address, "anna").signed(S, "annotate", 1).export(tmp_path / "there", format=kind)
    assert [path.name for path in here] == [path.name for path in there]
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]
