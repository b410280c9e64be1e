"""Templates, and the frame of each page: who is logged in, what the session may see, refusals as pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from eci_annotate.errors import BadRequest, EciError, NotFound, Overloaded
from eci_annotate.hub.core.problem_responses import status_of
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.hub.pages.browser_security import check_form, check_navigation, form_token
from eci_annotate.hub.pages.intake.uploads import INCOMING, Arrived, received
from eci_annotate.hub.pages.session import Session, Sessions
from eci_annotate.repository.service.person_backend import PersonBackend
from eci_annotate.workflow.project import NAME
from eci_annotate.workflow.subject.lease import to_minute

HERE = Path(__file__).parent
SESSION = "pages"


def templates() -> Environment:
    """Return the templates; everything is escaped, and undefined variables are errors."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["minute"] = to_minute
    return made


@dataclass(frozen=True)
class Visit:
    """One request from a user's browser."""

    request: Request
    desk: Desk
    session: Session
    show: Callable[..., Response]
    form: FormData = field(default_factory=FormData)
    arrived: Arrived | None = None

    @property
    def repo(self) -> PersonBackend:
        """The repository, for this user."""
        return self.desk.backend(self.session.name, SESSION)

    def path(self, name: str) -> str:
        """Return a part of the page's path; raises NotFound if it is not a valid name."""
        found = str(self.request.path_params[name])
        if not NAME.fullmatch(found):
            raise NotFound("Page not found.", "Go back to the first page.")
        return found

    def asked(self, name: str, default: str = "") -> str:
        """Return a value of the address or the form, without surrounding whitespace.

        Raises
        ------
        BadRequest
            It is given twice: what a person saw may be the other value.
        """
        found = self.form.getlist(name) or self.request.query_params.getlist(name)
        if len(found) > 1:
            raise BadRequest("The form has a field twice.", "Load the page again.")
        return str(found[0]).strip() if found else default

    def all(self, name: str) -> list[str]:
        """Return all values of that name in the form."""
        return [str(each).strip() for each in self.form.getlist(name)]

    def check(self, *about: str) -> None:
        """Raise Refused unless the form is ours, for this session, about this."""
        check_form(self.session.id, self.asked("token"), *about)

    def token(self, *about: str) -> str:
        """Return the token of such a form."""
        return form_token(self.session.id, *about)

    def refusals(self, doing: str) -> AbstractContextManager[None]:
        """Record refusals within this context in the audit trail of the page's project."""
        named = (str(self.request.path_params.get(name, "")) for name in ("project", "subject"))
        project, subject = (name if NAME.fullmatch(name) else "" for name in named)
        return self.repo.refusals(doing, project, subject) if project else nullcontext()

    def back(self, path: str) -> Response:
        """Redirect after a form to the page of this path below the prefix."""
        return RedirectResponse(f"{self.desk.settings.prefix}{path}", 303)


Page = Callable[[Visit], Response]
Check = Callable[[Visit], object]


class Showing:
    """Turns a function that returns page content into a page."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.sessions = desk, Sessions(desk)
        self._templates = templates()

    def page(self, act: Page, before: Check | None = None) -> Callable[[Request], Any]:
        """Return the handler of a page: login if needed, then `act`; refusals are shown with their remedy.

        With `before` the form may upload files, which are accepted only if `before` does not raise.
        """

        @wraps(act)
        async def handler(request: Request) -> Response:
            found = await run_in_threadpool(self._who, request)
            if isinstance(found, Response):
                return found
            try:
                with self.desk.allowance.at_once(f"user/{found.name}"):
                    return await self._acted(act, before, request, found)
            except Overloaded as error:
                return self.refused(found, error)

        return handler

    async def _acted(self, act: Page, before: Check | None, request: Request, found: Session) -> Response:
        if before is not None:
            return await self._with_files(act, before, self._visit(request, found))
        posts = request.method == "POST"  # a body is read only once its sender is known
        form = await request.form(max_files=0, max_fields=2000) if posts else FormData()
        return await run_in_threadpool(self._answer, act, self._visit(request, found, form))

    async def _with_files(self, act: Page, before: Check, visit: Visit) -> Response:
        arrived = None
        try:
            await run_in_threadpool(self._checked, before, visit)
            arrived = await received(visit.request, visit.desk.service.cache / INCOMING)
            whole = replace(visit, form=arrived.form, arrived=arrived)
            return await run_in_threadpool(self._answer, act, whole)
        except EciError as error:
            return self.refused(visit.session, error)
        finally:
            if arrived is not None and not arrived.taken:
                await run_in_threadpool(arrived.forget)

    def _checked(self, before: Check, visit: Visit) -> None:
        with visit.refusals(_named(before)):
            before(visit)

    def _who(self, request: Request) -> Session | Response:
        """Return the user's session, a redirect to the login, or a refusal of a request that no user made."""
        try:
            check_navigation(request, self.desk.settings)
            session = self.sessions.of(request, fresh=request.method == "POST")
            if session is None:
                return self.sessions.login(request)
            self.desk.allowance.take(f"user/{session.name}")
        except EciError as error:
            return self.refused(None, error)
        request.state.person = session.name
        return session

    def _visit(self, request: Request, session: Session, form: FormData | None = None) -> Visit:
        return Visit(request, self.desk, session, partial(self._shown, session), form or FormData())

    def _answer(self, act: Page, visit: Visit) -> Response:
        try:
            with visit.refusals(_named(act)):
                response = act(visit)
        except EciError as error:
            return self.refused(visit.session, error)
        self.sessions.keep(response, visit.session)
        return response

    def _shown(self, session: Session | None, name: str, status: int = 200, **more: Any) -> Response:
        frame = {
            "prefix": self.desk.settings.prefix,
            "hub": f"{self.desk.settings.hub_host}{self.desk.settings.hub_base}",
            "who": session.name if session else "",
            "logout": form_token(session.id, "logout") if session else "",
            "insecure": self.desk.settings.insecure_demo,
        }
        return HTMLResponse(self._templates.get_template(f"{name}.html").render(**frame, **more), status)

    def refused(self, session: Session | None, error: EciError) -> Response:
        """Return a refusal as a page."""
        status = 404 if isinstance(error, NotFound) else max(status_of(error), 400)
        return self._shown(session, "refused", status, error=error)


def _named(act: Callable[..., object]) -> str:
    """Return what the audit trail records as attempted."""
    return f"Page: {act.__name__.replace('_', ' ')}"
