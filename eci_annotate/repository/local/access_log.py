"""The access stream of one person: what they read and export, and what they are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from eci_annotate.errors import BadAnswers, BadSecret, BadUseCase, NotFound, Refused
from eci_annotate.repository.local.context import Context
from eci_annotate.workflow.actor import Actor

REFUSALS = (Refused, NotFound, BadSecret, BadAnswers, BadUseCase)


class Notes:
    """Adds to the access stream for whoever acts.

    Parameters
    ----------
    context
        The repository's parts.
    who
        Says who acts now, from where, and how surely that is known.
    """

    def __init__(self, context: Context, who: Callable[[], Actor]) -> None:
        self._context, self._who = context, who

    def add(self, name: str, project: str, subject: str, what: str) -> None:
        """One row: ``read.1``, ``exported.1``, ``refused.1`` …"""
        now, actor = self._context.clock(), self._who()
        who = {"by": actor.name, "assurance": actor.assurance, "session": actor.session, "where": actor.where}
        data = {**who, "at": now.isoformat(), "project": project, "subject": subject, "what": what}
        self._context.access.append(now.strftime("%Y-%m"), {"name": name, "data": data})

    @contextmanager
    def refusals(self, doing: str, project: str, subject: str = "") -> Iterator[None]:
        """While this lasts, a refusal is noted as one of `doing`; once, however many such blocks it passes."""
        try:
            yield
        except REFUSALS as error:
            if not error.noted:
                error.noted = True
                self.add("refused.1", project, subject, f"{doing}: {error.what}")
            raise
