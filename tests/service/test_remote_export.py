"""Through the service a signed version is exported in each format with the same bytes as from the folder."""

from __future__ import annotations

from pathlib import Path

from eci_annotate.repository.open_repository import open
from tests.repository.repository_world import ANSWERS, MEANING, lines
from tests.service.service_world import S, remote, serving


def test_converted_exports_are_the_same_at_the_service(folder: Path, tmp_path: Path) -> None:
    task = open(folder).start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    here = task.sign(MEANING)
    with serving(folder) as address:
        there = remote(address, "anna").signed(S, "annotate", 1)
        for kind in ("seg", "nifti", "nrrd"):
            one, two = here.export(tmp_path / "here", format=kind), there.export(tmp_path / "there", format=kind)
            assert [path.name for path in one] == [path.name for path in two]
            assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
