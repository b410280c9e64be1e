"""Errors as a page shows them: what happened, and what to do there. Remedies for notebooks may name Python."""

from __future__ import annotations

import re

from eci_annotate.errors import EciError

TAKE_OVER = "Continue in the other session, or take over here (the other session becomes read-only)."
ASK = "Give your administrator this message and its time."
# part of a remedy for notebooks, and what to do on a page
PAGE_REMEDIES = (
    ("take_over=True", TAKE_OVER),
    ("rerun=True", "To make another version, choose it below Signed work."),
    ("verdict='accept'", "Choose Accept or Reject."),
    ("reason='...'", "Type the reason."),
    ("meaning='", "Type what you confirm."),
    ("secret='...'", "Type your signing secret."),
    ("worklist()", "Choose a task in the list."),
    ("annotations()", "Choose a signed version in the list."),
    ("studies(", "Choose a series in the list on the left."),
    ("series_uid=", "Choose a series in the list on the left."),
    ("series=", "Choose a series in the list on the left."),
    ("True or False", "Answer yes or no."),
    ("key rotate", "Ask your administrator for a new signing key."),
    ("member admit", "Ask the project owner to admit you."),
)
_PROGRAM = re.compile(
    r"\w\(|\w=[\w'\"{.]|(^|\s)--\w|eci-annotate \w|\b(True|False|None)\b|\bpip install\b|[A-Z]+_[A-Z_]+"
)


def plain_remedy(error: EciError) -> str:
    """Return what to do on a page; text for programs that has no translation becomes a reference to help."""
    for part, words in PAGE_REMEDIES:
        if part in error.remedy:
            return words
    return ASK if _PROGRAM.search(error.remedy) else error.remedy


def plain(error: EciError) -> str:
    """Return what happened and what to do, for a page."""
    return f"{error.what} {plain_remedy(error)}".strip()
