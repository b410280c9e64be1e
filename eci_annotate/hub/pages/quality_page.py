"""The owners' page about a running project: progress with forecast, control cases, agreement, rejections.

It shows what the owner's own views give: what blinding hides from them is not on it. Comparing drawings takes a moment
each, so that a visit compares a few readings of control cases and says how many are left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Any

from starlette.responses import Response

from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import allowed_place
from eci_annotate.repository.analysis.control_cases import ControlCases, by_reader
from eci_annotate.repository.analysis.project_quality import ProjectQuality
from eci_annotate.repository.analysis.weekly_agreement import monday_of
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.signed import Signed
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.view import SubjectView

MOST = 2000  # subjects
MOST_COMPARED = 10  # readings of control cases that a visit compares
WEEKS = 12


def show_quality(visit: Visit) -> Response:
    """Show the page."""
    place = allowed_place(visit, "see the quality of a project", Permission.ADMINISTER)
    page = visit.repo.subjects(place.name, SubjectQuery(size=MOST))
    case_of = partial(visit.repo.account.use_case, place.name)
    repository = Repository(visit.repo, visit.repo.images)
    quality = ProjectQuality(page.views, case_of, partial(_handle, visit), visit.desk.service.clock())
    titles = dict(zip(quality.table["task"], quality.table["title"], strict=True))
    controls, waiting = ControlCases(repository, place.name).scored(MOST_COMPARED)
    return visit.show(
        "quality",
        place=place,
        titles=titles,
        tasks=_known(quality.table.to_dict("records")),
        minutes=quality.active_minutes.to_dict("records"),
        rejections=quality.rejections.to_dict("records"),
        weeks=_weeks(quality.days.to_dict("records")),
        controls=_newest(by_reader(controls).to_dict("records")),
        cases=_known(controls.sort_values("signed_at", ascending=False).to_dict("records")),
        waiting=waiting,
        agreement=_newest(quality.agreement.to_dict("records")),
        repeats=_newest(quality.repeats.to_dict("records")),
        left_out=page.total - len(page.views),
    )


def _handle(visit: Visit, seen: SubjectView, event: VersionSigned) -> Signed:
    return Signed(visit.repo, visit.repo.images, seen.project, seen.subject, event)


def _newest(rows: Iterable[dict[Any, Any]]) -> list[dict[Any, Any]]:
    """Return the rows of the last weeks, the newest first."""
    found = _known(rows)
    newest = sorted({row["week"] for row in found}, reverse=True)[:WEEKS]
    return [row for week in newest for row in found if row["week"] == week]


def _known(rows: Iterable[dict[Any, Any]]) -> list[dict[Any, Any]]:
    """Return the rows with None for missing numbers."""
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]


def _weeks(days: Iterable[dict[Any, Any]]) -> list[tuple[Any, str, int]]:
    """Return the newest weeks first: Monday, task, signatures."""
    found: Counter[tuple[Any, str]] = Counter()
    for row in days:
        found[monday_of(row["day"]), row["task"]] += row["signatures"]
    newest = sorted({week for week, _ in found}, reverse=True)[:WEEKS]
    return [(week, task, found[week, task]) for week in newest for task in sorted(t for w, t in found if w == week)]
