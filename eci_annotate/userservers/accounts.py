"""NativeAuthenticator with accounts created by an administrator, on JupyterHub 5 and 6."""

from __future__ import annotations

import asyncio
import os
import secrets
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bcrypt
from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import DiscardHandler, ToggleAuthorizationHandler
from nativeauthenticator.orm import UserInfo
from tornado.web import HTTPError

from eci_annotate.errors import Refused

PASSWORD_BYTES = 9
SHORTEST = 12
_AT_ONCE, _MOST_TRIES = 2, 10_000


@cache
def _nobody() -> bytes:
    """Return the hash of a password that nobody has, made like the others."""
    return bcrypt.hashpw(secrets.token_bytes(16).hex().encode(), bcrypt.gensalt())


def _is_password(given: str, stored: bytes) -> bool:
    try:
        return bcrypt.checkpw(given.encode()[:72], stored)
    except ValueError:
        return False


class _Silent:
    """Counts nothing: JupyterHub 6 has no statsd, but NativeAuthenticator 1.3.0 still calls it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: self


if not hasattr(BaseHandler, "statsd"):
    BaseHandler.statsd = _Silent()


class _FromOwnPage(BaseHandler):  # type: ignore[misc]
    """Responds only if the browser states that the request came from a page of this same origin.

    Accounts are authorised and discarded by GET; a script in a notebook could navigate an administrator's browser
    there.
    """

    async def prepare(self) -> None:
        """Refuse links from other origins."""
        await super().prepare()
        headers = self.request.headers
        if "Sec-Fetch-Site" in headers:
            own = headers["Sec-Fetch-Site"] == "same-origin"
        else:
            own = urlsplit(headers.get("Referer", "")).netloc == self.request.host
        if not own:
            raise HTTPError(403, "Use the buttons under Authorize Users.")


class _OwnToggle(_FromOwnPage, ToggleAuthorizationHandler):  # type: ignore[misc]
    """Authorise an account, or revoke its authorisation."""


class _OwnDiscard(_FromOwnPage, DiscardHandler):  # type: ignore[misc]
    """Discard a request for an account."""


OWN = {ToggleAuthorizationHandler: _OwnToggle, DiscardHandler: _OwnDiscard}


class Native(NativeAuthenticator):  # type: ignore[misc]
    """Accounts with passwords in the hub's own database; self-registration must be enabled explicitly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allow_all = True  # all authorised accounts; project membership decides what they may do
        self.open_signup = False
        self.check_common_password = True
        self.minimum_password_length = SHORTEST
        self.allowed_failed_logins = 5
        self.seconds_before_next_try = 60
        self._checking = asyncio.Semaphore(_AT_ONCE)

    async def authenticate(self, handler: BaseHandler, data: dict[str, str]) -> str | None:
        """Return the name of an authorised account whose password is right.

        Passwords are compared in a thread, so that the hub answers meanwhile; an unknown name takes as long as a known
        one. Wrong tries close a name for the address that they came from, and for nobody else.
        """
        name = str(self.normalize_username(data["username"]))
        known, tries = self.get_user(name), f"{name} from {handler.request.remote_ip}"
        stored = known.password if known else _nobody()
        async with self._checking:
            right = await asyncio.to_thread(_is_password, data["password"], stored)
        if self.is_blocked(tries):
            return None
        token = not (known and known.has_2fa) or known.is_valid_token(data.get("2fa"))
        if known and right and token and known.is_authorized:
            self.successful_login(tries)
            return name
        if len(self.login_attempts) >= _MOST_TRIES:
            self.login_attempts.clear()
        self.add_login_attempt(tries)
        return None

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        """Return the usual pages; changes by a mere link are accepted only from the hub's own pages."""
        return [(path, OWN.get(handler, handler)) for path, handler in super().get_handlers(app)]

    def get_authed_users(self) -> set[str]:
        """Return authorised names, without those of the configuration, which the first person to sign up would get."""
        return {info.username for info in UserInfo.all_users(self.db) if info.is_authorized}


def make_accounts(database: str, names: dict[str, str | None]) -> dict[str, str]:
    """Create accounts, or set new passwords for existing ones.

    Parameters
    ----------
    database
        URL of the hub's database; the hub may be running or stopped.
    names
        Name to password; None: one is generated.

    Returns
    -------
    dict
        Name to password, to be handed over once and changed at the first login.
    """
    given = {name: password or secrets.token_urlsafe(PASSWORD_BYTES) for name, password in names.items()}
    for name, password in given.items():
        if len(password) < SHORTEST:
            raise Refused(f"The password of {name} is too short.", f"Choose at least {SHORTEST} characters.")
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
    """Restrict a database file to its owner before it has any content."""
    if database.startswith("sqlite:///"):
        path = Path(database.removeprefix("sqlite:///"))
        os.close(os.open(path, os.O_CREAT, 0o600))
