"""The tiles of the first page count what is there to do, for the person who looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eci_annotate.hub.pages import home
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import find
from tests.repository.repository_world import P, S, as_member, local, make


def test_tasks_are_counted_and_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path)
    repo = as_member(monkeypatch, folder, "anna")
    add_member(repo, find(folder), "axel", project=P, roles=("auditor",), site="KAU", sites=("*",))
    counts: dict[str, Any] = {
        name: home._to_do(local(as_member(monkeypatch, folder, name)), P) for name in ("anna", "ben", "ruth", "axel")
    }
    assert counts == {"anna": "1", "ben": "1", "ruth": "0", "axel": "0"}
    repo.start(S, "annotate", project=P)
    assert home._to_do(local(as_member(monkeypatch, folder, "ben")), P) == "0", "anna has it"
    assert home._to_do(local(as_member(monkeypatch, folder, "anna")), P) == "1", "she may take it over"
    monkeypatch.setattr(home, "COUNTED", 1)
    assert home._to_do(local(repo), P) == "1"
    from eci_annotate.dicom.phantom import write_phantom

    write_phantom(tmp_path / "more", "anisotropic")
    import_folders(local(repo), [tmp_path / "more"], project=P, site="KAU")
    assert home._to_do(local(repo), P) == "more than 1"
