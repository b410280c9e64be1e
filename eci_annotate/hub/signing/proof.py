"""Proof of identity in a form: by a PIN, by a passkey over the form's content, or by a one-time code."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from eci_annotate.errors import BadSecret, Refused
from eci_annotate.hub.signing import passkeys
from eci_annotate.repository.service.protocol import FactorCheck

PIN, PASSKEY, CODE = "pin", "webauthn", "code"


@dataclass(frozen=True)
class Proof:
    """What a form submitted; empty strings for missing values."""

    pin: str = ""
    credential: str = ""
    code: str = ""
    nonce: str = ""


def new_nonce() -> str:
    """Return a nonce for a form."""
    return os.urandom(16).hex()


def prove(book: FactorCheck, origin: str, name: str, proof: Proof, digest: str, *, code: bool = False) -> str:
    """Return the factor that proved the user's identity.

    Parameters
    ----------
    book
        Factors of all persons.
    origin
        Origin of the page, to which passkeys are bound.
    name
        Name of the person.
    proof
        What the form submitted.
    digest
        What is confirmed: the digest of the request, or of the change.
    code
        Whether a one-time code is accepted too (for changing factors; never for a signature).

    Raises
    ------
    BadSecret, Refused
        If nothing proved it, or there were too many wrong attempts.
    """
    for given, check, factor in (
        (proof.credential, lambda: _by_passkey(book, origin, name, proof, digest), PASSKEY),
        (proof.pin, lambda: book.check_pin(name, proof.pin), PIN),
        (proof.code if code else "", lambda: book.use_code(name, proof.code), CODE),
    ):
        if given:
            return _done(check, factor)
    raise BadSecret("Your identity was not confirmed.", "Enter your PIN or use your passkey.")


def _done(check: Callable[[], None], factor: str) -> str:
    check()
    return factor


def _by_passkey(book: FactorCheck, origin: str, name: str, proof: Proof, digest: str) -> None:
    known = book.of(name)
    if not known.passkeys:
        raise Refused("You have no passkey registered here.", "Add one under 'My signature', or use your PIN.")
    try:
        asked = passkeys.challenge(digest, proof.nonce)
        mark, count = passkeys.confirmed(origin, known, proof.credential, asked)
    except (BadSecret, ValueError):
        book.miss(name)
        raise
    book.count(name, mark, count)
