"""Run a pull rule: fetch the files of new studies, oldest study first, and take them in like a site's uploads.

A log keeps the digest of what was fetched: a run continues where the last one stopped, and fetches nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from eci_annotate.errors import EciError, NotFound
from eci_annotate.repository.admin.append_log import AppendLog
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.sites.arrivals import Arrivals, FileState
from eci_annotate.repository.sites.ingest_arrivals import ingest
from eci_annotate.repository.sites.site_credentials import credential_named, require_owner
from eci_annotate.repository.sync.outbox_entries import waiting_time
from eci_annotate.repository.sync.pull_rules import WHAT, PullRule, rules_in
from eci_annotate.repository.sync.pull_sources import PullSource, RemoteStudy, source_of
from eci_annotate.repository.sync.sync_targets import targets_in
from eci_annotate.store.atomic_files import locked
from eci_annotate.workflow.codec import from_json, to_json

PORTION = 32  # files between two entries in the log
LISTED_AGAIN = timedelta(days=1)  # a study of as many files as before may have other ones
MOST_FAILED = 3  # studies in a row: then it is the target
_OUTCOME = "outcome"


@dataclass(frozen=True)
class PullOutcome:
    """What the last run of a rule did.

    Attributes
    ----------
    at, due
        When it ran, and when it runs next.
    studies, files
        How many studies fit by now, and how many files of them are in the archive.
    refused
        How many files were refused, by reason.
    problem, attempts
        Why it ended early, and how often in a row; empty and 0 if it did not.
    missing
        How many studies that fit are no longer at the source.
    """

    at: datetime
    due: datetime
    studies: int = 0
    files: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    attempts: int = 0
    missing: int = 0


@dataclass(frozen=True)
class PulledStudy:
    """What is known of a study.

    Attributes
    ----------
    files, names
        How many files it had, and the digest of their names.
    fits, done
        Whether it fits, and whether all its files are decided.
    at
        When its files were listed last: equal numbers need not be equal files.
    missing
        It is no longer at the source.
    """

    files: int
    fits: bool
    done: bool
    names: str = ""
    at: datetime | None = None
    missing: bool = False


def last_outcome(root: Path, rule: PullRule) -> PullOutcome | None:
    """Return what the last run did; None before the first one."""
    found = _log(root, rule).get([_OUTCOME])
    return from_json(PullOutcome, found[_OUTCOME]) if found else None


def pull_due(context: Context) -> int:
    """Run every rule that is due; returns how many ran."""
    done = 0
    for rule in rules_in(context.layout.root):
        before = last_outcome(context.layout.root, rule)
        if before is None or before.due <= context.clock():
            pull(context, rule, only_due=True)
            done += 1
    return done


def pull(context: Context, rule: PullRule, source: PullSource | None = None, *, only_due: bool = False) -> PullOutcome:
    """Run a rule; a failure of the target ends the run, is recorded, and the next run continues there.

    Parameters
    ----------
    context, rule
        The repository's parts, and the rule.
    source
        Where to pull from; by default the rule's target.
    only_due
        Do nothing if another process ran it meanwhile.
    """
    root = context.layout.root
    with locked(_lock(root, rule)):
        before, now = last_outcome(root, rule), context.clock()
        if only_due and before is not None and before.due > now:
            return before
        run = _Run(context, rule)
        problem = ""
        try:
            run.over(source or _source(context, rule))
        except EciError as error:
            problem = str(error)
        except Exception as error:  # whatever a server sends: its text may hold values
            problem = type(error).__name__
        attempts = (before.attempts if before else 0) + 1 if problem else 0
        wait = waiting_time(attempts - 1) if problem else timedelta(minutes=rule.every_minutes)
        outcome = run.outcome(now, context.clock() + wait, problem, attempts)
        run.log.add({_OUTCOME: to_json(outcome)})
        return outcome


def outcome_of(backend: LocalBackend, rule: PullRule) -> PullOutcome | None:
    """Return what the last run of a rule of the actor's did; see `pull_rules.rules`."""
    return last_outcome(backend.context.layout.root, rule)


def pull_now(backend: LocalBackend, rule: PullRule) -> PullOutcome:
    """Run a rule, for an owner of its project; see `pull`."""
    require_owner(backend, rule.project, "Run a pull rule", WHAT)
    return pull(backend.context, rule)


