"""How synchronisation goes, for the whole repository: of each target and each pull rule how much is in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from eci_annotate.repository.sync.outbox_entries import OutboxState, outbox_entries
from eci_annotate.repository.sync.pull_rules import PullRule, rules_in
from eci_annotate.repository.sync.pull_studies import last_outcome
from eci_annotate.repository.sync.sync_targets import SyncTarget, targets_in
from eci_annotate.store.atomic_files import locked, write_atomic
from eci_annotate.workflow.codec import canonical, parse


class SyncDirection(StrEnum):
    """Where files go."""

    SEND = "send"
    PULL = "pull"


@dataclass(frozen=True)
class SyncState:
    """A target or a pull rule: whose it is, counts by state, why it failed (empty: it did not), when it is tried again.

    `is_new` tells that it failed, and nobody was notified of it so far.
    """

    name: str
    project: str
    by: str
    direction: SyncDirection
    counts: Mapping[str, int]
    problem: str = ""
    due: datetime | None = None
    is_new: bool = False


def sync_states(root: Path) -> list[SyncState]:
    """Return the state of each target and rule of the repository in a folder; a failure is new to one caller only."""
    found = [_of_target(root, each) for each in targets_in(root) if not each.pull_only]
    found += [_of_rule(root, each) for each in rules_in(root)]
    failed = sorted(_name(each) for each in found if each.problem)
    place = root / "sites" / "failed.json"
    if not failed and not place.exists():
        return found
    with locked(place.with_suffix(".lock")):
        before = parse(place.read_bytes(), "The list of failures") if place.exists() else []
        if failed != before:
            write_atomic(place, canonical(failed), mode=0o600)
    return [_as_new(each, before) for each in found]


def _as_new(state: SyncState, before: list[str]) -> SyncState:
    new = bool(state.problem) and _name(state) not in before
    where = (state.name, state.project, state.by, state.direction)
    return SyncState(*where, state.counts, state.problem, state.due, new)


def _of_target(root: Path, target: SyncTarget) -> SyncState:
    entries = outbox_entries(root, target)
    counts = Counter(each.state for each in entries)
    failed = [each for each in entries if each.state is OutboxState.FAILED]
    due = min((each.due for each in failed if each.due is not None), default=None)
    named = {state.name.lower(): counts[state] for state in OutboxState}
    problem = failed[0].problem if failed else ""
    return SyncState(target.name, target.project, target.by, SyncDirection.SEND, named, problem, due)


def _of_rule(root: Path, rule: PullRule) -> SyncState:
    last = last_outcome(root, rule)
    where = (rule.name, rule.project, rule.by, SyncDirection.PULL)
    if last is None:
        return SyncState(*where, {"pulled": 0, "refused": 0})
    counts = {"pulled": last.files, "refused": sum(last.refused.values())}
    return SyncState(*where, counts, last.problem, last.due)


def _name(state: SyncState) -> str:
    return f"{state.direction}/{state.name}"
