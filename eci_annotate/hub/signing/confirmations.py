"""Commands that administrate wait, like a signature, until their person confirms them on the service's page.

A program's token can do much in a person's name, but not this: no notebook makes an owner or destroys a subject. A
request is kept as a file with a message authentication code of the service, for a quarter of an hour.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from eci_annotate.errors import NotFound, Refused, Tampered
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.repository.backend import RequestState
from eci_annotate.repository.remote.wire_format import command_from_wire, command_to_wire
from eci_annotate.repository.service.person_backend import PersonBackend
from eci_annotate.repository.service.protocol import Purpose
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, digest, from_json, parse, to_json
from eci_annotate.workflow.subject.commands import (
    AcceptIdentified,
    AddMember,
    ChangeMember,
    EndLease,
    EnrolCertificate,
    Publish,
    RevokeCertificate,
    TrustAuthority,
    Withdraw,
)
from eci_annotate.workflow.trust.certificates import common_name, mark_of

PERSON = "custom:eci:person"  # the scope of a browser's login; no kernel's token has it
LASTS = timedelta(minutes=15)
FOLDER = "confirmations"
CONFIRMED = (
    AcceptIdentified,
    AddMember,
    ChangeMember,
    EndLease,
    EnrolCertificate,
    Publish,
    RevokeCertificate,
    TrustAuthority,
    Withdraw,
)
_MISSING = NotFound("Request not found.", "Ask for it again.")


@dataclass(frozen=True)
class WaitingCommand:
    """Who should confirm which command, as it goes over the wire."""

    person: str
    session: str
    name: str
    data: dict[str, Any]
    until: datetime
    nonce: str

    @property
    def digest(self) -> str:
        """Return what the person confirms: a digest of the complete request."""
        return digest(canonical(to_json(self)))

    @property
    def command(self) -> Any:
        """Return the command."""
        return command_from_wire({"name": self.name, "data": self.data})

    def facts(self) -> list[tuple[str, str]]:
        """Return what the command says, for the page: each field, and of a certificate its owner and fingerprint."""
        given = {key: value for key, value in self.data.items() if value not in ("", [], None)}
        return [(key.replace("_", " "), _shown(value)) for key, value in given.items()]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if str(value).startswith("-----BEGIN CERTIFICATE"):
        return f"{common_name(value)}, fingerprint {mark_of(value)}"
    return str(value)


def ask_person(desk: Desk, repo: PersonBackend, command: Any) -> WaitingCommand:
    """Keep a command until its person confirms it; refused now if it would be refused then."""
    repo.check(command)
    told = command_to_wire(command)
    actor, until = repo.account.actor, desk.service.clock() + LASTS
    made = WaitingCommand(actor.name, actor.session, told["name"], told["data"], until, os.urandom(16).hex())
    body = to_json(made)
    write_atomic(_path(desk, made.digest), canonical({"body": body, "mark": _mark(desk, body)}), mode=0o600)
    return made


def confirmation_url(desk: Desk, request: str) -> str:
    """Return the address of the page on which a request is confirmed."""
    settings = desk.settings
    return f"{settings.public.rstrip('/') or settings.hub_host + settings.prefix.rstrip('/')}/confirm/{request}"


def request_of(desk: Desk, name: str, request: str) -> WaitingCommand:
    """Return the request with this digest; raises NotFound unless `name` is the person who should confirm it."""
    try:
        told = parse(_path(desk, request).read_bytes(), "A request")
        if not hmac.compare_digest(str(told["mark"]), _mark(desk, told["body"])):
            raise _MISSING
        made = from_json(WaitingCommand, told["body"])
    except (OSError, KeyError, TypeError, Tampered):
        raise _MISSING from None
    if made.person != name or made.digest != request:
        raise _MISSING
    return made


def request_state(desk: Desk, made: WaitingCommand) -> RequestState:
    """Whether the request waits, was confirmed, or is void because its time is over."""
    if _done(desk, made).exists():
        return RequestState.DONE
    return RequestState.WAITING if desk.service.clock() <= made.until else RequestState.VOID


def carry_out(desk: Desk, made: WaitingCommand) -> None:
    """Do a confirmed command, once."""
    if request_state(desk, made) != RequestState.WAITING:
        raise Refused("This request is no longer open.", "Ask for it again.")
    try:
        os.close(os.open(_done(desk, made), os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise Refused("This request is no longer open.", "Ask for it again.") from None
    try:
        desk.backend(made.person, made.session).do(made.command)
    except BaseException:
        _done(desk, made).unlink(missing_ok=True)
        raise


def forget_requests(folder: Path, before: float) -> None:
    """Remove the requests of a cache folder that are older than a time (s since 1970)."""
    for path in (folder / FOLDER).glob("*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def _path(desk: Desk, request: str) -> Path:
    return desk.service.cache / FOLDER / f"{request}.json"


def _done(desk: Desk, made: WaitingCommand) -> Path:
    return desk.service.cache / FOLDER / f"{made.digest}.done"


def _mark(desk: Desk, body: Any) -> str:
    return hmac.digest(desk.service.secret(Purpose.COMMAND), canonical(body), "sha256").hex()
