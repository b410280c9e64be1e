"""A proxy with its local page, one user, and a browser without a window."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from eci_annotate.proxy.configuration import PageSettings
from eci_annotate.proxy.page.local_page import COOKIE, LOGIN_COOKIE, LocalPage
from eci_annotate.proxy.page.login_sessions import LoginSessions
from eci_annotate.proxy.page.login_throttle import LoginThrottle
from eci_annotate.proxy.page.page_message import PageAnswer, PageRequest
from eci_annotate.proxy.page.page_service import users_of
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import take_paths
from tests.proxy.proxy_world import configured, planted

USER, PASSWORD, COST = "petra", "correct horse battery", 16
HOST = "127.0.0.1:8480"


class Clock:
    """A clock that tests move."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Visitor:
    """Asks a page as a browser does: keeps cookies, and takes the token from the last page with a form."""

    def __init__(self, page: LocalPage) -> None:
        self.page, self.cookies, self.token = page, dict[str, str](), ""
        self.seen: list[PageAnswer] = []

    def ask(self, method: str, path: str, form: dict[str, list[str]] | None = None, **more: str) -> PageAnswer:
        request = PageRequest(method, path, HOST, "127.0.0.1", cookies=dict(self.cookies), form=form or {})
        answer = self.page.answer(replace(request, **more))
        self.seen.append(answer)
        for name, value in answer.headers:
            if name == "Set-Cookie":
                key, content = value.split(";")[0].split("=", 1)
                self.cookies[key] = content
                if "Max-Age=0" in value:
                    del self.cookies[key]
        if found := re.search('name="token" value="([^"]+)"', answer.body):
            self.token = found[1]
        return answer

    def get(self, path: str, **more: str) -> PageAnswer:
        return self.ask("GET", path, **more)

    def post(self, path: str, **fields: str | list[str]) -> PageAnswer:
        form = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
        return self.ask("POST", path, {"token": [self.token], **form})

    def log_in(self, user: str = USER, password: str = PASSWORD) -> PageAnswer:
        self.get("/login")
        return self.post("/login", user=user, password=password)

    def inside(self) -> Visitor:
        """The same visitor, logged in, with the token of a page."""
        assert dict(self.log_in().headers)["Location"] == "/queue"
        self.get("/queue")
        return self


class Site:
    """A proxy with files in quarantine and on their way, and the parts of its page."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.proxy, self.clock = Proxy(configured(folder / "site", **more)), Clock()
        self.users = users_of(self.proxy, COST)
        self.users.set_password(USER, PASSWORD)
        self.sessions = LoginSessions(self.users, 900.0, self.clock)
        throttle = LoginThrottle(self.clock)
        self.page = LocalPage(self.proxy, PageSettings(), self.users, self.sessions, throttle)

    def fill(self, folder: Path) -> None:
        """One file on its way, two of a risky modality, one that is incomplete."""
        self.receive(folder)
        self.proxy.drain(lambda *_: None)

    def receive(self, folder: Path) -> None:
        """The same, not de-identified yet."""
        folder.mkdir()
        for number, modality in enumerate(["CT", "US", "US"]):
            dataset = planted(number)
            dataset.Modality = modality
            dataset.save_as(folder / f"Kanarie{number}.dcm", enforce_file_format=True)
        (folder / "cut.dcm").write_bytes((folder / "Kanarie0.dcm").read_bytes()[:-9])
        take_paths(self.proxy.spool, sorted(folder.glob("*.dcm")), lambda *_: None)

    def records(self, name: str = "accesses") -> str:
        path = self.proxy.spool.root / f"{name}.jsonl"
        return path.read_text() if path.exists() else ""


__all__ = ["COOKIE", "COST", "HOST", "LOGIN_COOKIE", "PASSWORD", "USER", "Clock", "Site", "Visitor"]
