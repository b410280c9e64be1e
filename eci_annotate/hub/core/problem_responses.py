"""Refusals as responses: the error's name, what happened and the remedy, without repeating any request content."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from eci_annotate.errors import BadRequest, EciError, NoIdentity, NotFound
from eci_annotate.repository.remote.wire_format import OTHER, STATUS, error_to_wire

log = logging.getLogger("eci_annotate.hub")


class Problem(BaseModel):
    """A refusal."""

    error: str
    what: str
    remedy: str = ""
    url: str | None = None
    request: str | None = None


_WHEN = {
    400: "The service does not understand the request.",
    401: "No token, or a token that is unknown, expired or not a member's.",
    403: "The workflow or the role does not allow it.",
    404: "Not found, or the actor does not have access to it.",
    405: "Method not allowed.",
    409: "The lease is lost, another change was saved first, or stored content does not match its digest.",
    413: "The body is too large.",
    422: "The request, or the content, does not have the right shape.",
    429: "Too many requests, or too many open streams.",
    503: "The store or the hub cannot be reached.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": text} for code, text in _WHEN.items()
}


def status_of(error: EciError) -> int:
    """The HTTP status of a refusal."""
    return STATUS.get(type(error).__name__, OTHER)


def answer(error: EciError) -> JSONResponse:
    """Return the refusal as a response."""
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NoIdentity) else None
    return JSONResponse(error_to_wire(error), status_of(error), headers)


def add_handlers(app: FastAPI) -> None:
    """Register handlers that turn every error, including those of the frameworks, into a `Problem` response."""
    app.add_exception_handler(EciError, _house)
    app.add_exception_handler(RequestValidationError, _shape)
    app.add_exception_handler(HTTPException, _http)


async def _house(request: Request, error: Exception) -> Response:
    assert isinstance(error, EciError)
    return answer(error)


async def _shape(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    where = ", ".join(sorted({".".join(str(each) for each in one["loc"][:2]) for one in error.errors()}))
    return answer(BadRequest(f"The request does not have the right shape: {where[:200]}.", "See the API page."))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        page = getattr(request.app.state, "nowhere", None)
        if page is not None and request.headers.get("sec-fetch-dest") == "document":
            shown: Response = await page(request)
            return shown
        return answer(NotFound("Address not found.", "See the API page."))
    told = {"error": "BadRequest", "what": f"The service answers {error.status_code}.", "remedy": "See the API page."}
    return JSONResponse(told, error.status_code, error.headers)


def unknown(error: Exception) -> JSONResponse:
    """Return the response to an unexpected error."""
    return JSONResponse(error_to_wire(unforeseen(error)), 500)


def unforeseen(error: Exception) -> EciError:
    """Return what users see of an unexpected error; its origin is logged, but not its message."""
    places, frames = [], error.__traceback__
    while frames is not None:
        places.append(f"{frames.tb_frame.f_code.co_filename.rpartition('eci_annotate')[2]}:{frames.tb_lineno}")
        frames = frames.tb_next
    log.error("unexpected error", extra={"kind": type(error).__name__, "where": " ".join(places[-6:])})
    return EciError("Internal error.", "Give your administrator the time of this message.")
