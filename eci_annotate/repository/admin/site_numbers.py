"""The subject of each pseudonym that a site's proxies use: its number is given once for a site, whoever sends first."""

from __future__ import annotations

from pathlib import Path

from eci_annotate.repository.admin.append_log import AppendLog
from eci_annotate.repository.local.context import Context


def logs_of(context: Context, project: str, site: str) -> Path:
    """Return the folder of what is known about a site's uploads."""
    return context.layout.root / "sites" / "logs" / project / site


def subject_numbers(context: Context, project: str, site: str) -> AppendLog:
    """Return the subjects of a project and site by pseudonym."""
    return AppendLog.at(logs_of(context, project, site) / "subjects.jsonl")


def ranges_log(context: Context, project: str, site: str) -> AppendLog:
    """Return the ranges of numbers that are reserved for the proxies of a project's site."""
    return AppendLog.at(logs_of(context, project, site) / "ranges.jsonl")


def reserved_ranges(context: Context, site: str) -> list[range]:
    """Return the ranges of numbers that are reserved for proxies of a site, in any project."""
    folders = (context.layout.root / "sites" / "logs").glob("*/*/ranges.jsonl")
    logs = (AppendLog.at(path) for path in folders if path.parent.name.upper() == site.upper())
    return [range(each["first"], each["last"] + 1) for log in logs for each in log.read().values()]


def registered_subject(context: Context, project: str, site: str, path: Path) -> str:
    """Return the subject of the patient ID in a file, if it is a pseudonym that was sent before; else empty."""
    numbers = subject_numbers(context, project, site)
    if not numbers:
        return ""
    patient = context.reader.identity(path).patient
    return str(numbers.get([patient]).get(patient, ""))
