"""The page on which a person confirms a command that administrates: what it does, and a PIN or passkey."""

from __future__ import annotations

from starlette.responses import Response

from eci_annotate.errors import EciError, NotFound
from eci_annotate.hub.pages.factor_form import asking, proved
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.signing.confirmations import WaitingCommand, carry_out, request_of, request_state

_TITLES = {
    "accept-identified.1": "Accept files that may identify patients",
    "add-member.1": "Add a member",
    "change-member.1": "Change a member",
    "end-lease.1": "End a lease",
    "enrol-certificate.1": "Enrol a certificate",
    "publish.1": "Publish a use case",
    "revoke-certificate.1": "Revoke a certificate",
    "trust-authority.1": "Trust an authority",
    "withdraw.1": "Destroy the content of a subject",
}


def show_command(visit: Visit) -> Response:
    """Show what would be done."""
    return _page(visit, _request(visit))


def _request(visit: Visit) -> WaitingCommand:
    request = str(visit.request.path_params["request"])
    if not (len(request) == 64 and request.isalnum()):
        raise NotFound("Request not found.", "Ask for it again.")
    return request_of(visit.desk, visit.repo.account.actor.name, request)


def _page(visit: Visit, made: WaitingCommand, problem: EciError | None = None) -> Response:
    return visit.show(
        "confirm",
        status=200 if problem is None else 403,
        made=made,
        title=_TITLES.get(made.name, made.name),
        state=request_state(visit.desk, made),
        asking=asking(visit, made.digest, "confirm", made.digest),
        problem=problem,
    )


def confirm_command(visit: Visit) -> Response:
    """Process the form: check the factor, then do exactly what was shown."""
    made = _request(visit)
    visit.check("confirm", made.digest, visit.asked("nonce"))
    try:
        with visit.repo.noting(made.command):
            proved(visit, made.digest)
            carry_out(visit.desk, made)
    except EciError as error:
        return _page(visit, made, error)
    return _page(visit, made)
