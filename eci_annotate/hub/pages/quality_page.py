"""The owners' page about a running project: progress with forecast, rejections, signatures per week.

It shows what the owner's own views give: what blinding hides from them is not on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.responses import Response

from eci_annotate.errors import Refused
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import allowed_place
from eci_annotate.repository.analysis.project_quality import ProjectQuality
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.view import SubjectView

MOST = 2000  # subjects
WEEKS = 12


def show_quality(visit: Visit) -> Response:
    """Show the page."""
    place = allowed_place(visit, "see the quality of a project", Permission.ADMINISTER)
    page = visit.repo.subjects(place.name, SubjectQuery(size=MOST))
    case_of = partial(visit.repo.account.use_case, place.name)
    quality = ProjectQuality(page.views, case_of, _no_content, visit.desk.service.clock())
    return visit.show(
        "quality",
        place=place,
        tasks=_known(quality.table.to_dict("records")),
        rejections=quality.rejections.to_dict("records"),
        weeks=_weeks(quality.days.to_dict("records")),
        left_out=page.total - len(page.views),
    )


def _no_content(seen: SubjectView, event: VersionSigned) -> Any:
    raise Refused("The page reads no content of versions.", "Use Repository.quality.")


def _known(rows: Iterable[dict[Any, Any]]) -> list[dict[Any, Any]]:
    """Return the rows with None for missing numbers."""
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]


def _weeks(days: Iterable[dict[Any, Any]]) -> list[tuple[Any, str, int]]:
    """Return the newest weeks first: Monday, task, signatures."""
    found: Counter[tuple[Any, str]] = Counter()
    for row in days:
        found[row["day"] - timedelta(days=row["day"].weekday()), row["task"]] += row["signatures"]
    newest = sorted({week for week, _ in found}, reverse=True)[:WEEKS]
    return [(week, task, found[week, task]) for week in newest for task in sorted(t for w, t in found if w == week)]
