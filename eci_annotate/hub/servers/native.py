"""NativeAuthenticator with accounts that an administrator makes, on JupyterHub 5 and 6."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import bcrypt
from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo

from eci_annotate.errors import Refused

PASSWORD_BYTES = 9
SHORTEST = 12


class _Silent:
    """Counts nothing: JupyterHub 6 has no statsd any more, and NativeAuthenticator 1.3.0 still speaks to it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self


if not hasattr(BaseHandler, "statsd"):
    BaseHandler.statsd = _Silent()


class Native(NativeAuthenticator):  # type: ignore[misc]
    """Accounts with passwords in the hub's own database; nobody makes one for himself unless that is switched on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allow_all = True  # whoever has an authorised account; what he may do, the project's members say
        self.open_signup = False
        self.check_common_password = True
        self.minimum_password_length = SHORTEST
        self.allowed_failed_logins = 5
        self.seconds_before_next_try = 60

    def get_authed_users(self) -> set[str]:
        """Names that are authorised already; not those of the configuration, which whoever came first would get."""
        return {info.username for info in UserInfo.all_users(self.db) if info.is_authorized}


def make_accounts(database: str, names: dict[str, str | None]) -> dict[str, str]:
    """Make accounts, or give those that are there a new password.

    Parameters
    ----------
    database
        URL of the hub's database; the hub need not run, and may.
    names
        Name to password; None: one is generated.

    Returns
    -------
    dict
        Name to password: to be handed over once, and changed at the first login.
    """
    given = {name: password or secrets.token_urlsafe(PASSWORD_BYTES) for name, password in names.items()}
    for name, password in given.items():
        if len(password) < SHORTEST:
            raise Refused(f"The password of {name} is too short.", f"Choose {SHORTEST} characters or more.")
    _guard(database)
    session = orm.new_session_factory(database)()
    try:
        UserInfo.__table__.create(session.bind, checkfirst=True)
        for name, password in given.items():
            account = UserInfo.find(session, name) or UserInfo(username=name)
            account.password = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
            account.is_authorized = True
            session.add(account)
        session.commit()
    finally:
        session.close()
    return given


def _guard(database: str) -> None:
    """A database file is its owner's alone before anything is in it."""
    if database.startswith("sqlite:///"):
        path = Path(database.removeprefix("sqlite:///"))
        os.close(os.open(path, os.O_CREAT, 0o600))
