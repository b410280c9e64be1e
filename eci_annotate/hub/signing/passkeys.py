"""Passkeys (WebAuthn, user verified). The challenge is SHA-256 of the confirmed digest and a nonce."""

from __future__ import annotations

import hashlib
from datetime import datetime
from urllib.parse import urlsplit

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json, parse_registration_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    UserVerificationRequirement,
)

from eci_annotate.errors import BadSecret
from eci_annotate.repository.service.values import Factors, Passkey

_NEEDED = UserVerificationRequirement.REQUIRED


def challenge(digest: str, nonce: str) -> bytes:
    """Return what the authenticator signs."""
    return hashlib.sha256(bytes.fromhex(digest) + bytes.fromhex(nonce)).digest()


def enrolment_options(origin: str, name: str, asked: bytes) -> str:
    """Return the options with which a browser creates a passkey, as JSON."""
    options = generate_registration_options(
        rp_id=_host(origin),
        rp_name="eci_annotate",
        user_name=name,
        user_id=hashlib.sha256(name.encode()).digest(),
        challenge=asked,
        authenticator_selection=AuthenticatorSelectionCriteria(user_verification=_NEEDED),
    )
    return options_to_json(options)


def confirmation_options(origin: str, known: Factors, asked: bytes) -> str:
    """Return the options with which a browser confirms using one of the user's passkeys, as JSON."""
    allowed = [PublicKeyCredentialDescriptor(id=bytes.fromhex(key.id)) for key in known.passkeys]
    options = generate_authentication_options(
        rp_id=_host(origin), challenge=asked, allow_credentials=allowed, user_verification=_NEEDED
    )
    return options_to_json(options)


def enrolled(origin: str, told: str, asked: bytes, now: datetime) -> Passkey:
    """Return the passkey that a browser created; raises BadSecret if it is not valid here.

    Parameters
    ----------
    origin
        Origin of the page.
    told
        The browser's response, as JSON.
    asked
        The challenge.
    now
        Current time (UTC).
    """
    try:
        found = verify_registration_response(
            credential=parse_registration_credential_json(told),
            expected_challenge=asked,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError) as error:
        raise BadSecret("The browser did not create a passkey for this page.", "Try again, or set a PIN.") from error
    return Passkey(found.credential_id.hex(), found.credential_public_key.hex(), found.sign_count, now)


def confirmed(origin: str, known: Factors, told: str, asked: bytes) -> tuple[str, int]:
    """Return the passkey that confirmed it, and its new counter; raises BadSecret if it is none of the user's.

    Parameters
    ----------
    origin
        Origin of the page.
    known
        The user's factors.
    told
        The browser's response, as JSON.
    asked
        The challenge.
    """
    try:
        credential = parse_authentication_credential_json(told)
        mark = base64url_to_bytes(credential.id).hex()
        key = next(each for each in known.passkeys if each.id == mark)
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=asked,
            expected_rp_id=_host(origin),
            expected_origin=origin,
            credential_public_key=bytes.fromhex(key.public),
            credential_current_sign_count=key.count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, StopIteration) as error:
        raise BadSecret("The passkey did not confirm this request.", "Try again, with your own passkey.") from error
    return key.id, found.new_sign_count


def _host(origin: str) -> str:
    return urlsplit(origin).hostname or ""
