"""Import uploaded files while the page is being streamed: a progress bar, then the result.

The work is completed, whether or not anybody still watches.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from html import escape
from threading import Event, Thread

from starlette.responses import Response, StreamingResponse

from eci_annotate.errors import EciError
from eci_annotate.hub.core.problem_responses import unforeseen
from eci_annotate.hub.pages.intake.uploads import Arrived
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import ProjectPage
from eci_annotate.repository.service.values import Imported, Progress

TICK_S = 0.4
_HERE = "<!-- here -->"


class Taking:
    """An import that runs while its progress page is streamed.

    Parameters
    ----------
    visit, place
        The user's request, and its project.
    arrived
        The files; deleted at the end. None: they are elsewhere.
    work
        Does the import; receives the function that reports progress.
    """

    def __init__(
        self, visit: Visit, place: ProjectPage, arrived: Arrived | None, work: Callable[[Progress], Imported]
    ) -> None:
        self._visit, self._place, self._arrived, self._work = visit, place, arrived, work
        self._page = bytes(visit.show("taking", place=place).body).decode()
        self._latest = ("Unpacking", 0, 0)
        self._over = Event()
        self._done: Imported | None = None
        self._problem: EciError | None = None

    def response(self) -> Response:
        """Start, and respond with the page."""
        if self._arrived is not None:
            self._arrived.taken = True
        context = contextvars.copy_context()  # so that the audit trail records the origin of the request
        Thread(target=context.run, args=(self._run,), name="taking-in").start()
        return StreamingResponse(self._pieces(), media_type="text/html")

    def _run(self) -> None:
        try:
            self._done = self._work(self._tell)
        except EciError as error:
            self._problem = error
        except Exception as error:
            self._problem = unforeseen(error)
        finally:
            if self._arrived is not None:
                self._arrived.forget()
            self._over.set()

    def _tell(self, what: str, done: int, of: int) -> None:
        self._latest = (what, done, of)

    def _pieces(self) -> Iterator[str]:
        head, _, tail = self._page.partition(_HERE)
        yield head
        shown = None
        while not self._over.wait(TICK_S):
            if self._latest != shown:
                shown = self._latest
                yield _step(*shown)
        fragment = self._visit.show("taken", place=self._place, problem=self._problem, done=self._done)
        yield bytes(fragment.body).decode() + tail


def _step(what: str, done: int, of: int) -> str:
    """Return the progress; the style sheet shows only the last one."""
    value = f' value="{done}" max="{of}"' if of else ""
    told = f"{escape(what)} {done} of {of}" if of else escape(what)
    return f'<p class="step"><progress{value}></progress> {told}</p>\n'
