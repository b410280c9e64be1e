"""The signing page shows what the service has stored; a factor confirms that exactly this content is signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from eci_annotate.archive.protocol import hanging_headers
from eci_annotate.errors import EciError, Refused
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.hub.pages.factor_form import asking, proved
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.signing.requests import SignatureRequest, found, standing
from eci_annotate.hub.signing.thumbnails import pictures
from eci_annotate.imaging.display import Window
from eci_annotate.repository.backend import RequestState
from eci_annotate.workflow.actor import Role
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.translation import language_for
from eci_annotate.workflow.usecase.form_labels import labelled
from eci_annotate.workflow.usecase.gate import Checks, in_words


@dataclass(frozen=True)
class Content:
    """What is shown of a draft: annotations with pictures, answers and statements in words, and remarks."""

    annotations: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    remarks: tuple[str, ...] = ()


def show_request(visit: Visit) -> Response:
    """Show what will be signed."""
    return _page(visit, _request(visit))


def _request(visit: Visit) -> SignatureRequest:
    return found(
        visit.desk, visit.repo, visit.path("project"), visit.path("subject"), visit.request.path_params["request"]
    )


def _page(visit: Visit, made: SignatureRequest, problem: EciError | None = None) -> Response:
    state = standing(visit.desk, visit.repo, made)
    languages = visit.request.headers.get("accept-language", "")
    return visit.show(
        "sign",
        status=200 if problem is None else 403,
        made=made,
        state=state,
        title=_title(visit.repo.subject(made.command.project, made.command.subject), made),
        content=_content(visit.desk, made, languages) if state == RequestState.WAITING and made.content else Content(),
        asking=asking(visit, made.digest, "sign", made.digest),
        problem=problem,
    )


def _title(seen: SubjectView, made: SignatureRequest) -> str:
    return next((task.title for task in seen.tasks if task.name == made.command.task), made.command.task)


def _content(desk: Desk, made: SignatureRequest, languages: str) -> Content:
    """Return the draft currently on the disk, which matches the request: any other would have made it void.

    `languages` are those of the browser, the preferred one first.
    """
    command, subjects = made.command, desk.service.subjects
    state = subjects.state(command.project, command.subject)
    actor = desk.backend(made.signer, made.session).account.actor
    proposal = subjects.proposal(command, state, actor)
    case, done = proposal.job.case, proposal.content
    hanging = case.hang(hanging_headers(subjects.studies(command.subject)))
    windows = {each.series_uid: Window.from_centre_width(*each.window) for each in hanging.placed if each.window}
    shown = pictures(done.annotations, lambda uid: subjects.volume(command.subject, uid), windows.get)
    stated = in_words(Checks.from_json(done.checks), hanging)
    language = language_for(languages, case.languages)
    answers = [*labelled(case.report_in(language), done.answers), *stated]
    return Content(list(zip(done.rows, shown, strict=True)), answers, done.remarks)


def confirm_request(visit: Visit) -> Response:
    """Process the form: check the factor, then sign exactly what was shown, or nothing."""
    made = _request(visit)
    visit.check("sign", made.digest, visit.asked("nonce"))
    try:
        with visit.refusals("Sign"):
            _sign(visit.desk, made, _factor(visit, made) + _power(visit, made))
    except EciError as error:
        return _page(visit, made, error)
    seen = visit.repo.subject(made.command.project, made.command.subject)
    signed = [each for each in seen.task(made.command.task).signed if each.version == made.version]
    return visit.show("signed", made=made, signed=signed[0] if signed else None, title=_title(seen, made))


def _factor(visit: Visit, made: SignatureRequest) -> str:
    """Return how the user proved their identity; raises Refused if the request is no longer open."""
    if standing(visit.desk, visit.repo, made) != RequestState.WAITING:
        raise Refused("This request is no longer open.", "Sign again in the notebook.")
    return proved(visit, made.digest)


def _power(visit: Visit, made: SignatureRequest) -> str:
    """Return what a version says of a signer who owns the project and administers the hub, and could act as others."""
    person = visit.desk.people.of_token(visit.session.token, session=visit.session.hub_session)
    roles = visit.repo.account.actor.roles.get(made.command.project, ())
    both = person is not None and person.admin and Role.OWNER in roles
    return ", hub administrator" if both else ""


def _sign(desk: Desk, made: SignatureRequest, factor: str) -> None:
    """Sign with the key that the service holds; refused if the draft is no longer the one that was shown."""
    opened = desk.service.members.signer(made.signer, factor, made.content)
    desk.confirmed(made.signer, made.session, opened).do(made.command)
