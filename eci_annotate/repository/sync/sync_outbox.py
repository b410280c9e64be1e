"""The outbox of a target: each signed version once, in the order of its subject, tried again until it is there.

Its log says what is sent and under which UIDs, before it is sent, so that a withdrawal deletes exactly that, also after
a send that was cut off. Files that other targets sent to the same place stay until the subject is withdrawn there
too. Each step may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from datetime import timedelta
from hashlib import sha256

from eci_annotate.errors import Refused, StoreUnavailable
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.sync.outbox_entries import (
    LONGEST_WAIT_S,
    POSITION,
    OutboxEntry,
    OutboxState,
    entries_in,
    failed,
    log_of,
)
from eci_annotate.repository.sync.sync_package import label_of, package_of
from eci_annotate.repository.sync.sync_remotes import Package, SyncRemote, WithdrawnFiles, connect
from eci_annotate.repository.sync.sync_targets import SyncTarget, targets_in
from eci_annotate.repository.version_list import completed_pages
from eci_annotate.store.atomic_files import locked
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import canonical, from_json, to_json

MOST_FAILED = 3  # subjects in a row: then it is the target


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
        self._log = log_of(backend.context.layout.root, target)

    def entries(self) -> list[OutboxEntry]:
        """Return all entries, by subject, in the order in which they go out."""
        return entries_in(self._log)

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
            unreachable = 0
            for entries in _by_subject(self.entries()):
                unreachable = self._send_subject(entries, remote, unreachable)
                if unreachable == MOST_FAILED:  # it is the target: others are not kept waiting for it
                    break
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
            at = [page.position, streams.fingerprint(page.position)]
            if fresh or self._log.get([position]).get(position) != at:
                self._log.add({**fresh, position: at})

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
        return f"{POSITION} {sha256(canonical(reach)).hexdigest()[:16]}"

    def _send_subject(self, entries: list[OutboxEntry], remote: SyncRemote | None, failures: int) -> int:
        """Work through a subject's entries in order; the first that fails or is not due keeps the later ones back.

        Returns in how many subjects in a row the target failed by now.
        """
        withdrawal = next((each for each in entries if not each.task), None)
        waiting = [withdrawal] if withdrawal else entries
        for each in waiting:
            if not each.is_open:
                continue
            now = self._backend.context.clock()
            if each.due is not None and now < each.due <= now + timedelta(seconds=LONGEST_WAIT_S):
                return failures  # what waits longer than it can was put back while the clock was ahead
            try:
                self._keep(self._done(each, entries, remote or connect(self.target)))
                failures = 0
            except Exception as error:  # whatever a target answers
                noted = from_json(OutboxEntry, self._log.get([each.key])[each.key])  # what may be there by now
                self._keep(failed(noted, now, error))
                return failures + isinstance(error, StoreUnavailable)
        return failures

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
        logs = [log_of(root, each) for each in others if each.place == self.target.place]
        return [entry for log in logs for entry in entries_in(log, subject)]

    def _note(self, each: OutboxEntry, what: str) -> None:
        self._backend.trail.note("synchronised.1", self.target.project, each.subject, what)

    def _keep(self, each: OutboxEntry) -> None:
        self._log.add({each.key: to_json(each)})


def _by_subject(entries: Iterable[OutboxEntry]) -> list[list[OutboxEntry]]:
    """Return the entries of each subject; subjects of which nothing failed so far come first."""
    found: dict[str, list[OutboxEntry]] = {}
    for each in entries:
        found.setdefault(each.subject, []).append(each)
    return sorted(found.values(), key=lambda some: sum(each.attempts for each in some if each.is_open))
