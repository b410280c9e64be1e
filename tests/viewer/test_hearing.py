"""A message that a page sends again is handled once, and all by one thread; without a kernel nothing changes."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from ipykernel.comm.comm import BaseComm

from eci_annotate.viewer.session import comm_order as hearing
from eci_annotate.viewer.session.comm_order import Once, hear, main_shell


def message(name: str) -> dict[str, Any]:
    return {"header": {"msg_id": name}}


def test_each_message_is_handled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    had: list[str] = []
    once = Once(lambda stream, ident, message: had.append(message["header"]["msg_id"]))
    for name in ("a", "b", "a", "c", "b"):
        once(None, None, message(name))
    assert had == ["a", "b", "c"]
    monkeypatch.setattr(hearing, "MOST", 2)
    for name in ("d", "a", "d"):
        once(None, None, message(name))
    assert had == ["a", "b", "c", "d", "a"]  # so many are remembered


def test_a_kernel_hears_once_however_often_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[str, Any] = {"comm_msg": print, "execute_request": print}
    shell = SimpleNamespace(kernel=SimpleNamespace(shell_handlers=handlers))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr(BaseComm, "_reply_subshell_for", BaseComm._reply_subshell_for)
    hear()
    first = handlers["comm_msg"]
    hear()
    assert isinstance(first, Once) and handlers["comm_msg"] is first and handlers["execute_request"] is print
    assert BaseComm._reply_subshell_for is main_shell


def test_without_a_kernel_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    before = BaseComm._reply_subshell_for
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    hear()
    monkeypatch.delitem(sys.modules, "IPython")
    hear()
    assert BaseComm._reply_subshell_for is before
