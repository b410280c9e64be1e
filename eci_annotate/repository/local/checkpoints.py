"""Signed checkpoints over all streams: taken at each signature and, while there is work, every minute.

Whoever keeps a copy elsewhere can prove that nothing before it was changed or cut out. What came after the last copy
is chained only: that is the window in which the last events could be removed unseen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eci_annotate.errors import EciError, Tampered, undamaged
from eci_annotate.repository.backend import Check
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.event_streams import SUBJECTS
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.store.protocols import Entry
from eci_annotate.workflow.codec import canonical, from_json, parse, stamp, to_json
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.trust.certificates import Authority, check_certificate, check_signed, check_spelling, load
from eci_annotate.workflow.trust.merkle import Range

OUTSIDE = "ECI_ANNOTATE_CHECKPOINTS"
EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class Checkpoint:
    """How far the feed went, the range over it, and how far the access streams went (month, count, last digest)."""

    repository: str
    at: datetime
    position: int
    events: Range
    access: tuple[tuple[str, str, str], ...]


def found_service(layout: Layout, authority: Authority, now: datetime) -> None:
    """Make the key that signs checkpoints, certified by the repository's authority."""
    key = Ed25519PrivateKey.generate()
    none = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
    write_atomic(_folder(layout) / "service.key", pem, mode=0o600)
    certificate = authority.issue("checkpoints", key.public_key(), now)
    write_atomic(_folder(layout) / "service.pem", certificate.encode())


def _folder(layout: Layout) -> Path:
    return layout.authority.parent


def take_when_due(context: Context, *, signed: bool) -> None:
    """Take a checkpoint after a signature, or when the last one is a minute old."""
    last = _newest(context.layout.checkpoints)
    if signed or last is None or context.clock() - last.at >= EVERY:
        take(context, last)


def take_when_new(context: Context) -> bool:
    """Take a checkpoint when anything was appended since the last one; whether it was."""
    last = _newest(context.layout.checkpoints)
    known = {(month, count) for month, count, _ in last.access} if last else set()
    read = {(month, str(context.access.head(month)[0])) for month in context.access.months()}
    if last is not None and read == known and not context.stores.events.feed(last.position, 1):
        return False
    take(context, last)
    return True


def take(context: Context, last: Checkpoint | None = None) -> Path:
    """Take one now; it is copied into the folder that ECI_ANNOTATE_CHECKPOINTS names, too."""
    past = last or _newest(context.layout.checkpoints)
    events, position = past.events if past else Range(), past.position if past else 0
    for entry in context.streams.all_after(position):
        events, position = events.extended([_leaf(entry)]), entry.position
    access = tuple(
        (month, str(n), last) for month in context.access.months() for n, last in [context.access.head(month)]
    )
    made = Checkpoint(context.layout.identity, context.clock(), position, events, access)
    content = _signed(context.layout, made)
    name = f"{position:012d}.json"
    outside = os.environ.get(OUTSIDE)
    for folder in (context.layout.checkpoints, *([Path(outside) / context.layout.identity] if outside else [])):
        write_atomic(folder / name, content)
    return context.layout.checkpoints / name


def _leaf(entry: Entry) -> bytes:
    return canonical([entry.stream, entry.index, entry.record])


def check_own_certificate(layout: Layout) -> None:
    """Raise Tampered unless the certificate of checkpoints is the authority's, and belongs to the key that signs them.

    What a damaged certificate signs would not verify later, and could not be signed again.
    """
    _own(layout)


def _own(layout: Layout) -> tuple[Ed25519PrivateKey, str]:
    folder, remedy = _folder(layout), "Restore the folder authority/ from a backup; nothing was written."
    try:
        certificate = (folder / "service.pem").read_text()
        key = _matching((folder / "service.key").read_bytes(), certificate, layout.authority.read_text())
    except (EciError, OSError, ValueError, TypeError, AssertionError):
        raise Tampered("The key or the certificate of checkpoints is damaged.", remedy) from None
    return key, certificate


@lru_cache(maxsize=4)
def _matching(content: bytes, certificate: str, authority: str) -> Ed25519PrivateKey:
    """Return the key that a certificate of the authority belongs to; each command asks with what the files hold."""
    key = serialization.load_pem_private_key(content, password=None)
    check_spelling(certificate)
    check_certificate(certificate, [authority], load(certificate).not_valid_before_utc)
    assert isinstance(key, Ed25519PrivateKey)
    check_signed(certificate, b"checkpoints", key.sign(b"checkpoints"))
    return key


