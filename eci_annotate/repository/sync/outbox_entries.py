"""Entries of an outbox, and the log that has them: what is sent to a target, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from eci_annotate.archive.remote_archive import Uids
from eci_annotate.errors import EciError
from eci_annotate.repository.admin.append_log import AppendLog
from eci_annotate.repository.sync.sync_package import first_label_of
from eci_annotate.repository.sync.sync_targets import SyncTarget
from eci_annotate.workflow.codec import from_json

FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 6 * 3600.0
POSITION = "position"


class OutboxState(StrEnum):
    """What became of an entry."""

    WAITING = "waiting"
    FAILED = "failed, tried again"
    SENT = "sent"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class OutboxEntry:
    """A version to send (`task` and `version`), or the withdrawal of a subject (no task).

    `sent` has the UIDs of the files that are there because of it, or may be if sending was cut off; `label` is the
    version's label there. `replaced` has the labels of versions of this number that a restored repository no longer
    has. `remark` says what stays there after a withdrawal, and why.
    """

    subject: str
    task: str
    version: int
    seal: str
    at: datetime
    state: OutboxState = OutboxState.WAITING
    attempts: int = 0
    due: datetime | None = None
    problem: str = ""
    sent: tuple[tuple[str, str, str], ...] = ()
    label: str = ""
    remark: str = ""
    replaced: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return its name in the log."""
        return f"{self.subject}/{self.task}/{self.version}" if self.task else f"{self.subject}/withdrawal"

    @property
    def is_open(self) -> bool:
        """Whether something remains to be done."""
        return self.state in (OutboxState.WAITING, OutboxState.FAILED)

    @property
    def files(self) -> set[Uids]:
        """Return the files that are there because of it, or may be."""
        return {Uids(*uids) for uids in self.sent}

    @property
    def labels(self) -> set[str]:
        """Return the labels that are there because of it, or may be."""
        own = self.label or first_label_of(self.task, self.version)
        return {own, *self.replaced} if self.sent else set()

    def instead_of(self, lost: OutboxEntry) -> OutboxEntry:
        """Return the entry, which also has what was sent of another version of this number."""
        labels = tuple(sorted(lost.labels))
        return replace(self, sent=lost.sent, label=lost.label, replaced=labels)


def outbox_entries(root: Path, target: SyncTarget) -> list[OutboxEntry]:
    """Return the entries of a target as its last run left them, in the repository in a folder."""
    return entries_in(log_of(root, target))


def log_of(root: Path, target: SyncTarget) -> AppendLog:
    return AppendLog.at(root / "sites" / "outbox" / f"{target.name}.jsonl")


def entries_in(log: AppendLog, subject: str = "") -> list[OutboxEntry]:
    """Return the entries of a log, of one subject if it is named, in the order in which they go out."""
    begin = f"{subject}/" if subject else ""
    found = [
        from_json(OutboxEntry, value)
        for key, value in log.read().items()
        if key.split()[0] != POSITION and key.startswith(begin)
    ]
    return sorted(found, key=lambda each: (each.subject, each.task == "", each.at))


def waiting_time(attempts: int) -> timedelta:
    """Return how long to wait after a failure that `attempts` others came before."""
    return timedelta(seconds=min(FIRST_WAIT_S * 2 ** min(attempts, 20), LONGEST_WAIT_S))


def failed(each: OutboxEntry, now: datetime, error: Exception) -> OutboxEntry:
    wait = waiting_time(each.attempts)
    problem = str(error) if isinstance(error, EciError) else type(error).__name__
    return replace(each, state=OutboxState.FAILED, attempts=each.attempts + 1, due=now + wait, problem=problem)
