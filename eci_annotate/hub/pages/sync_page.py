"""The owners' page about other archives: what waits or failed at each target, and what each pull rule did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from eci_annotate.errors import EciError, Refused
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import ProjectPage, allowed_place
from eci_annotate.repository.service.values import OutboxEntry, OutboxState, SyncTarget
from eci_annotate.workflow.actor import Permission

PAGE = "sync"
MOST = 50  # failed entries shown per target


@dataclass(frozen=True)
class TargetRow:
    """A target with the number of entries in each state, its failed entries, and when something was sent last."""

    name: str
    kind: str
    address: str
    counts: dict[str, int]
    failed: list[OutboxEntry]
    left_out: int
    last: datetime | None


def _place(visit: Visit) -> ProjectPage:
    return allowed_place(visit, "see what is exchanged with other archives", Permission.ADMINISTER)


def _row(target: SyncTarget, entries: list[OutboxEntry]) -> TargetRow:
    counts = Counter(each.state.value for each in entries)
    failed = [each for each in entries if each.state is OutboxState.FAILED]
    last = max((each.at for each in entries if each.state is OutboxState.SENT), default=None)
    shown = {state.value: counts[state.value] for state in OutboxState}
    return TargetRow(target.name, target.kind.value, target.url, shown, failed[:MOST], len(failed[MOST:]), last)


def show_sync(visit: Visit, problem: EciError | None = None, done: str = "") -> Response:
    """Show the page."""
    place, exchange = _place(visit), visit.repo.exchange
    return visit.show(
        PAGE,
        status=403 if problem else 200,
        place=place,
        states=[state.value for state in OutboxState],
        targets=[_row(each, exchange.entries(each)) for each in exchange.targets(place.name)],
        rules=exchange.rules(place.name),
        token=visit.token(PAGE, place.name),
        problem=problem,
        done=done,
    )


def retry_sync(visit: Visit) -> Response:
    """Make the failed entries of a target due now."""
    place, exchange = _place(visit), visit.repo.exchange
    visit.check(PAGE, place.name)
    chosen = [each for each in exchange.targets(place.name) if each.name == visit.asked("target")]
    if not chosen:
        return show_sync(visit, Refused("No target was chosen.", "Choose one in the list."))
    due = exchange.retry(chosen[0])
    return show_sync(visit, done=f"{due} {'entry is' if due == 1 else 'entries are'} sent at the next run.")
