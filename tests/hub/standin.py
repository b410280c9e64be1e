"""A small service in the real one's place, for what is about the hub alone: health, a page, and leases from a file."""

from __future__ import annotations

import json
import os
import socket
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

PREFIX = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
LEASES = Path(os.environ["ECI_ANNOTATE_STATE"]) / "leases.json"
LEASES_SCOPE = "custom:eci:leases"


def may_see_leases(token: str) -> bool:
    """Whether the hub says that this token may."""
    place, _, path = os.environ["JUPYTERHUB_API_URL"].removeprefix("http+unix://").partition("/")
    hub = HTTPConnection("localhost", timeout=5)
    hub.sock = socket.socket(socket.AF_UNIX)
    try:
        hub.sock.connect(unquote(place))
        hub.request("GET", f"/{path}/user", headers={"Authorization": token})
        return LEASES_SCOPE in json.load(hub.getresponse()).get("scopes", ())
    except OSError:
        return False


class Standin(BaseHTTPRequestHandler):
    """Answers."""

    def do_GET(self) -> None:
        """Health, leases, or a page."""
        code, kind, body = 200, "text/html", b"<!DOCTYPE html><body>service</body>"
        if self.path == f"{PREFIX}leases":
            kind, body = "application/json", LEASES.read_bytes() if LEASES.exists() else b"[]"
            code = 200 if may_see_leases(self.headers.get("Authorization", "")) else 403
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body if code == 200 else b"")

    def log_message(self, *_: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Standin, bind_and_activate=False)
    server.socket = socket.socket(fileno=int(os.environ["ECI_ANNOTATE_LISTEN_FD"]))
    server.serve_forever()
