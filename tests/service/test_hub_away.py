"""The hub is away for minutes: work that is under way is saved, and nothing else is done on its word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Header
from starlette.responses import JSONResponse, Response

from eci_annotate import errors
from eci_annotate.hub.app import make_app
from eci_annotate.hub.core import token_identity
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import HubPeople
from eci_annotate.repository.draft_entries import answers_entry
from tests.ports import free_port
from tests.repository.repository_world import make
from tests.service.service_world import P, S, prepared, remote
from tests.service.serving_app import running

LIMIT = {"kind": "user", "groups": [], "admin": False, "scopes": ["access:services"]}


def hub(gone: set[str]) -> FastAPI:
    """What JupyterHub's API answers to whose token it is (5.x, `GET /user`)."""
    app = FastAPI()

    @app.get("/hub/api/user")
    def user(authorization: str = Header("")) -> Response:
        token = authorization.removeprefix("token ")
        if token in gone:
            return JSONResponse({"status": 403}, 403)
        return JSONResponse({"name": token.removeprefix("token-"), **LIMIT})

    return app


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(token_identity, "CACHE_S", 0.0)
    monkeypatch.setattr(token_identity, "UNKNOWN_S", 0.0)
    monkeypatch.setattr(token_identity, "AWAY_S", 0.0)
    folder, port, api = prepared(make(tmp_path)), free_port(), free_port()
    public = f"http://127.0.0.1:{port}/services/eci/"
    settings = Settings(folder, port=port, public=public, hub_api=f"http://127.0.0.1:{api}/hub/api")
    return settings, api, public.rstrip("/")


def refused(act: Callable[[], object]) -> bool:
    with pytest.raises(errors.StoreUnavailable, match="hub cannot be reached"):
        act()
    return True


def test_held_work_is_saved_while_the_hub_is_away(cut: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, api, address = cut
    people, gone = HubPeople(settings), set[str]()
    with running(make_app(settings, people), settings.port):
        with running(hub(gone), api):
            anna, ben = remote(address, "anna"), remote(address, "ben")
            fence = anna.start(S, "annotate").fence
            assert ben.worklist().empty
            gone.add("token-ben")
            with pytest.raises(errors.NoIdentity):
                ben.worklist()
        where = (P, S, "annotate")
        anna.backend.drafts.save(*where, fence, [answers_entry({"image_quality": "good"})])
        refused(lambda: anna.backend.drafts.read(*where))
        refused(lambda: anna.worklist())
        refused(lambda: anna.backend.put(P, S, b"content"))
        with pytest.raises(errors.LeaseLost):
            anna.backend.drafts.save(*where, fence + 1, [answers_entry({})])
        for name in ("ben", "vera"):  # logged out before, never seen
            refused(lambda name=name: remote(address, name).backend.drafts.save(*where, fence, [answers_entry({})]))
        with running(hub(gone), api):
            assert anna.backend.drafts.read(*where) == [answers_entry({"image_quality": "good"})]
            monkeypatch.setattr(token_identity, "KEPT_S", -1.0)
            anna.worklist()
        refused(lambda: anna.backend.drafts.save(*where, fence, [answers_entry({})]))
