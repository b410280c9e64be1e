"""The local page: which request gets which answer. Nothing is shown without a login; no form works from elsewhere."""

from __future__ import annotations

import logging
import re
import secrets
from urllib.parse import urlsplit

from eci_annotate.errors import EciError, NotFound, Overloaded
from eci_annotate.proxy.configuration import PageSettings
from eci_annotate.proxy.page.login_form import login_page
from eci_annotate.proxy.page.login_sessions import LoginSession, LoginSessions
from eci_annotate.proxy.page.login_throttle import LoginThrottle
from eci_annotate.proxy.page.page_layout import STYLE, error_page
from eci_annotate.proxy.page.page_message import PageAnswer, PageRefusal, PageRequest, redirect
from eci_annotate.proxy.page.page_users import PageUsers
from eci_annotate.proxy.page.quarantine_view import decide, quarantine_page
from eci_annotate.proxy.page.queue_view import queue_page
from eci_annotate.proxy.page.series_preview import preview_list, preview_page
from eci_annotate.proxy.page.verify_form import verified, verify_page
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.queue_summary import summary_of

COOKIE, LOGIN_COOKIE = "eci-proxy", "eci-proxy-login"
_PREVIEW = re.compile(r"/preview/([1-9][0-9]{0,14})")
_NO_PAGE = ("There is no such page.", "Use the links at the top.")
log = logging.getLogger("eci_proxy")


