"""What a form needs so that the person can show that it is he: a PIN, or a passkey over what he confirms."""

from __future__ import annotations

from dataclasses import dataclass

from eci_annotate.hub.pages.browser_security import origin_of
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.signing import passkeys
from eci_annotate.hub.signing.proof import Proof, new_nonce, prove


@dataclass(frozen=True)
class Asking:
    """The form's hidden values, and what the person has.

    Attributes
    ----------
    token, nonce
        Of this form alone.
    has_pin
        Whether there is a PIN to ask for.
    options
        What the browser asks a passkey with, as JSON; empty when the person has none.
    """

    token: str
    nonce: str
    has_pin: bool
    options: str

    @property
    def has_any(self) -> bool:
        """Whether the person has something to show at all."""
        return self.has_pin or bool(self.options)


def asking(visit: Visit, digest: str, *about: str) -> Asking:
    """A new form in which the person confirms `digest`; `about` binds the form's token."""
    factors, nonce = visit.desk.factors.of(visit.session.name), new_nonce()
    origin, asked = origin_of(visit.request, visit.desk.settings), passkeys.challenge(digest, nonce)
    options = passkeys.confirmation_options(origin, factors, asked) if factors.passkeys else ""
    return Asking(visit.token(*about, nonce), nonce, bool(factors.pin), options)


def proved(visit: Visit, digest: str) -> str:
    """Which factor came back with the form that `asking` made; that it is that form was checked by its token.

    Raises
    ------
    Refused, BadSecret
        Nothing proves it, or there were too many wrong tries.
    """
    proof = Proof(visit.asked("pin"), visit.asked("credential"), nonce=visit.asked("nonce"))
    return prove(visit.desk.factors, origin_of(visit.request, visit.desk.settings), visit.session.name, proof, digest)
