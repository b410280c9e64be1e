"""Shows on every page, whoever generates it, that all users of this hub share one system user, if that is so."""

from __future__ import annotations

import os
import re
from typing import Any

from tornado.httputil import HTTPHeaders
from tornado.web import Application, OutputTransform

INSECURE = "ECI_ANNOTATE_INSECURE_DEMO"
WORDS = "Insecure demo: all users share one system user."
REMEDY = "Each user can read and change the others' data. Use no real data."
STYLE = (
    "position:fixed;z-index:99999;left:50%;bottom:6px;transform:translateX(-50%);padding:3px 14px;border-radius:4px;"
    "background:#b00020;color:#fff;font:600 13px/1.5 sans-serif;pointer-events:none"
)
BAR = f'<div id="eci-insecure-demo" role="status" style="{STYLE}">{WORDS} {REMEDY}</div>'
_BODY = re.compile(rb"<body[^>]*>")


def is_insecure() -> bool:
    """Whether this process belongs to a hub whose users share one system user."""
    return os.environ.get(INSECURE, "") not in {"", "0"}


class Banner(OutputTransform):
    """Inserts the warning into each HTML page of a Tornado application, both JupyterLab's and Voilà's."""

    waits = False  # a page is being sent, and its body has not begun
    held = b""  # start of the body's tag

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Process the first part of a response; for a page in several parts it may contain only the head."""
        length = headers.get("Content-Length")
        self.waits = headers.get("Content-Type", "").startswith("text/html") and (finishing or length is None)
        changed = self.transform_chunk(chunk, finishing)
        if length is not None:
            headers["Content-Length"] = str(int(length) + len(changed) - len(chunk))
        return status_code, headers, changed

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        """Process any part: the warning follows the start tag of the body, which may itself be split."""
        if not self.waits:
            return chunk
        chunk, self.held = self.held + chunk, b""
        if found := _BODY.search(chunk):
            self.waits = False
            return chunk[: found.end()] + BAR.encode() + chunk[found.end() :]
        begun = chunk.find(b"<body")
        if begun < 0 or finishing:
            return chunk
        self.held = chunk[begun:]
        return chunk[:begun]


def show_on(application: Application) -> None:
    """Show the banner on every page of an application, if it is needed."""
    if is_insecure():
        application.add_transform(Banner)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "eci_annotate.userservers.banner"}]


def _load_jupyter_server_extension(app: Any) -> None:
    show_on(app.web_app)
