"""The page of the user's factors: set a PIN, add a passkey. Changes need the old factor or a one-time code."""

from __future__ import annotations

from starlette.responses import Response

from eci_annotate.errors import EciError
from eci_annotate.hub.pages.browser_security import origin_of
from eci_annotate.hub.pages.factor_form import asking
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.signing import passkeys
from eci_annotate.hub.signing.proof import Proof, prove
from eci_annotate.repository.service.values import check_pin_shape
from eci_annotate.workflow.codec import digest


def _about(visit: Visit) -> str:
    """Return what a proof on this page confirms: changing the factors of this user."""
    return digest(f"factors of {visit.session.name}".encode())


def show_factors(visit: Visit, problem: EciError | None = None, done: str = "") -> Response:
    """Show the user's factors, and the forms to change them."""
    name, asked = visit.session.name, asking(visit, _about(visit), "factors")
    origin, challenge = origin_of(visit.request, visit.desk.settings), passkeys.challenge(_about(visit), asked.nonce)
    return visit.show(
        "factors",
        status=403 if problem else 200,
        factors=visit.desk.factors.of(name),
        nonce=asked.nonce,
        token=asked.token,
        create=passkeys.enrolment_options(origin, name, challenge),
        get=asked.options,
        problem=problem,
        done=done,
    )


def change_factors(visit: Visit) -> Response:
    """Set a PIN or add a passkey, if the form proves the user's identity."""
    nonce, name = visit.asked("nonce"), visit.session.name
    visit.check("factors", nonce)
    try:
        what = _changed(visit, name, nonce)
    except EciError as error:
        _note(visit, "refused.1", f"Factors: {error.what}")
        return show_factors(visit, error)
    _note(visit, "factor.1", what)
    return show_factors(visit, done=what)


def _changed(visit: Visit, name: str, nonce: str) -> str:
    book, origin = visit.desk.factors, origin_of(visit.request, visit.desk.settings)
    proof = Proof(visit.asked("pin"), visit.asked("credential"), visit.asked("code"), nonce)
    if visit.asked("do") == "cancel the code":
        book.cancel_code(name)
        return "The code was cancelled."
    made, pin = visit.asked("created"), visit.asked("new_pin")
    if made:
        asked = passkeys.challenge(_about(visit), nonce)
        passkey = passkeys.enrolled(origin, made, asked, visit.desk.service.clock())
        how = prove(book, origin, name, proof, _about(visit), code=True)
        book.add_passkey(name, passkey)
        return f"A passkey was added (shown by {how})."
    check_pin_shape(pin)
    how = prove(book, origin, name, proof, _about(visit), code=True)
    book.set_pin(name, pin)
    return f"The PIN was set (shown by {how})."


def _note(visit: Visit, name: str, what: str) -> None:
    for project in visit.repo.account.projects():
        visit.repo.trail.note(name, project, "", what)
