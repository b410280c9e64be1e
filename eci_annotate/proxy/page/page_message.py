"""What a browser asks for and what it gets, as values; whatever may name a patient is in no `repr`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class PageRefusal(Exception):
    """A request is refused: status, what happened, and what to do."""

    def __init__(self, status: int, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.status, self.what, self.remedy = status, what, remedy


@dataclass(frozen=True)
class PageRequest:
    """A request: method, path and headers that count, and the fields of a form.

    `origin` and `fetch_site` are empty if the browser does not send them.
    """

    method: str
    path: str = field(repr=False)
    host: str = field(repr=False)
    address: str = ""
    origin: str = field(default="", repr=False)
    fetch_site: str = field(default="", repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, list[str]] = field(default_factory=dict, repr=False)

    def field(self, name: str) -> str:
        """Return a field of the form; empty without it."""
        return self.form.get(name, [""])[0]

    def numbers(self, name: str) -> list[int]:
        """Return the numbers in the fields of a name; raises PageRefusal if one is no number."""
        texts = self.form.get(name, [])
        if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in texts):
            raise PageRefusal(400, "The form is damaged.", "Open the page again.")
        return [int(text) for text in texts]


@dataclass(frozen=True)
class PageAnswer:
    """An answer: status, body, and headers beside those that every answer has."""

    status: int
    body: str = field(default="", repr=False)
    kind: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def redirect(path: str, *headers: tuple[str, str]) -> PageAnswer:
    """Return an answer that leads to another page by GET."""
    return PageAnswer(303, "", headers=(("Location", path), *headers))