class LocalPage:
    """Answers requests.

    Parameters
    ----------
    proxy
        What the page is about.
    settings
        Names under which it may be opened, TLS, and the idle time.
    users, sessions, throttle
        Who may log in, who is logged in, and who must wait.
    """

    def __init__(
        self, proxy: Proxy, settings: PageSettings, users: PageUsers, sessions: LoginSessions, throttle: LoginThrottle
    ) -> None:
        self._proxy, self._users, self._sessions, self._throttle = proxy, users, sessions, throttle
        self._scheme = "https" if settings.certificate else "http"
        self._names = frozenset(name.lower() for name in settings.allowed_names())
        prefix = "__Host-" if settings.certificate else ""
        self._cookie, self._login_cookie = prefix + COOKIE, prefix + LOGIN_COOKIE

    def answer(self, request: PageRequest) -> PageAnswer:
        """Return the answer to a request, whatever goes wrong."""
        session = None
        try:
            self._require_own_name(request)
            if request.method == "POST":
                self._require_own_origin(request)
            if request.path == "/style.css" and request.method == "GET":
                return PageAnswer(200, STYLE, "text/css; charset=utf-8")
            if request.path == "/login":
                return self._login(request)
            is_use = request.path != "/queue/renewed"
            session = self._sessions.find(request.cookies.get(self._cookie, ""), is_use)
            if session is None:
                return redirect("/login")
            return self._inside(request, session)
        except PageRefusal as refusal:
            return PageAnswer(refusal.status, error_page(refusal.what, refusal.remedy, session))
        except EciError as error:
            status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, Overloaded) else 409
            return PageAnswer(status, error_page(error.what, error.remedy, session))
        except Exception as error:  # the page goes on, and the text may hold values
            log.error("a page failed", extra={"kind": type(error).__name__})
            remedy = "Give your administrator the time of this message."
            return PageAnswer(500, error_page("Internal error.", remedy, session))

    def _inside(self, request: PageRequest, session: LoginSession) -> PageAnswer:
        if request.method == "POST":
            return self._post(request, session)
        match request.path:
            case "/":
                return redirect("/queue")
            case "/queue" | "/queue/renewed" | "/queue/paused":
                site, renews = self._proxy.configuration.site, request.path != "/queue/paused"
                return PageAnswer(200, queue_page(site, summary_of(self._proxy), session, renews))
            case "/quarantine":
                return PageAnswer(200, quarantine_page(self._proxy, session))
            case "/verify":
                return PageAnswer(200, verify_page(session))
            case "/preview":
                return PageAnswer(200, preview_list(self._proxy, session))
        if found := _PREVIEW.fullmatch(request.path):
            return PageAnswer(200, preview_page(self._proxy, int(found[1]), session))
        raise PageRefusal(404, *_NO_PAGE)

    def _post(self, request: PageRequest, session: LoginSession) -> PageAnswer:
        if not secrets.compare_digest(request.field("token").encode(), session.form_token.encode()):
            raise PageRefusal(403, "This form does not belong to your login.", "Open the page again.")
        match request.path:
            case "/verify":
                return PageAnswer(200, verified(self._proxy, request, session))
            case "/quarantine/choose":
                asked = decide(self._proxy, request, session)
                return PageAnswer(200, asked) if asked else redirect("/quarantine")
            case "/logout":
                self._sessions.end(request.cookies.get(self._cookie, ""))
                self._proxy.records.accessed(session.user, "logout", "page")
                return redirect("/login", self._set_cookie(self._cookie, "", ends=True))
        raise PageRefusal(404, *_NO_PAGE)

    def _login(self, request: PageRequest) -> PageAnswer:
        given = request.cookies.get(self._login_cookie, "")
        if request.method == "GET" and self._sessions.find(request.cookies.get(self._cookie, ""), is_use=False):
            return redirect("/queue")
        problem, status = "", 200
        if request.method == "POST":
            token = request.field("token").encode()
            if not given or not secrets.compare_digest(token, self._sessions.token_of_form(given).encode()):
                problem, status = "This form has expired. Please log in again.", 403
            elif isinstance(answer := self._attempt(request), PageAnswer):
                return answer
            else:
                problem, status = answer, 429 if answer.startswith("Too many") else 403
        elif self._cookie in request.cookies:
            problem = f"You were logged out, after {self._sessions.idle_s / 60:.0f} minutes without use or a restart."
        given = given or secrets.token_urlsafe(24)
        page = login_page(self._proxy.configuration.site, self._sessions.token_of_form(given), problem)
        return PageAnswer(status, page, headers=(self._set_cookie(self._login_cookie, given),))

    def _attempt(self, request: PageRequest) -> PageAnswer | str:
        """Return the answer to a login that succeeds, or why it does not."""
        name, records = request.field("user").strip().lower(), self._proxy.records
        if wait := self._throttle.attempt(name, request.address):
            log.warning("a login was throttled", extra={"address": request.address})
            return f"Too many attempts. Try again in {max(1, round(wait / 60))} min."
        stamp = self._users.stamp_of_login(name, request.field("password"))
        if not stamp:
            who = name if name in self._users.names() else "?"  # what is no user may be a password
            records.accessed(who, "login refused", "page", address=request.address)
            log.warning("a login was refused", extra={"address": request.address})
            return "Name or password is wrong."
        self._throttle.succeeded(name, request.address)
        records.accessed(name, "login", "page", address=request.address)
        self._sessions.end(request.cookies.get(self._cookie, ""))
        token = self._sessions.begin(name, stamp)
        ended = self._set_cookie(self._login_cookie, "", ends=True)
        return redirect("/queue", self._set_cookie(self._cookie, token), ended)

    def _require_own_name(self, request: PageRequest) -> None:
        """Refuse names that are not the page's: a page from elsewhere may have had its name point here."""
        if _hostname(f"//{request.host}") not in self._names:
            remedy = "Open it by a name of the configuration (page/names)."
            raise PageRefusal(421, "The page is not available by this name.", remedy)

    def _require_own_origin(self, request: PageRequest) -> None:
        """Refuse forms of other origins, by what browsers say of them; the form's token is checked in any case."""
        own = f"{self._scheme}://{request.host}".lower()
        elsewhere = request.fetch_site not in ("", "same-origin") or request.origin.lower() not in ("", "null", own)
        if elsewhere:
            raise PageRefusal(403, "This form comes from another page.", "Open the proxy's own page.")

    def _set_cookie(self, name: str, value: str, ends: bool = False) -> tuple[str, str]:
        secure = "; Secure" if self._scheme == "https" else ""
        return "Set-Cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{'; Max-Age=0' if ends else ''}"


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
