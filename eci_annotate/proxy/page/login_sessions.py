"""Who is logged in: random tokens in cookies, known here by digest only, and forgotten after a while without use."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from eci_annotate.proxy.page.page_users import PageUsers

LONGEST_S, MOST = 12 * 3600.0, 100


@dataclass
class LoginSession:
    """A login: the user, the token that every form carries, and a message for the next page."""

    user: str
    stamp: str = field(repr=False)
    form_token: str = field(repr=False)
    begun: float
    used: float
    idle_s: float
    message: str = ""


class LoginSessions:
    """The logins of a page, in memory: a restart ends them.

    Parameters
    ----------
    users
        Whose logins end when they are deleted, or their password changes.
    idle_s
        After how many seconds without use a login ends; all end after twelve hours.
    now
        The clock, in seconds.
    """

    def __init__(self, users: PageUsers, idle_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self.idle_s, self._users, self._now = idle_s, users, now
        self._lock, self._secret = Lock(), secrets.token_bytes(32)
        self._sessions: dict[bytes, LoginSession] = {}

    def begin(self, user: str, stamp: str) -> str:
        """Begin a login; returns its new token."""
        token, now = secrets.token_urlsafe(32), self._now()
        with self._lock:
            while len(self._sessions) >= MOST:
                del self._sessions[min(self._sessions, key=lambda each: self._sessions[each].used)]
            self._sessions[_key(token)] = LoginSession(user, stamp, secrets.token_urlsafe(32), now, now, self.idle_s)
        return token

    def find(self, token: str, is_use: bool = True) -> LoginSession | None:
        """Return the login of a token; None without one. `is_use` is False for what a page does by itself."""
        now, key = self._now(), _key(token)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            over = now - session.used > self.idle_s or now - session.begun > LONGEST_S
            if over or self._users.stamp(session.user) != session.stamp:
                del self._sessions[key]
                return None
            session.used = now if is_use else session.used
            return session

    def end(self, token: str) -> None:
        """End a login."""
        with self._lock:
            self._sessions.pop(_key(token), None)

    def token_of_form(self, cookie: str) -> str:
        """Return the token that the login form carries for a browser's cookie."""
        return hmac.digest(self._secret, cookie.encode("utf-8", "replace"), "sha256").hex()


def _key(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
