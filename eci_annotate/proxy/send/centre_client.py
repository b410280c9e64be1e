"""The centre, as a site's credential sees it: parts of files go up, their states come back."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from eci_annotate.errors import BadConfiguration, NoIdentity, NotAtCentre
from eci_annotate.proxy.configuration import CentreSettings

PART, TIMEOUT_S = 32 << 20, 60.0
_PIECE = 1 << 20


class AtCentre(StrEnum):
    """What the centre has of a file."""

    ABSENT = "absent"
    PARTIAL = "partial"
    RECEIVED = "received"
    CONFIRMED = "confirmed"
    HELD = "held"


@dataclass(frozen=True)
class CentreState:
    """The state of a file at the centre: bytes that arrived; its subject, or why it is held back."""

    state: AtCentre
    offset: int = 0
    subject: str = ""
    reason: str = ""


class Centre:
    """The upload service of the centre.

    Parameters
    ----------
    settings
        Its address, the site's credential, and the certificates.

    Raises
    ------
    BadConfiguration
        If the credential or a certificate cannot be read, or others may read the credential.
    """

    def __init__(self, settings: CentreSettings) -> None:
        url, host = _resolved(settings.url.rstrip("/"))
        headers = {"Authorization": f"Bearer {_credential(settings.credential)}", **host}
        self._client = httpx.Client(
            base_url=f"{url}/api/site/",
            headers=headers,
            timeout=TIMEOUT_S,
            verify=_tls(settings),
            limits=httpx.Limits(max_connections=settings.parallel + 2),
            trust_env=True,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def states(self, digests: Sequence[str]) -> dict[str, CentreState]:
        """Return what the centre has of files, by SHA-256; at most 1000 at once."""
        answer = self._ask("POST", "states", json={"digests": list(digests)})
        return {name: _state(told) for name, told in answer.items()}

    def send(self, digest: str, path: Path) -> CentreState:
        """Send a file from where the centre has it already; returns its state, `received` if it is complete there."""
        state, size = self.states([digest])[digest], path.stat().st_size
        while state.state in (AtCentre.ABSENT, AtCentre.PARTIAL):
            offset = min(state.offset, size)
            where = {"offset": offset, "size": size}
            length = {"Content-Length": str(min(PART, size - offset))}
            told = self._ask("PUT", f"files/{digest}", params=where, content=_part(path, offset), headers=length)
            state = _state(told)
            if state.state is AtCentre.PARTIAL and state.offset <= offset:
                raise NotAtCentre("The centre did not keep what was sent.", "It is tried again.")
        return state

    def ingest(self) -> None:
        """Ask the centre to take in what has arrived."""
        self._ask("POST", "ingest")

    def take_numbers(self) -> list[str]:
        """Return the subjects' numbers that are reserved for this proxy; each is handed out once."""
        told = self._ask("POST", "numbers/take").get("subjects")
        if not isinstance(told, list):
            raise NotAtCentre("The centre gave an answer of another release.", "Update eci-proxy.")
        return [str(each) for each in told]

    def propose(self, numbers: Mapping[str, str]) -> None:
        """Tell the centre which provisional number each pseudonym has here; at most 1000 at once."""
        self._ask("POST", "numbers/propose", json={"subjects": dict(numbers)})

    def _ask(self, method: str, where: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, where, **more)
            told = answer.json()
        except (httpx.HTTPError, ValueError, OSError) as error:
            what = f"The centre cannot be reached ({type(error).__name__})."
            raise NotAtCentre(what, "Check centre/url and the network; uploads are tried again.") from None
        if answer.status_code in (401, 403):
            raise NoIdentity("The centre refuses this site's credential.", "Ask the project's owner for a new one.")
        if answer.status_code != 200 or not isinstance(told, dict):
            what = f"The centre answered {answer.status_code}."
            raise NotAtCentre(what, "Uploads are tried again; tell the centre if this lasts.")
        return told


def _part(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(offset)
        left = PART
        while left and (piece := stream.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece


def _state(told: Any) -> CentreState:
    try:
        return CentreState(AtCentre(told["state"]), int(told["offset"]), str(told["subject"]), str(told["reason"]))
    except (KeyError, TypeError, ValueError):
        raise NotAtCentre("The centre gave an answer of another release.", "Update eci-proxy.") from None


def _resolved(url: str) -> tuple[str, dict[str, str]]:
    """Return an address to connect to: names below ``localhost`` are this machine (RFC 6761), as a demo hub uses."""
    where = urlsplit(url)
    if not (where.hostname or "").endswith(".localhost"):
        return url, {}
    port = f":{where.port}" if where.port else ""
    return urlunsplit(where._replace(netloc=f"127.0.0.1{port}")), {"Host": where.netloc}


def _credential(path: Path) -> str:
    try:
        with path.open() as stream:
            mode, token = os.fstat(stream.fileno()).st_mode, stream.read(500).strip()
    except (OSError, UnicodeDecodeError):
        raise BadConfiguration("The site's credential cannot be read.", "Check centre/credential.") from None
    if os.name == "posix" and mode & 0o077:
        raise BadConfiguration("Others may read the site's credential.", "Set its mode to 0600.")
    if not token.isascii() or not token.startswith("eci-site."):
        raise BadConfiguration("The site's credential is damaged.", "Ask the project's owner for a new one.")
    return token


def _tls(settings: CentreSettings) -> ssl.SSLContext | bool:
    if not settings.authority and not settings.certificate:
        return True
    try:
        context = ssl.create_default_context(cafile=str(settings.authority) if settings.authority else None)
        if settings.certificate:
            context.load_cert_chain(settings.certificate, settings.certificate_key)
    except (OSError, ssl.SSLError):
        raise BadConfiguration("A certificate for the centre cannot be read.", "Check centre in the file.") from None
    return context
