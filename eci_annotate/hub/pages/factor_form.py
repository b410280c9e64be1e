"""The parts of a form in which users prove their identity: a PIN, or a passkey over what they confirm."""

from __future__ import annotations

from dataclasses import dataclass

from eci_annotate.hub.pages.browser_security import origin_of
from eci_annotate.hub.pages.page import SESSION, Visit
from eci_annotate.hub.signing import passkeys
from eci_annotate.hub.signing.proof import Proof, new_nonce, prove
from eci_annotate.repository.service.person_backend import PersonBackend


@dataclass(frozen=True)
class Asking:
    """The form's hidden values, and the user's factors.

    Attributes
    ----------
    token, nonce
        Values for this form only.
    has_pin
        Whether the user has a PIN.
    options
        Options for requesting a passkey from the browser, as JSON; empty if the user has none.
    """

    token: str
    nonce: str
    has_pin: bool
    options: str

    @property
    def has_any(self) -> bool:
        """Whether the user has any factor at all."""
        return self.has_pin or bool(self.options)


def asking(visit: Visit, digest: str, *about: str) -> Asking:
    """Return a new form in which the user confirms `digest`; `about` binds the form's token."""
    factors, nonce = visit.desk.factors.of(visit.session.name), new_nonce()
    origin, asked = origin_of(visit.request, visit.desk.settings), passkeys.challenge(digest, nonce)
    options = passkeys.confirmation_options(origin, factors, asked) if factors.passkeys else ""
    return Asking(visit.token(*about, nonce), nonce, bool(factors.pin), options)


def proved(visit: Visit, digest: str) -> str:
    """Return the factor submitted with the form of `asking`; the form itself was checked by its token.

    Raises
    ------
    Refused, BadSecret
        If no factor is valid, or there were too many wrong attempts.
    """
    proof = Proof(visit.asked("pin"), visit.asked("credential"), nonce=visit.asked("nonce"))
    return prove(visit.desk.factors, origin_of(visit.request, visit.desk.settings), visit.session.name, proof, digest)


def confirmed(visit: Visit, digest: str) -> PersonBackend:
    """Return the repository with the user's own key, once a factor proved them for `digest`; see `proved`."""
    name, factor = visit.session.name, proved(visit, digest)
    return visit.desk.confirmed(name, SESSION, visit.desk.service.members.signer(name, factor))
