"""The proxy as a small server: until it is told to stop it receives, de-identifies and uploads, and shows its page."""

from __future__ import annotations

import logging
import signal
from threading import Event

from eci_annotate.proxy.page.page_service import page_in_background
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.store_scp import Receiver

log = logging.getLogger("eci_proxy")


def serve(proxy: Proxy, over: Event | None = None) -> None:
    """Serve until `over` is set, or SIGTERM or SIGINT arrives."""
    ended = over or Event()
    if over is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
    settings = proxy.configuration.receive
    receiver = Receiver(settings, proxy.spool) if settings else None
    if receiver:
        receiver.start()
    log.info("the proxy has started", extra={"count": proxy.left()})
    try:
        with page_in_background(proxy):
            proxy.run(ended)
    finally:
        if receiver:
            receiver.stop()
        log.info("the proxy has stopped")
