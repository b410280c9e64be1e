"""An export whose files were renamed, or are written so that programs read them differently, does not verify."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.software import software_checks, write_software
from eci_annotate.repository.verify_export import verify_exported
from tests.repository.repository_world import ANSWERS, MEANING, S, anchor
from tests.repository.test_offline import exported

ROOT = Path(__file__).parents[2]
STEM = f"{S}_annotate_v0001"


def test_the_names_of_the_files_are_those_of_the_signed_record(repo: Repository, folder: Path, tmp_path: Path) -> None:
    """Readers take subject, task and version from their names."""
    trusted, out = anchor(folder), exported(repo, tmp_path / "out")
    for other in (f"{S}_annotate_v0002", f"{S}_annotate.2_v0001", "ECI_KAU_S0002_annotate_v0001"):
        renamed = Path(shutil.copytree(out, tmp_path / other))
        for path in sorted(renamed.iterdir()):
            path.rename(path.with_name(path.name.replace(STEM, other)))
        (failed,) = (check for check in verify_exported(renamed, [trusted]) if not check.passed)
        assert (failed.subject, failed.check) == (S, "name")
        assert failed.detail == f"{other}_provenance.json was renamed: it is the record of {STEM}."


def twice(content: bytes) -> bytes:
    """The first name of the first object a second time, before it: most programs read the later value, some this."""
    start = content.index(b"{") + 1
    name = content[start : content.index(b":", start)]
    return content[:start] + name + b': "another", ' + content[start:]


def too_deep(content: bytes) -> bytes:
    return b"[" * 200_000


def in_utf_16(content: bytes) -> bytes:
    return content.decode().encode("utf-16")


@pytest.mark.parametrize("edit", [twice, too_deep, in_utf_16])
def test_json_that_programs_read_differently_is_damaged(
    repo: Repository, folder: Path, tmp_path: Path, edit: Callable[[bytes], bytes]
) -> None:
    trusted, out = anchor(folder), exported(repo, tmp_path / "out")
    write_software(out)
    for path in sorted(out.glob("*.json")):
        good = path.read_bytes()
        path.write_bytes(edit(good))
        assert edit is not twice or json.loads(path.read_bytes()) == json.loads(good), "its digest is the same"
        failed = [check.detail for check in verify_exported(out, [trusted]) if not check.passed]
        assert len(failed) == 1 and failed[0].startswith(f"{path.name} is damaged"), failed
        path.write_bytes(good)
    (out / "software" / "software.json").write_bytes(b"[" * 200_000)
    assert [check.detail for check in software_checks(out)] == ["software/software.json is damaged."]


def test_a_folder_in_the_place_of_a_record_is_named(repo: Repository, folder: Path, tmp_path: Path) -> None:
    trusted, out = anchor(folder), exported(repo, tmp_path / "out")
    path = out / f"{STEM}_provenance.json"
    path.unlink()
    path.mkdir()
    (failed,) = (check for check in verify_exported(out, [trusted]) if not check.passed)
    assert (failed.check, failed.detail) == ("provenance", f"{path.name} is damaged.")


def test_gestures_and_snapshot_come_together(repo: Repository, folder: Path, tmp_path: Path) -> None:
    """Without one of them nothing could be replayed; without both the export was made so."""
    trusted, out = anchor(folder), exported(repo, tmp_path / "out")
    repo.signed(S, "annotate", 1).export(out, journal=True)
    journal, snapshot = out / f"{STEM}_journal.json", out / f"{STEM}_snapshot.npz"
    for path, left in ((journal, snapshot), (snapshot, journal)):
        kept = path.read_bytes()
        path.unlink()
        failed = [check.detail for check in verify_exported(out, [trusted]) if not check.passed]
        assert left.exists() and failed == [f"{path.name} is missing."]
        path.write_bytes(kept)
    journal.unlink()
    snapshot.unlink()
    assert all(check.passed for check in verify_exported(out, [trusted]))


def shown_by_the_notebook(export: Path, images: Path, authority: Path) -> dict[str, Any]:
    """What the code of 06_reproduce leaves, run here: of each cell its names, and what was printed."""
    content = json.loads((ROOT / "notebooks" / "06_reproduce.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
        if "parameters" in cell["metadata"].get("tags", []):
            names |= {"export": str(export), "images": str(images), "authority": str(authority)}
    return names


def test_the_notebook_names_versions_without_a_drawing_or_a_journal(
    repo: Repository, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = repo.start(S, "annotate")
    task.answer({**ANSWERS, "lesions": []})
    task.sign(MEANING).export(tmp_path / "out")
    write_phantom(tmp_path / "dicom", "tiny")
    names = shown_by_the_notebook(tmp_path / "out", tmp_path / "dicom", folder / "authority" / "ca.pem")
    told = capsys.readouterr().out
    assert names["figures"].empty and f"{STEM}: nothing was drawn." in told
    assert f"{STEM}: not replayed: the export carries no journal" in told
