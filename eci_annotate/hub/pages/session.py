"""A browser's session: the hub's login (OAuth with PKCE), stored in a sealed cookie, so that any replica can read it.

The hub's token never leaves the service unencrypted. A session ends after hours, when idle, or with the hub's session.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from eci_annotate.errors import NoIdentity, Refused
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.hub.core.token_identity import Person
from eci_annotate.hub.signing.confirmations import PERSON
from eci_annotate.repository.remote.unix_url import client
from eci_annotate.repository.service.protocol import Purpose
from eci_annotate.store.atomic_files import write_atomic

LASTS_S, IDLE_S, LOGIN_S = 8 * 3600, 3600, 600
ENDED = "ended-sessions"


@dataclass(frozen=True)
class Session:
    """The logged-in user, as stored in the cookie."""

    name: str
    token: str
    hub_session: str
    since: float
    last: float
    id: str


def _is_there(person: Person | None) -> bool:
    """Whether a browser's token came from a login of a person; a kernel's token never does."""
    return person is not None and person.kind == "user" and PERSON in person.scopes


def forget_ended(cache: Path, before: float) -> None:
    """Remove what says of sessions that they were ended, if that was before a time (s since 1970)."""
    for path in (cache / ENDED).glob("*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


class Sessions:
    """Creates, reads and ends sessions."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._settings = desk, desk.settings
        self._fernet = Fernet(base64.urlsafe_b64encode(desk.service.secret(Purpose.BROWSER)))
        lock = "__Host-" if self._settings.own_host else ""
        self._cookie, self._login = f"{lock}eci-session", f"{lock}eci-login"
        self._path = "/" if self._settings.own_host else self._settings.prefix
        self._hub = client(self._settings.hub_api, timeout=10.0)

    # -- reading ---------------------------------------------------------------
    def of(self, request: Request, *, fresh: bool = False) -> Session | None:
        """Return the session of a request, if the hub still knows the user; `fresh` bypasses the cache."""
        told = self._opened(request.cookies.get(self._cookie, ""))
        try:
            session = Session(**told) if told else None
        except TypeError:
            return None
        now = time.time()
        if session is None or now - session.since > LASTS_S or now - session.last > IDLE_S:
            return None
        if self._ended(session).exists():
            return None
        person = self._desk.people.of_token(session.token, fresh=fresh, session=session.hub_session)
        return session if _is_there(person) and person.name == session.name else None  # type: ignore[union-attr]

    def _ended(self, session: Session) -> Path:
        """Return the file that exists once a session was ended; all replicas see it."""
        return self._desk.service.cache / ENDED / hashlib.sha256(session.id.encode()).hexdigest()

    def _opened(self, sealed: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self._fernet.decrypt(sealed.encode())))
        except (InvalidToken, ValueError, TypeError):
            return None

    def keep(self, response: Response, session: Session) -> None:
        """Extend the session, if it was last extended some minutes ago."""
        if time.time() - session.last > IDLE_S / 10:
            self._set(response, replace(session, last=time.time()))

    def _set(self, response: Response, session: Session) -> None:
        sealed = self._fernet.encrypt(json.dumps(asdict(session)).encode()).decode()
        self._put(response, self._cookie, sealed, "strict")

    def _put(self, response: Response, name: str, value: str, same_site: str, age_s: int | None = None) -> None:
        response.set_cookie(
            name, value, age_s, path=self._path, secure=self._settings.https, httponly=True,
            samesite=same_site,  # type: ignore[arg-type]
        )  # fmt: skip

    # -- login and logout --------------------------------------------------------
    def login(self, request: Request) -> Response:
        """Redirect to the hub's login, and back to the requested page."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        base = f"{self._settings.hub_host}{self._settings.hub_base.rstrip('/')}/hub/api/oauth2/authorize"
        response = RedirectResponse(f"{base}?{urlencode(asked)}", 302)
        about = {"state": state, "verifier": verifier, "to": request.url.path, "at": time.time()}
        self._put(response, self._login, self._fernet.encrypt(json.dumps(about).encode()).decode(), "lax", LOGIN_S)
        return response

    @property
    def _redirect(self) -> str:
        return self._settings.callback or f"{self._settings.prefix}oauth_callback"

    def callback(self, request: Request) -> Response:
        """Handle the redirect from the hub: create the session, and continue to the page."""
        about = self._opened(request.cookies.get(self._login, "")) or {}
        code, state = request.query_params.get("code", ""), request.query_params.get("state", "")
        late = time.time() - float(about.get("at", 0)) > LOGIN_S
        if not code or late or not secrets.compare_digest(state.encode(), str(about.get("state", "")).encode()):
            raise Refused("The login was not completed.", "Reload the page.")
        token = self._exchange(code, str(about["verifier"]))
        hub_session = request.cookies.get("jupyterhub-session-id", "")
        person = self._desk.people.of_token(token, fresh=True, session=hub_session)
        if person is None or not _is_there(person):
            raise NoIdentity("The hub does not allow you to use this service.", "Ask the hub's administrator.")
        return self._begun(person, token, hub_session, str(about["to"]))

    def _begun(self, person: Person, token: str, hub_session: str, to: str) -> Response:
        target = to if to.startswith(self._settings.prefix) and '"' not in to else self._settings.prefix
        # a page of our own redirects, because a strict cookie is not sent with a navigation that another site started
        text = f'<!doctype html><meta http-equiv="refresh" content="0;url={target}"><title>Logging in</title>'
        response = HTMLResponse(text)
        now = time.time()
        self._set(response, Session(person.name, token, hub_session, now, now, secrets.token_urlsafe(24)))
        response.delete_cookie(self._login, self._path, secure=self._settings.https, httponly=True)
        return response

    def _exchange(self, code: str, verifier: str) -> str:
        told = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.hub_token,
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self._redirect,
        }
        answer = self._hub.post("oauth2/token", data=told)
        if answer.status_code != 200:
            raise NoIdentity("The hub did not confirm the login.", "Reload the page.")
        return str(answer.json()["access_token"])

    def logout(self, session: Session) -> Response:
        """End the session here, also for copies of its cookie, and go on to the hub's logout.

        A page of our own goes on, since browsers do not let a form's answer redirect to another origin than the policy
        of the page allows. The hub's logout ends its login and the tokens that came from it.
        """
        write_atomic(self._ended(session), b"", mode=0o600)
        hub = escape(f"{self._settings.hub_host}{self._settings.hub_base.rstrip('/')}/hub/logout")
        text = (
            f'<!doctype html><meta http-equiv="refresh" content="0;url={hub}"><title>Logging out</title>'
            f'<p id="logged-out">You are logged out here. <a href="{hub}">Log out of the hub</a></p>'
        )
        response = HTMLResponse(text)
        response.delete_cookie(self._cookie, self._path, secure=self._settings.https, httponly=True)
        return response
