"""Why another system cannot be used, in words for the person who can change it; no answer is quoted."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx

from eci_annotate.errors import StoreUnavailable

_REMEDIES = {401: "Check user and password.", 403: "Give the account there the right to do this."}


def unreachable(name: str, error: BaseException) -> StoreUnavailable:
    """Return the error for a request to a system (as ``XNAT``) that got no answer."""
    if any(_is_untrusted(each) for each in _causes(error)):
        return StoreUnavailable(f"The certificate of the {name} is not trusted.", "Check its address and certificate.")
    return StoreUnavailable(f"The {name} cannot be reached ({type(error).__name__}).", "Try again in a moment.")


def refused(name: str, answer: httpx.Response) -> StoreUnavailable:
    """Return the error for an answer with another status than asked for."""
    remedy = _REMEDIES.get(answer.status_code, "Ask its administrator; nothing was changed here.")
    return StoreUnavailable(f"The {name} answered {answer.status_code}.", remedy)


def _is_untrusted(error: BaseException) -> bool:
    return isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
