"""Content that nothing refers to: uploads whose command never came, blobs of signatures that were refused at the end.

It is removed a week after it was last kept. Whatever refers to content does so within that time: an upload is young
when its command comes, and a command that attaches content makes it young again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from eci_annotate.errors import EciError, Tampered
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.event_streams import subject_stream
from eci_annotate.store.atomic_files import locked, write_atomic
from eci_annotate.store.protocols import Address
from eci_annotate.workflow.actor import SERVICE_MEMBER, Assurance
from eci_annotate.workflow.codec import canonical, parse
from eci_annotate.workflow.subject.events import VersionSigned, from_record
from eci_annotate.workflow.trust.seals import PartKind

AGE = timedelta(days=7)
EVERY = timedelta(days=1)
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def remove_orphans(context: Context, age: timedelta = AGE) -> int:
    """Remove the old orphans of all subjects, and note how many in the audit trail; returns how many there were."""
    before, count = context.clock() - age, 0  # whatever is referred to from now on is younger
    drafts: dict[str, list[Address]] = {}
    for address in context.stores.journals.addresses():
        drafts.setdefault(f"{address.project}/{address.subject}", []).append(address)
    for scope in context.blobs.scopes():
        if scope:  # the repository's own scope has definitions only
            count += _remove(context, scope, drafts.get(scope, []), before)
    return count


def remove_unused(backend: LocalBackend) -> int:
    """Remove the old orphans of a repository without a service; see `remove_orphans`."""
    return remove_orphans(backend.context)


def remove_when_due(context: Context) -> int:
    """Remove orphans if no process did for a day; the first time only begins to count."""
    place = context.layout.root / "orphans"
    with locked(place.with_suffix(".lock")):
        now = context.clock()
        last = datetime.fromisoformat(place.read_text()) if place.exists() else now
        if place.exists() and now - last < EVERY:
            return 0
        write_atomic(place, now.isoformat().encode())
        return remove_orphans(context) if last < now else 0


def _remove(context: Context, scope: str, drafts: Iterable[Address], before: datetime) -> int:
    project, subject = scope.split("/")
    names = set(context.blobs.names(scope))
    try:
        unused = names - set(_named(context, project, subject, drafts))
        if unused:  # snapshots of signed work are named in its journal alone
            unused -= set(_named_in_journals(context, project, subject))
    except EciError:  # what is damaged cannot say what it refers to: all stays, and `verify` names the damage
        return 0
    removed = len(context.blobs.expire(scope, unused, before))
    if removed:
        _note(context, project, subject, removed)
    return removed


def _named(context: Context, project: str, subject: str, drafts: Iterable[Address]) -> Iterator[str]:
    """Yield all digests in the events and drafts of a subject; raises Tampered if an entry cannot be read."""
    for record in context.streams.records(subject_stream(project, subject)):
        yield from _digests(record)
    for address in drafts:
        for holder in context.stores.journals.openings(address):
            entries = context.drafts.read(address, holder.fence)
            if any("?" in entry for entry in entries):
                raise Tampered("An entry of a draft is damaged.", "Restore it from a backup.")
            yield from _digests(entries)


def _named_in_journals(context: Context, project: str, subject: str) -> Iterator[str]:
    content = context.content(project, subject)
    for record in context.streams.records(subject_stream(project, subject)):
        match from_record(record):
            case VersionSigned(manifest=manifest):
                for part in manifest.of(PartKind.JOURNAL):
                    yield from _digests(parse(content.get(part.digest), "A journal"))


def _digests(value: object) -> Iterable[str]:
    return (found.decode() for found in _DIGEST.findall(canonical(value)))


def _note(context: Context, project: str, subject: str, removed: int) -> None:
    now = context.clock()
    who = {"by": SERVICE_MEMBER, "assurance": Assurance.SERVICE, "session": "", "where": ""}
    what = f"{removed} files that nothing referred to"
    data = {**who, "at": now.isoformat(), "project": project, "subject": subject, "what": what}
    context.access.append(now.strftime("%Y-%m"), {"name": "orphans-removed.1", "data": data})
