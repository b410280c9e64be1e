"""A signature request from a notebook, bound to the draft at that time; only its owner can confirm it.

It is stored among the subject's blobs, encrypted and with a message authentication code of the service: any replica
can show it, and nobody can forge it.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from eci_annotate.errors import NotFound, Tampered
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.repository.backend import RequestState
from eci_annotate.repository.pending_signature import Pending
from eci_annotate.repository.service.person_backend import PersonBackend
from eci_annotate.repository.service.protocol import Purpose
from eci_annotate.repository.signed import signed_by
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import canonical, digest, from_json, parse, to_json
from eci_annotate.workflow.subject.commands import Sign
from eci_annotate.workflow.subject.decide import permit
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.usecase.pipeline import DRAWN, task_named

LASTS = timedelta(minutes=15)
_WHAT = "Signature request not found."


@dataclass(frozen=True)
class SignatureRequest:
    """Who should sign what. `content` is the digest of the draft concerned; empty for a review."""

    signer: str
    session: str
    command: Sign
    version: int
    content: str
    until: datetime
    nonce: str

    @property
    def digest(self) -> str:
        """Return what the user confirms: a digest of the complete request, including the draft's digest."""
        return digest(canonical(to_json(self)))


def ask(desk: Desk, repo: PersonBackend, command: Sign) -> Pending:
    """Keep the request; the result says where its person confirms it.

    Raises
    ------
    Refused, BadAnswers
        If it cannot be signed as it is; problems are reported now, not after the user has opened the page.
    """
    actor, now = repo.account.actor, desk.service.clock()
    state = desk.service.subjects.state(command.project, command.subject)
    permit(command, state, actor, now)
    made = SignatureRequest(
        actor.name,
        actor.session,
        command,
        state.work[command.task].version + 1,
        _checked(desk, command, state, actor),
        now + LASTS,
        os.urandom(16).hex(),
    )
    name = desk.service.subjects.keep(command.project, command.subject, _marked(desk, made))
    request = f"{command.project}/{command.subject}/{name}"
    work = state.work[command.task]
    known = {"basis": work.basis, "use_case": work.use_case}
    signed = partial(signed_by, repo, repo.images, command, made.version, known)
    return Pending(url_of(desk, request), request, lambda: standing(desk, repo, made), signed)


def url_of(desk: Desk, request: str) -> str:
    """Return the address of the page that shows a request."""
    settings = desk.settings
    return f"{settings.public.rstrip('/') or settings.hub_host + settings.prefix.rstrip('/')}/sign/{request}"


def _checked(desk: Desk, command: Sign, state: Subject, actor: Actor) -> str:
    """Return the digest of a draft, which must be complete."""
    if task_named(state.pipeline, command.task).kind not in DRAWN:
        return ""
    return desk.service.subjects.proposal(command, state, actor).digest


def _mark(desk: Desk, body: Any) -> str:
    return hmac.digest(desk.service.secret(Purpose.SIGNATURE), canonical(body), "sha256").hex()


def _marked(desk: Desk, made: SignatureRequest) -> bytes:
    body = to_json(made)
    return canonical({"body": body, "mark": _mark(desk, body)})


def found(desk: Desk, repo: PersonBackend, project: str, subject: str, name: str) -> SignatureRequest:
    """Return the request of that name; raises NotFound unless it is for this actor.

    Parameters
    ----------
    desk
        The service's context.
    repo
        The repository, for the acting user.
    project, subject
        Names of the subject's project and of the subject.
    name
        Name of the request.
    """
    repo.subject(project, subject)
    try:
        stored = parse(desk.service.subjects.kept(project, subject, name), "A request")
        if not hmac.compare_digest(str(stored["mark"]), _mark(desk, stored["body"])):
            raise NotFound(_WHAT, "Ask for the signature again.")
        made = from_json(SignatureRequest, stored["body"])
    except (NotFound, KeyError, TypeError, Tampered):
        raise NotFound(_WHAT, "Ask for the signature again.") from None
    if made.signer != repo.account.actor.name or (made.command.project, made.command.subject) != (project, subject):
        raise NotFound(_WHAT, "Ask for the signature again.")
    return made


def standing(desk: Desk, repo: PersonBackend, made: SignatureRequest) -> RequestState:
    """Whether the request waits, was signed, or is void: the draft changed, the lease is lost, or time is over."""
    command = made.command
    state = desk.service.subjects.state(command.project, command.subject)
    work = state.work[command.task]
    if any(each.fence == command.fence and each.by == made.signer for each in work.signed):
        return RequestState.DONE
    holder = Actor(made.signer, session=made.session)
    live = work.lease is not None and work.lease.is_live(desk.service.clock()) and work.lease.is_of(holder)
    if not live or work.fence != command.fence or desk.service.clock() > made.until:
        return RequestState.VOID
    return RequestState.WAITING if not made.content or made.content == content_now(desk, made) else RequestState.VOID


def content_now(desk: Desk, made: SignatureRequest) -> str:
    """Return the digest of the current draft."""
    return desk.service.subjects.draft_digest(made.command)
