"""Bodies of JSON: each name occurs once in an object; large ones are parsed while other requests go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from eci_annotate.workflow.codec import RepeatedName, object_once

LARGE = 32 << 10  # smaller ones take less time than a thread


class JsonRoute(APIRoute):
    """A route whose body of JSON is read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_JsonRequest(request.scope, request.receive))

        return handle


class _JsonRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        return await run_in_threadpool(_parsed, body) if len(body) > LARGE else _parsed(body)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, object_pairs_hook=object_once)
    except RepeatedName:  # without the name, which may be anything
        raise json.JSONDecodeError("A name occurs twice in an object", "", 0) from None
