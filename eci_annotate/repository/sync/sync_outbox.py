"""The outbox of a target: each signed version once, in the order of its subject, tried again until it is there.

Its log says what is sent and under which UIDs, before it is sent, so that a withdrawal deletes exactly that, also after
a send that was cut off. Files that other targets sent to the same place stay until the subject is withdrawn there
too. Each step may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from eci_annotate.archive.remote_archive import Uids
from eci_annotate.errors import EciError, Refused
from eci_annotate.repository.admin.append_log import AppendLog
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.sync.sync_package import first_label_of, label_of, package_of
from eci_annotate.repository.sync.sync_remotes import Package, SyncRemote, WithdrawnFiles, connect
from eci_annotate.repository.sync.sync_targets import SyncTarget, targets_in
from eci_annotate.repository.version_list import completed_pages
from eci_annotate.store.atomic_files import locked
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import canonical, from_json, to_json

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
        self._lock = place / f"{sha256(canonical(target.place)).hexdigest()[:16]}.place.lock"  # targets take turns
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
        position, streams = self._position(), self._backend.context.streams
        match self._log.read().get(position):
            case [int() as after, str() as fingerprint] if streams.fingerprint(after) == fingerprint:
                pass
            case _:  # the first run, a log of the first releases, or the repository was restored as it was before
                after = 0
        for page in completed_pages(self._backend, after):
            new = [
                OutboxEntry(each.subject, each.task, each.version, each.seal, each.at)
                for each in page.versions
                if each.project == self.target.project and (each.counts or not self.target.accepted)
            ]
            now = self._backend.context.clock()
            new += [OutboxEntry(s, "", 0, "", now) for project, s in page.withdrawn if project == self.target.project]
            fresh = {each.key: to_json(each) for each in self._unknown(new)}
            self._log.add({**fresh, position: [page.position, streams.fingerprint(page.position)]})

    def _unknown(self, entries: Iterable[OutboxEntry]) -> Iterator[OutboxEntry]:
        """Yield the entries that are new, also those of a version that has the number of one that was lost."""
        log = self._log.read()
        for each in entries:
            known = from_json(OutboxEntry, log[each.key]) if each.key in log else None
            if known is None:
                yield each
            elif known.seal != each.seal:
                yield each.instead_of(known)

    def _position(self) -> str:
        """Return the log's name of the position up to which the actor's view of the project was followed.

        Another member, or other roles, may see subjects that were not seen before; other versions may be wanted.
        """
        actor, project = self._backend.account.actor, self.target.project
        reach = [actor.name, actor.site, sorted(actor.roles.get(project, ())), sorted(actor.sites.get(project, ()))]
        reach += ["accepted"] if self.target.accepted else []
        return f"{_POSITION} {sha256(canonical(reach)).hexdigest()[:16]}"

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
            except Exception as error:  # whatever a target answers: the other subjects go on
                noted = from_json(OutboxEntry, self._log.get([each.key])[each.key])  # what may be there by now
                self._keep(_failed(noted, now, error))
                return
            self._keep(done)

    def _done(self, each: OutboxEntry, entries: list[OutboxEntry], remote: SyncRemote) -> OutboxEntry:
        if not each.task:
            remark = self._withdraw(each.subject, entries, remote)
            self._note(each, f"withdrawal to {self.target.name}" + (f"; {remark}" if remark else ""))
            return replace(each, state=OutboxState.WITHDRAWN, problem="", remark=remark)
        package = package_of(self._backend, self.target, each.subject, each.task, each.version)
        label = label_of(self.target.project, each.task, each.version, each.seal)
        begun = self._begun(replace(each, label=label), entries, package, remote)
        self._note(each, f"{each.task} version {each.version} to {self.target.name}")
        return replace(begun, state=OutboxState.SENT, problem="")

    def _begun(
        self, each: OutboxEntry, entries: list[OutboxEntry], package: Package, remote: SyncRemote
    ) -> OutboxEntry:
        """Send a version, and return its entry, which is in the log before anything is sent.

        Images that are there are not sent again. Those that another sender put there are not this target's to withdraw.
        """
        there = remote.present(each.subject, package.images) if package.images else set()
        now = self._log.get([entry.key for entry in entries])  # of the subject; earlier ones may have been sent by now
        mine = [*(from_json(OutboxEntry, value) for value in now.values()), *self._of_others(each.subject)]
        listed = {uids for entry in mine for uids in entry.files}
        whole = {uids for entry in mine if entry.state is OutboxState.SENT for uids in entry.files}
        foreign = there - listed
        files = (each.files | package.files.keys()) - foreign
        begun = replace(each, sent=tuple(sorted((u.study, u.series, u.sop) for u in files)))
        self._keep(begun)
        remote.send(package.without(there & (foreign | whole)))
        return begun

    def _withdraw(self, subject: str, entries: list[OutboxEntry], remote: SyncRemote) -> str:
        """Delete what only this target sent of a subject; returns what stays there, and why."""
        theirs = self._of_others(subject if self.target.is_by_subject else "")
        if not self.target.is_by_subject:  # a file of two subjects is one file there
            theirs += [each for each in self.entries() if each.subject != subject]
        files = {uids for each in entries for uids in each.files}
        shared = files & {uids for each in theirs for uids in each.files}
        labels = {label for each in entries for label in each.labels} - {label for e in theirs for label in e.labels}
        gone = WithdrawnFiles(subject, sorted(files - shared, key=astuple), sorted(labels), len(shared))
        rest = remote.withdraw(gone)
        for each in entries:
            if each.task:
                self._keep(replace(each, state=OutboxState.WITHDRAWN, sent=(), problem=""))
        stays = [f"{len(shared)} files that other targets or subjects need"] if shared else []
        stays += [rest] if rest else []
        return f"{' and '.join(stays)} stay there" if stays else ""

    def _of_others(self, subject: str) -> list[OutboxEntry]:
        """Return the entries of all other targets that send to the same place, of a subject (empty: of all)."""
        root = self._backend.context.layout.root
        others = [each for each in targets_in(root) if each.name != self.target.name]
        return [
            entry for each in others if each.place == self.target.place for entry in _entries(_log(root, each), subject)
        ]

    def _note(self, each: OutboxEntry, what: str) -> None:
        self._backend.trail.note("synchronised.1", self.target.project, each.subject, what)

    def _keep(self, each: OutboxEntry) -> None:
        self._log.add({each.key: to_json(each)})


def outbox_entries(root: Path, target: SyncTarget) -> list[OutboxEntry]:
    """Return the entries of a target as its last run left them, in the repository in a folder."""
    return _entries(_log(root, target))


def _log(root: Path, target: SyncTarget) -> AppendLog:
    return AppendLog.at(root / "sites" / "outbox" / f"{target.name}.jsonl")


def _entries(log: AppendLog, subject: str = "") -> list[OutboxEntry]:
    """Return the entries of a log, of one subject if it is named, in the order in which they go out."""
    begin = f"{subject}/" if subject else ""
    found = [
        from_json(OutboxEntry, value)
        for key, value in log.read().items()
        if key.split()[0] != _POSITION and key.startswith(begin)
    ]
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
