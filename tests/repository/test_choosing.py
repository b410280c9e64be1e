"""Which repository is opened when none is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eci_annotate.errors import NotARepository
from eci_annotate.repository.open_repository import open


def test_the_environment_says_else_the_demo_beside(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ECI_ANNOTATE_SERVICE", "ECI_ANNOTATE_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    with pytest.raises(NotARepository, match="Set ECI_ANNOTATE_REPOSITORY"):
        open()
    shutil.copytree(made, tmp_path / "demo")
    assert open().worklist().subject.tolist() == ["ECI_KAU_S0001"]
    monkeypatch.setenv("ECI_ANNOTATE_REPOSITORY", str(tmp_path / "nowhere"))
    with pytest.raises(NotARepository, match="no eci_annotate repository in this folder"):
        open()
    monkeypatch.setenv("ECI_ANNOTATE_REPOSITORY", str(made))
    assert open().worklist().subject.tolist() == ["ECI_KAU_S0001"]
