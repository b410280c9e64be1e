"""Derived DICOM objects come from one table: a new kind is exported, verified, read and erased without further code."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from eci_annotate.dicom.annotation_objects import DERIVED, DerivedKind, Material
from eci_annotate.dicom.sr.report import report_object
from eci_annotate.dicom.uids import BASIC_TEXT_SR_STORAGE
from eci_annotate.errors import Refused
from eci_annotate.repository.manifest_parts import KEPT, Keeping, exported_parts, keeping_of
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.workflow.subject.commands import Withdraw
from eci_annotate.workflow.trust.seals import Manifest, PartKind, SealedPart
from tests.repository.repository_world import ANSWERS, MEANING, P, S, anchor, lines

NOTE = "note"


def signed_version(repo: Repository) -> Signed:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    return task.sign(MEANING)


def a_note(material: Material) -> Iterator[tuple[str, bytes]]:
    series = material.report_series()
    who = {"version": material.version, "task": f"{material.task} note", "signer": material.signer}
    yield series, report_object({"note": "a dummy"}, "Note", material.files(series), when=material.when, **who)  # type: ignore[arg-type]


@pytest.fixture
def note(monkeypatch: pytest.MonkeyPatch) -> None:
    """A further kind of derived object."""
    monkeypatch.setitem(DERIVED, NOTE, DerivedKind(BASIC_TEXT_SR_STORAGE, ".note.dcm", a_note, len))


def test_every_part_kind_is_known_and_only_those_are_signed(repo: Repository) -> None:
    assert set(DERIVED) | set(KEPT) == set(PartKind) and not set(DERIVED) & set(KEPT)
    assert all(keeping_of(role) is Keeping.ARCHIVE for role in DERIVED)
    found = {part.role for part in signed_version(repo).event.manifest.parts}
    assert found <= set(PartKind) and set(DERIVED) <= found


def test_the_table_reads_what_it_makes(repo: Repository) -> None:
    signed = signed_version(repo)
    for role, kind in DERIVED.items():
        (content,) = signed.content(role)
        dataset = dcmread(BytesIO(content))
        assert dataset.SOPClassUID == kind.sop_class
        assert kind.read(content)


def test_an_unknown_part_is_refused_by_name_and_never_left_out(repo: Repository, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="unknown kind, 'seg'"):
        list(exported_parts("x", Manifest((SealedPart("seg", "", "0" * 64),))))


def test_a_kind_that_is_gone_from_the_table_fails_loudly(
    repo: Repository, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = signed_version(repo)
    signed.export(tmp_path / "out")
    monkeypatch.delitem(DERIVED, "sr")
    with pytest.raises(Refused, match="unknown kind, 'sr'"):
        signed.export(tmp_path / "again")
    assert [c.check for c in repo.backend.trail.verify(P, S) if not c.passed] == ["sr"]
    assert [c.check for c in verify_exported(tmp_path / "out", [anchor(folder)]) if not c.passed] == ["manifest"]


@pytest.mark.usefixtures("note")
def test_a_new_kind_is_exported_verified_and_erased(repo: Repository, folder: Path, tmp_path: Path) -> None:
    trusted, signed = anchor(folder), signed_version(repo)
    (part,) = signed.event.manifest.of(NOTE)
    files = signed.export(tmp_path / "out")
    (exported,) = [path for path in files if path.name.endswith("_note_1.note.dcm")]
    assert signed.content(NOTE) == [exported.read_bytes()]
    assert [c.passed for c in verify_exported(tmp_path / "out", [trusted]) if c.check == NOTE] == [True]
    exported.write_bytes(exported.read_bytes()[:-1])
    assert [c.check for c in verify_exported(tmp_path / "out", [trusted]) if not c.passed] == [
        NOTE,
        "digital signature of NOTE",
    ]
    assert [c.passed for c in repo.backend.trail.verify(P, S) if c.check == "NOTE"] == [True]
    (archived,) = (folder / "archive").rglob(f"{part.name.rpartition('/')[2]}.dcm")
    good = archived.read_bytes()
    archived.write_bytes(good[:-1])
    assert [c.check for c in repo.backend.trail.verify(P, S) if not c.passed] == ["NOTE", "digital signature of NOTE"]
    archived.write_bytes(good)
    repo.backend.do(Withdraw(P, S, "letter"))
    assert not archived.exists()
