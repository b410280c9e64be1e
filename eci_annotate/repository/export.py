"""A signed version as files that other software reads: RTSTRUCT, report (JSON and DICOM SR), provenance (JSON)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from eci_annotate.errors import Refused
from eci_annotate.repository.backend import Backend
from eci_annotate.repository.manifest_parts import exported_parts, exported_stem, is_archived
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import Json, parse, to_json
from eci_annotate.workflow.subject.blinding import is_nameless
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.trust.seals import PartKind

TABLE = "versions.csv"
TABLE_COLUMNS = (
    "project", "subject", "task", "version", "reader", "signed_at", "verdict", "superseded", "position", "seal",
)  # fmt: skip


def export_version(
    backend: Backend, project: str, subject: str, signed: VersionSigned, folder: Path, *, journal: bool = False
) -> list[Path]:
    """Write the version's files into ``folder``; every one is checked by its digest on the way.

    Parameters
    ----------
    backend, project, subject
        Where the version is.
    signed
        The version.
    folder
        Where the files go.
    journal
        Also the recorded gestures and the snapshot, from which the drawing can be replayed.

    Raises
    ------
    Refused
        Its reader is hidden from the actor: a file would name the reader, or prove nothing. Or it has a part of an
        unknown kind.
    """
    require_named(signed)
    stem = exported_stem(subject, signed)
    written: list[Path] = []
    for part, name in list(exported_parts(stem, signed.manifest, journal=journal)):
        content = backend.get(project, subject, part.digest)
        if is_archived(part) or part.role == PartKind.SNAPSHOT:
            write_atomic(folder / name, content)
        else:
            _write(folder / name, parse(content, f"The {part.role}"))
        written.append(folder / name)
    provenance = provenance_of(backend, project, subject, signed)
    written.append(_write(folder / f"{stem}_provenance.json", provenance))
    backend.trail.note("exported.1", project, subject, f"{signed.task} version {signed.version}")
    return written


def provenance_of(backend: Backend, project: str, subject: str, signed: VersionSigned) -> Json:
    """Return the signed record of a version with its signer's certificate: what an export verifies by.

    Raises
    ------
    Refused
        Its reader is hidden from the actor.
    """
    require_named(signed)
    member = next(each for each in backend.account.members(project) if each.name == signed.by)
    return {
        "project": project,
        "subject": subject,
        "site": backend.subject(project, subject).site,
        "version": to_json(signed),
        "certificate": member.certificate_of(signed.key, signed.at),
    }


def require_named(signed: VersionSigned) -> None:
    """Refuse a version whose reader is hidden from the actor."""
    if is_nameless(signed):
        raise Refused("Who read this is hidden from you.", "Export it once the adjudication is signed.")


def write_version_table(out: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write what was exported into ``versions.csv``; rows of other versions that are in the file stay.

    It is not sealed: what reviews say of a version changes.

    Parameters
    ----------
    out
        Folder of the export.
    rows
        With the columns `TABLE_COLUMNS`.
    """
    path, known = out / TABLE, dict[tuple[str, ...], Mapping[str, Any]]()
    with suppress(OSError, ValueError, csv.Error, KeyError, TypeError):
        text = path.read_text(encoding="utf-8")
        known = {_which(row): {name: row[name] for name in TABLE_COLUMNS} for row in csv.DictReader(io.StringIO(text))}
    known |= {_which(row): row for row in rows}
    stream = io.StringIO()
    table = csv.DictWriter(stream, TABLE_COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(known[which] for which in sorted(known))
    write_atomic(path, stream.getvalue().encode())
    return path


def _which(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (*(str(row[name]) for name in ("project", "subject", "task")), f"{int(row['version']):09d}")


def _write(path: Path, content: Json) -> Path:
    write_atomic(path, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")
    return path
