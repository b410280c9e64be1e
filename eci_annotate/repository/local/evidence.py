"""The evidence at the stores themselves: access notes, audit, checkpoints and verification."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from eci_annotate.repository.backend import Check
from eci_annotate.repository.local.access_log import Notes
from eci_annotate.repository.local.account import LocalAccount
from eci_annotate.repository.local.audit import AuditPage, AuditQuery, audit_page, audit_table
from eci_annotate.repository.local.checkpoints import check_checkpoints
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.verify import check_subject
from eci_annotate.workflow.subject.view import SubjectView


class LocalTrail:
    """The evidence as one actor may see it; see `Trail`.

    Parameters
    ----------
    context
        The repository's parts.
    account, notes
        The actor, and their access stream.
    subject
        Returns a subject as the actor may see it; refuses, and notes it, otherwise.
    """

    def __init__(
        self, context: Context, account: LocalAccount, notes: Notes, subject: Callable[[str, str], SubjectView]
    ) -> None:
        self._context, self._account, self._notes, self._subject = context, account, notes, subject

    def note(self, name: str, project: str, subject: str, what: str) -> None:
        """See `Trail`."""
        self._notes.add(name, project, subject, what)

    def verify(self, project: str, subject: str, anchors: tuple[str, ...] = ()) -> list[Check]:
        """See `Trail`."""
        return check_subject(self._context, self._subject(project, subject), anchors)

    def audit(self, query: AuditQuery) -> pd.DataFrame:
        """Return the audit trail of the projects whose audit the actor may search; the search itself is noted."""
        actor = self._account.actor
        with self._notes.refusals("Audit", query.project or next(iter(actor.roles), ""), query.subject):
            table = audit_table(self._context, actor, query)
        self.note("audited.1", query.project, query.subject, f"{len(table)} rows")
        return table

    def audit_page(self, query: AuditQuery, size: int, older: str = "") -> AuditPage:
        """Return a page of the newest rows, as `audit`; `older` of a page leads to the next one."""
        actor = self._account.actor
        with self._notes.refusals("Audit", query.project or next(iter(actor.roles), ""), query.subject):
            page = audit_page(self._context, actor, query, size, older)
        self.note("audited.1", query.project, query.subject, f"{len(page.rows)} rows of a page")
        return page

    def check_checkpoints(self, folder: Path | None = None, anchors: tuple[str, ...] = ()) -> list[Check]:
        """Check that nothing is missing up to the last checkpoint in `folder` (by default the repository's own)."""
        trusted = anchors or (self._context.layout.authority.read_text(),)
        return check_checkpoints(self._context, folder or self._context.layout.checkpoints, trusted)