class _Run:
    """One run of a rule."""

    def __init__(self, context: Context, rule: PullRule) -> None:
        self._context, self._rule = context, rule
        self.log = _log(context.layout.root, rule)
        self._known = self.log.read()

    def over(self, source: PullSource) -> None:
        """Go through all studies that may fit, oldest first; one that fails keeps no later one back.

        Raises
        ------
        Exception
            The first failure: at the end, or at once if several studies in a row fail.
        """
        first: Exception | None = None
        row = 0
        studies = source.studies(self._rule.filter)
        self._note_missing({_digest(study.key) for study in studies})
        for study in studies:
            try:
                self._follow(source, study)
                row = 0
            except Exception as error:  # whatever a server sends, or a file that it cannot read
                first, row = first or error, row + 1
                if row == MOST_FAILED:
                    break
        if first is not None:
            raise first

    def _follow(self, source: PullSource, study: RemoteStudy) -> None:
        """Take what is new of a study."""
        key = _digest(study.key)
        before = from_json(PulledStudy, self._known[key]) if key in self._known else None
        now = self._context.clock()
        if before is not None and before.done and before.files == study.files and _is_recent(before, now):
            return
        names = source.files(study)
        listed = _digest("\n".join(sorted(names)))
        if before is not None and before.done and before.names == listed:
            self.log.add({key: to_json(replace(before, at=now, missing=False))})
            return
        fits = source.fits(study, names, self._rule.filter)
        done = self._take(source, study, names) if fits else True
        self.log.add({key: to_json(PulledStudy(len(names), fits, done, listed, now))})

    def _note_missing(self, there: set[str]) -> None:
        """Note which studies are no longer at the source, and which are there again."""
        known = {key: from_json(PulledStudy, row) for key, row in self._known.items() if _is_study(key)}
        changed = {
            key: replace(study, missing=key not in there)
            for key, study in known.items()
            if study.fits and study.missing != (key not in there)
        }
        self.log.add({key: to_json(study) for key, study in changed.items()})
        self._known = self.log.read()

    def _take(self, source: PullSource, study: RemoteStudy, names: Sequence[str]) -> bool:
        """Fetch the files of a study that were not fetched before, and take them in; whether all are decided then.

        Raises
        ------
        Exception
            Files of this study could not be taken in; those of other studies that wait do not count.
        """
        arrivals = self._arrivals()
        known = {name: f"{_digest(study.key)}/{_digest(name)}" for name in names}
        fresh, digests = [name for name in names if known[name] not in self._known], dict[str, str]()
        for start in range(0, len(fresh), PORTION):
            portion = fresh[start : start + PORTION]
            some = {known[name]: _fetched(arrivals, source.read(study, name)) for name in portion}
            self.log.add(some)
            digests.update(some)
        failed: Exception | None = None
        try:
            ingest(self._context, self._rule.credential, 0.0)
        except Exception as error:
            failed = error
        every = [digests.get(key) or str(self._known[key]) for key in known.values()]
        done = all(each.state in (FileState.CONFIRMED, FileState.HELD) for each in arrivals.states(every).values())
        if failed is not None and not done:
            raise failed
        return done

    def outcome(self, at: datetime, due: datetime, problem: str, attempts: int) -> PullOutcome:
        """Return what all runs of the rule did so far."""
        known = self.log.read()
        studies = [from_json(PulledStudy, row) for key, row in known.items() if _is_study(key)]
        digests = {str(row) for key, row in known.items() if "/" in key}
        try:
            states = list(self._arrivals().states(digests).values())
        except NotFound:  # the credential was revoked
            states = []
        refused = Counter(each.reason for each in states if each.state is FileState.HELD)
        files = sum(each.state is FileState.CONFIRMED for each in states)
        fitting = [each for each in studies if each.fits]
        missing = sum(each.missing for each in fitting)
        return PullOutcome(at, due, len(fitting), files, dict(refused), problem, attempts, missing)

    def _arrivals(self) -> Arrivals:
        return Arrivals(self._context, credential_named(self._context.layout, self._rule.credential))


def _is_study(key: str) -> bool:
    return key != _OUTCOME and "/" not in key


def _is_recent(study: PulledStudy, now: datetime) -> bool:
    return study.at is not None and now - study.at < LISTED_AGAIN and not study.missing


def _fetched(arrivals: Arrivals, content: bytes) -> str:
    """Put a file with the other files of the site that wait to be taken in; returns its SHA-256."""
    digest = sha256(content).hexdigest()
    before = arrivals.states([digest])[digest]
    if before.state is FileState.PARTIAL:  # a fetch that was cut off
        content = content[before.offset :]
    if before.state in (FileState.ABSENT, FileState.PARTIAL):
        arrivals.require_space(len(content))
        arrivals.append(digest, before.offset, [content], before.offset + len(content))
    return digest


def _source(context: Context, rule: PullRule) -> PullSource:
    targets = targets_in(context.layout.root)
    target = next((each for each in targets if (each.name, each.project) == (rule.target, rule.project)), None)
    if target is None:
        raise NotFound("The rule's target does not exist any more.", "Add it again: eci-annotate sync add")
    return source_of(target, rule.filter, context.reader)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def _log(root: Path, rule: PullRule) -> AppendLog:
    """Return the rule's log; another rule of the same name has another credential, and begins again."""
    return AppendLog.at(root / "sites" / "pulled" / f"{rule.name}.{rule.credential}.jsonl")


def _lock(root: Path, rule: PullRule) -> Path:
    return root / "sites" / "pulled" / f"{rule.name}.run.lock"
