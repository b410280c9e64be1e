"""The outbox of a target: each signed version once, in the order of its subject, tried again until it is there.

Its log says what was sent and under which UIDs, so that a withdrawal deletes exactly that. Each step may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from eci_annotate.archive.remote_archive import Uids
from eci_annotate.errors import EciError, Refused
from eci_annotate.repository.admin.append_log import AppendLog
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.sync.sync_package import package_of
from eci_annotate.repository.sync.sync_targets import SyncRemote, SyncTarget, connect
from eci_annotate.repository.version_list import completed_pages
from eci_annotate.store.atomic_files import locked
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import from_json, to_json

FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 6 * 3600.0
_POSITION = "position"


class OutboxState(StrEnum):
    """What became of an entry."""

    WAITING = "waiting"
    FAILED = "failed, tried again"
    SENT = "sent"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class OutboxEntry:
    """A version to send (`task` and `version`), or the withdrawal of a subject (no task)."""

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

    @property
    def key(self) -> str:
        """Return its name in the log."""
        return f"{self.subject}/{self.task}/{self.version}" if self.task else f"{self.subject}/withdrawal"

    @property
    def is_open(self) -> bool:
        """Whether something remains to be done."""
        return self.state in (OutboxState.WAITING, OutboxState.FAILED)


class Outbox:
    """What goes to one target.

    Parameters
    ----------
    backend
        The repository, for a member who may export; what they may not see is not sent.
    target
        Where it goes.
    """

    def __init__(self, backend: LocalBackend, target: SyncTarget) -> None:
        self._backend, self.target = backend, target
        place = backend.context.layout.root / "sites" / "outbox"
        self._lock = place / f"{target.name}.run.lock"
        self._log = _log(backend.context.layout.root, target)

    def entries(self) -> list[OutboxEntry]:
        """Return all entries, by subject, in the order in which they go out."""
        return _entries(self._log)

    def run(self, remote: SyncRemote | None = None) -> dict[OutboxState, int]:
        """Send what is due; returns how many entries are in each state then.

        Raises
        ------
        Refused
            The actor may not export from the target's project.
        """
        if not self._backend.account.actor.may(Permission.EXPORT, self.target.project):
            raise Refused("You may not send signed versions elsewhere.", "Ask the project's owner.")
        with locked(self._lock):
            self._follow()
            for entries in _by_subject(self.entries()):
                self._send_subject(entries, remote)
        counts = [each.state for each in self.entries()]
        return {state: counts.count(state) for state in OutboxState}

    def retry(self, done_by_hand: bool = False) -> int:
        """Make failed entries due now; withdrawals that were carried out by hand are closed. Returns how many."""
        with locked(self._lock):
            failed = [each for each in self.entries() if each.state is OutboxState.FAILED]
            now = self._backend.context.clock()
            for each in failed:
                by_hand = done_by_hand and not each.task
                self._keep(replace(each, due=now, state=OutboxState.WITHDRAWN if by_hand else each.state))
            return len(failed)

    def _follow(self) -> None:
        """Add what changed since the last run; known versions are not added again."""
        known = self._log.read()
        for page in completed_pages(self._backend, int(known.get(_POSITION, 0))):
            new = [
                OutboxEntry(each.subject, each.task, each.version, each.seal, each.at)
                for each in page.versions
                if each.project == self.target.project
            ]
            now = self._backend.context.clock()
            new += [OutboxEntry(s, "", 0, "", now) for project, s in page.withdrawn if project == self.target.project]
            fresh = {each.key: to_json(each) for each in new if each.key not in self._log.read()}
            self._log.add({**fresh, _POSITION: page.position})

    def _send_subject(self, entries: list[OutboxEntry], remote: SyncRemote | None) -> None:
        """Work through a subject's entries in order; the first that fails or is not due keeps the later ones back."""
        withdrawal = next((each for each in entries if not each.task), None)
        waiting = [withdrawal] if withdrawal else entries
        for each in waiting:
            if not each.is_open:
                continue
            now = self._backend.context.clock()
            if each.due is not None and each.due > now:
                return
            try:
                done = self._done(each, entries, remote or connect(self.target))
            except (EciError, OSError) as error:
                self._keep(_failed(each, now, error))
                return
            self._keep(done)

    def _done(self, each: OutboxEntry, entries: list[OutboxEntry], remote: SyncRemote) -> OutboxEntry:
        if not each.task:
            sent = [Uids(*uids) for entry in entries for uids in entry.sent]
            remote.withdraw(each.subject, sent)
            for entry in entries:
                if entry.task:
                    self._keep(replace(entry, state=OutboxState.WITHDRAWN, sent=(), problem=""))
            self._note(each, "withdrawal")
            return replace(each, state=OutboxState.WITHDRAWN, problem="")
        package = package_of(self._backend, self.target, each.subject, each.task, each.version)
        uids = remote.send(package)
        self._note(each, f"{each.task} version {each.version}")
        return replace(each, state=OutboxState.SENT, problem="", sent=tuple((u.study, u.series, u.sop) for u in uids))

    def _note(self, each: OutboxEntry, what: str) -> None:
        self._backend.trail.note("synchronised.1", self.target.project, each.subject, f"{what} to {self.target.name}")

    def _keep(self, each: OutboxEntry) -> None:
        self._log.add({each.key: to_json(each)})


def outbox_entries(root: Path, target: SyncTarget) -> list[OutboxEntry]:
    """Return the entries of a target as its last run left them, in the repository in a folder."""
    return _entries(_log(root, target))


def _log(root: Path, target: SyncTarget) -> AppendLog:
    return AppendLog(root / "sites" / "outbox" / f"{target.name}.jsonl")


def _entries(log: AppendLog) -> list[OutboxEntry]:
    found = [from_json(OutboxEntry, value) for key, value in log.read().items() if key != _POSITION]
    return sorted(found, key=lambda each: (each.subject, each.task == "", each.at))


def waiting_time(attempts: int) -> timedelta:
    """Return how long to wait after a failure that `attempts` others came before."""
    return timedelta(seconds=min(FIRST_WAIT_S * 2 ** min(attempts, 20), LONGEST_WAIT_S))


def _failed(each: OutboxEntry, now: datetime, error: Exception) -> OutboxEntry:
    wait = waiting_time(each.attempts)
    problem = str(error) if isinstance(error, EciError) else type(error).__name__
    return replace(each, state=OutboxState.FAILED, attempts=each.attempts + 1, due=now + wait, problem=problem)


def _by_subject(entries: Iterable[OutboxEntry]) -> list[list[OutboxEntry]]:
    found: dict[str, list[OutboxEntry]] = {}
    for each in entries:
        found.setdefault(each.subject, []).append(each)
    return list(found.values())
