"""Through the service a draft is replayed once: for the request, the page that shows it, and the signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eci_annotate import tools
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.pages.confirm_signature import _content, _sign
from eci_annotate.hub.signing.requests import ask, found, standing
from eci_annotate.repository.backend import RequestState
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.service.local_service import open_service
from eci_annotate.repository.signed import Signed
from eci_annotate.workflow.subject.commands import Sign
from tests.repository.repository_world import ANSWERS, MEANING, lines
from tests.service.service_world import P, S, tokens


def test_request_page_and_signature_replay_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, replays = tools.replay, list[None]()

    def counted(*args: Any) -> Any:
        replays.append(None)
        return real(*args)

    monkeypatch.setattr(tools, "replay", counted, raising=False)
    desk = Desk(Settings(folder), open_service(folder), tokens())
    backend = desk.backend("ben", "one")
    task = Repository(backend, backend.images).start(S, "annotate", project=P)
    task.save(lines(task))
    task.answer(ANSWERS)
    pending = ask(desk, backend, Sign(P, S, "annotate", task.fence, MEANING))
    made = found(desk, backend, *pending.request.split("/"))
    assert standing(desk, backend, made) == RequestState.WAITING and pending.poll() is None
    shown = _content(desk, made, "")
    assert [row["label"] for row, _ in shown.annotations] == ["lesion 1"]
    assert _content(desk, made, "").answers == shown.answers
    _sign(desk, made, "pin")
    assert standing(desk, backend, made) == RequestState.DONE
    signed = pending.poll()
    assert isinstance(signed, Signed) and (signed.version, signed.reader) == (1, "ben")
    assert len(replays) == 1
