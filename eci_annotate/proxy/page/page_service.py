"""The page as a part of the running proxy: on from the first user, on this machine only unless TLS is configured."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from eci_annotate.errors import BadConfiguration
from eci_annotate.proxy.configuration import PageSettings
from eci_annotate.proxy.page.http_request import handler_of
from eci_annotate.proxy.page.http_server import READ_S, LimitedServer
from eci_annotate.proxy.page.local_page import LocalPage
from eci_annotate.proxy.page.login_sessions import LoginSessions
from eci_annotate.proxy.page.login_throttle import LoginThrottle
from eci_annotate.proxy.page.page_users import COST, PageUsers
from eci_annotate.proxy.proxy_service import Proxy

USERS = "page-users.json"
log = logging.getLogger("eci_proxy")


def users_of(proxy: Proxy, cost: int = COST) -> PageUsers:
    """Return the users of a proxy's page."""
    return PageUsers(proxy.configuration.spool / USERS, cost)


@contextmanager
def page_in_background(proxy: Proxy, cost: int = COST, read_s: float = READ_S) -> Iterator[LimitedServer | None]:
    """Serve the page until the end of this context; None without a user.

    Raises
    ------
    BadConfiguration
        Its address is in use, or its certificate cannot be read.
    """
    settings, users = proxy.configuration.page, users_of(proxy, cost)
    if not users.names():
        log.info("the page is off: it has no user")
        yield None
        return
    sessions = LoginSessions(users, 60 * settings.idle_minutes)
    page = LocalPage(proxy, settings, users, sessions, LoginThrottle())
    try:
        server = LimitedServer((settings.host, settings.port), handler_of(page.answer), tls_of(settings), read_s)
    except OSError:
        what = "The page's address cannot be used."
        raise BadConfiguration(what, "Another program may use it: check page/host and page/port.") from None
    thread = Thread(target=server.serve_forever, name="page", daemon=True)
    thread.start()
    log.info("the page is open", extra={"address": f"{settings.host}:{server.server_port}"})
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tls_of(settings: PageSettings) -> ssl.SSLContext | None:
    """Return the TLS context; None without TLS, which only this machine's own addresses may do without.

    Raises
    ------
    BadConfiguration
        A certificate or key is missing, or cannot be read.
    """
    if settings.certificate is None:
        if not settings.is_local():
            what = "The page is to be open to other machines without TLS."
            raise BadConfiguration(what, "Give page/tls, or set page/host to 127.0.0.1.")
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError):
        what = "The page's certificate or key cannot be read."
        raise BadConfiguration(what, "Check page/tls in the configuration.") from None
    return context