def _signed(layout: Layout, made: Checkpoint) -> bytes:
    key, certificate = _own(layout)
    body = to_json(made)
    return canonical({"body": body, "signature": key.sign(canonical(body)).hex(), "certificate": certificate})


def _newest(folder: Path) -> Checkpoint | None:
    paths = sorted(folder.glob("*.json"))
    return _read(paths[-1].read_bytes())[0] if paths else None


def _read(content: bytes) -> tuple[Checkpoint, Any]:
    told = parse(content, "A checkpoint")
    try:
        return from_json(Checkpoint, told["body"]), told
    except (KeyError, TypeError) as error:
        raise Tampered("A checkpoint is damaged.", "Take another copy of it.") from error


def check_checkpoints(context: Context, folder: Path, anchors: Iterable[str]) -> list[Check]:
    """Compare all streams with the checkpoints in a folder, best with copies that were kept elsewhere.

    Returns
    -------
    list of Check
        One row each for checkpoint; `detail` of the last says how many events came after it.
    """
    entries, trusted = context.streams.feed(0), tuple(anchors)
    return list(_rows(context, sorted(folder.glob("*.json")), entries, trusted))


def prove(context: Context) -> list[Check]:
    """Compare all streams with the repository's own checkpoints; the last row says what the newest one covers.

    A row fails if events that a checkpoint covers are missing, or if there is no checkpoint.
    """
    entries, paths = context.streams.feed(0), sorted(context.layout.checkpoints.glob("*.json"))
    found = list(_rows(context, paths, entries, (context.layout.authority.read_text(),)))
    if not found:
        return [Check("", "", 0, "checkpoints", not entries, "There is no checkpoint." if entries else "")]
    if all(each.passed for each in found):
        found[-1] = replace(found[-1], detail=_coverage(_read(paths[-1].read_bytes())[0], entries))
    return found


def _coverage(made: Checkpoint, entries: list[Entry]) -> str:
    covered = entries[: made.events.size]
    subjects = {each.stream for each in covered if each.stream.startswith(SUBJECTS)}
    versions = sum(each.record["name"].startswith("signed.") for each in covered)
    return (
        f"The last checkpoint ({to_minute(made.at)} UTC) covers {len(subjects)} subjects, {len(covered)} events and "
        f"{versions} versions; all are there. {len(entries) - len(covered)} events came later."
    )


def _rows(context: Context, paths: list[Path], entries: list[Entry], anchors: tuple[str, ...]) -> Iterator[Check]:
    state, done = Range(), 0
    for path in paths:
        try:
            made = _authentic(path.read_bytes(), context.layout.identity, anchors)
            if made.events.size > len(entries):
                missing = made.events.size - len(entries)
                raise Tampered(f"{missing} events that existed at {stamp(made.at)} are missing.")
            state, done = state.extended(map(_leaf, entries[done : made.events.size])), made.events.size
            if state != made.events:
                raise Tampered(f"Events before {stamp(made.at)} were changed or replaced.")
            _check_access(context, made)
        except EciError as error:
            yield Check("", "", 0, f"checkpoint {path.stem}", False, error.what)
        else:
            yield Check("", "", 0, f"checkpoint {path.stem}", True, f"{len(entries) - done} events came later")


def _authentic(content: bytes, repository: str, anchors: tuple[str, ...]) -> Checkpoint:
    made, told = _read(content)
    with undamaged("A checkpoint is damaged.", "Take another copy of it."):
        check_spelling(told["certificate"])
        check_certificate(told["certificate"], anchors, made.at)
        check_signed(told["certificate"], canonical(told["body"]), bytes.fromhex(told["signature"]))
    if made.repository != repository or told["signature"] != told["signature"].lower():
        raise Tampered("A checkpoint belongs to another repository.", "Give the checkpoints of this repository.")
    return made


def _check_access(context: Context, made: Checkpoint) -> None:
    for month, count, last in made.access:
        records = context.access.read(month)
        if len(records) < int(count) or (int(count) and records[int(count) - 1]["digest"] != last):
            raise Tampered(f"The access stream of {month} was changed or cut.")
