"""What goes over the wire between a remote backend and the service: commands up; views, errors, volume headers down.

The same names on both sides; what is not understood is refused by name, never guessed.
"""

from __future__ import annotations

from typing import Any

from eci_annotate import errors
from eci_annotate.errors import BadRequest, EciError, Tampered
from eci_annotate.repository.backend import SubjectPage, SubjectQuery
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import from_json, to_json
from eci_annotate.workflow.plain_values import check_command
from eci_annotate.workflow.project import check_name
from eci_annotate.workflow.subject.commands import COMMANDS
from eci_annotate.workflow.subject.view import SubjectView

_NAMES = {kind: name for name, kind in COMMANDS.items()}
STATUS: dict[str, int] = {
    "NoIdentity": 401,
    "Refused": 403,
    "BadSecret": 403,
    "Untrusted": 403,
    "NotFound": 404,
    "LeaseLost": 409,
    "Conflict": 409,
    "Tampered": 409,
    "BadJournal": 409,
    "Overloaded": 429,
    "StoreUnavailable": 503,
}
OTHER = 422


def command_to_wire(command: Any) -> dict[str, Any]:
    """A command as JSON: its short name and its fields."""
    return {"name": _NAMES[type(command)], "data": to_json(command)}


def command_from_wire(message: Any) -> Any:
    """The command that a client says; BadRequest when there is none of that name or shape."""
    try:
        check_command(message["data"])
        kind = COMMANDS[message["name"]]
        command: Any = from_json(kind, message["data"])
    except (KeyError, TypeError, Tampered):
        raise BadRequest("The service does not know this command.", "Use a client of the same release.") from None
    for field in ("project", "subject", "task"):
        if hasattr(command, field):
            check_name(getattr(command, field))
    return command


def error_to_wire(error: EciError) -> dict[str, Any]:
    """A refusal as JSON."""
    return {"error": type(error).__name__, "what": error.what, "remedy": error.remedy}


def error_from_wire(told: dict[str, Any]) -> EciError:
    """The refusal that the service told; an unknown kind is an `EciError`."""
    kind = getattr(errors, str(told.get("error")), EciError)
    what, remedy = str(told.get("what", "")), str(told.get("remedy", ""))
    return kind(what, remedy) if isinstance(kind, type) and issubclass(kind, EciError) else EciError(what, remedy)


def pending_to_wire(url: str, request: str) -> dict[str, Any]:
    """A signature that its person has to confirm, as JSON; clients of 0.1 read it as an error of that name."""
    what = "Confirm the signature on the service's page."
    remedy = "Open the page and confirm."
    return {"error": "SignatureWaits", "what": what, "remedy": remedy, "url": url, "request": request}


def page_to_wire(page: SubjectPage) -> dict[str, Any]:
    """A page of subjects as JSON."""
    return {"total": page.total, "views": [to_json(seen) for seen in page.views]}


def page_from_wire(told: dict[str, Any]) -> SubjectPage:
    """The page that the service told."""
    return SubjectPage(int(told["total"]), tuple(from_json(SubjectView, each) for each in told["views"]))


def query_to_wire(query: SubjectQuery) -> dict[str, Any]:
    """A query as parameters of an address; what is not asked is left out."""
    told = {name: value for name, value in vars(query).items() if value not in ("", None)}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in told.items()}


def actor_to_wire(actor: Actor) -> dict[str, Any]:
    """Who acts, as JSON."""
    return dict(to_json(actor))


def actor_from_wire(told: dict[str, Any]) -> Actor:
    """The actor that the service told."""
    return from_json(Actor, told)
