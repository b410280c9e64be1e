"""Passwords: the hub goes on while they are compared, no name shows by its time, and nobody closes another's name."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm

from eci_annotate.userservers import accounts
from eci_annotate.userservers.accounts import Native, make_accounts

NAME, PASSWORD = "anna", "a-long-password"


@pytest.fixture
def native(tmp_path: Path) -> Native:
    """An authenticator with one account."""
    database = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    make_accounts(database, {NAME: PASSWORD})
    return Native(db=orm.new_session_factory(database)())


def asked(native: Native, name: str, password: str, address: str = "10.0.0.1") -> str | None:
    """Who is let in."""
    handler: Any = SimpleNamespace(request=SimpleNamespace(remote_ip=address))
    return asyncio.run(native.authenticate(handler, {"username": name, "password": password}))


def test_the_right_password_alone_lets_in(native: Native) -> None:
    assert asked(native, NAME, PASSWORD) == NAME
    for name, password in ((NAME, "another-password"), ("nobody", PASSWORD), (NAME, "")):
        assert asked(native, name, password) is None


def test_wrong_tries_close_a_name_for_their_own_address(native: Native) -> None:
    for _ in range(native.allowed_failed_logins):
        asked(native, NAME, "another-password", "10.0.0.66")
    assert asked(native, NAME, PASSWORD, "10.0.0.66") is None
    assert asked(native, NAME, PASSWORD) == NAME


def test_each_try_compares_one_hash_outside_the_loop(native: Native, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[threading.Thread] = []
    check = accounts._is_password

    def counted(given: str, stored: bytes) -> bool:
        compared.append(threading.current_thread())
        return check(given, stored)

    monkeypatch.setattr(accounts, "_is_password", counted)
    for number, name in enumerate((NAME, "nobody", "noone"), 1):
        asked(native, name, "another-password")
        assert len(compared) == number, "an unknown name costs what a known one does"
    assert threading.main_thread() not in compared
