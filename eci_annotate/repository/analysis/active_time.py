"""How long the reader of a version worked on it: loading, drawing and reporting, from the times in its journal.

The rule: the time between two saved steps counts for the phase of the later one, unless it is a pause, that is longer
than `PAUSE_S`; a pause does not count at all. Loading is from the start of a session to its first step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

if TYPE_CHECKING:
    from eci_annotate.repository.repository import Repository

PAUSE_S = 60.0
TIME, BEGUN = "t", "b"  # of a draft entry: when it was made; for the first one of a session also when that began
COLUMNS = ["project", "subject", "task", "reader", "version"]


@dataclass(frozen=True)
class ActiveTime:
    """Seconds of work on one version.

    Attributes
    ----------
    loading_s, drawing_s, reporting_s
        From the start of a session to its first step; up to each step of drawing; up to each change of the report.
    pauses
        Number of pauses, which do not count.
    """

    loading_s: float = 0.0
    drawing_s: float = 0.0
    reporting_s: float = 0.0
    pauses: int = 0

    @property
    def total_s(self) -> float:
        """All phases together."""
        return self.loading_s + self.drawing_s + self.reporting_s

    @property
    def words(self) -> str:
        """The time as it is shown: ``active 3:20 min (loading 0:12, drawing 2:30, reporting 0:38)``."""
        parts = [f"{each.name[:-2]} {_minutes(getattr(self, each.name))}" for each in fields(self)[:3]]
        return f"active {_minutes(self.total_s)} min ({', '.join(parts)})"

    def to_json(self, pause_s: float) -> dict[str, float]:
        """Return it as a version keeps it, with the rule that it was counted by."""
        return {**asdict(self), "total_s": round(self.total_s, 3), "pause_s": pause_s}

    @classmethod
    def from_json(cls, kept: Mapping[str, float]) -> Self:
        """Return the time that `to_json` gave."""
        return cls(kept["loading_s"], kept["drawing_s"], kept["reporting_s"], int(kept["pauses"]))


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def now_in_words() -> str:
    """Return the time as an entry states it: UTC, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def active_time(entries: Iterable[Mapping[str, Any]], pause_s: float = PAUSE_S) -> ActiveTime | None:
    """Return the time of the work that a draft's entries record; None if they state no times.

    Parameters
    ----------
    entries
        Of a draft, as the part ``journal`` of a version holds them.
    pause_s
        A longer time between two steps is a pause.

    Examples
    --------
    >>> drawn = [{"l": [], "b": "2026-01-01T08:00:00+00:00", "t": "2026-01-01T08:00:04+00:00"}]
    >>> drawn += [{"l": ["…"], "t": "2026-01-01T08:00:24+00:00"}, {"a": {}, "t": "2026-01-01T08:00:30+00:00"}]
    >>> active_time(drawn).words
    'active 0:30 min (loading 0:04, drawing 0:20, reporting 0:06)'
    """
    spent, pauses, before = {"loading": 0.0, "drawing": 0.0, "reporting": 0.0}, 0, None
    for entry in entries:
        phase = "drawing" if "l" in entry else "reporting" if "a" in entry else ""
        at, begun = _time(entry, TIME), _time(entry, BEGUN)
        if not phase or at is None:
            continue
        since = begun or before
        gap = (at - since).total_seconds() if since else 0.0
        before = at
        if gap > pause_s:
            pauses += 1
        elif gap > 0:
            spent["loading" if begun else phase] += gap
    loading, drawing, reporting = (round(each, 3) for each in spent.values())
    return None if before is None else ActiveTime(loading, drawing, reporting, pauses)


def _time(entry: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time that an entry states, in UTC if it names no zone; None if it states none that can be read."""
    try:
        found = datetime.fromisoformat(str(entry[name]))
    except (KeyError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def active_times(repo: Repository, project: str = "", pause_s: float = PAUSE_S) -> pd.DataFrame:
    """Return the active time of each signed version that you may see, in seconds, one row each.

    Versions without a drawing, or of releases that stated no times, have no row.

    Parameters
    ----------
    repo
        The repository.
    project
        Only versions of this project; all if it is empty.
    pause_s
        A longer time between two steps is a pause, and does not count.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> key = eci.create_repository(f"{folder}/demo", project="liver-ct", member="anna", site="KAU")
    >>> list(eci.active_times(eci.open(f"{folder}/demo")).columns)[5:]
    ['loading_s', 'drawing_s', 'reporting_s', 'total_s', 'pauses']
    """
    rows = []
    for signed in repo.signed_versions():
        spent = signed.active_time(pause_s) if project in ("", signed.project) else None
        if spent is not None:
            where = [signed.project, signed.subject, signed.task, signed.reader, signed.version]
            rows.append([*where, spent.loading_s, spent.drawing_s, spent.reporting_s, spent.total_s, spent.pauses])
    return pd.DataFrame(rows, columns=[*COLUMNS, "loading_s", "drawing_s", "reporting_s", "total_s", "pauses"])
