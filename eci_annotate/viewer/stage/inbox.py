"""Numbered messages of a page are each taken once, in their order, though some may be lost on the way or come twice.

The browser keeps what it was not answered and sends it again (`esm/transport/outbox.js`).
"""

from __future__ import annotations

from eci_annotate.viewer.stage.messages import Message, heard

MOST_PAGES = 50


class Posted:
    """What came of each page."""

    def __init__(self) -> None:
        self._heard: dict[str, int] = {}
        self._last: tuple[str, int] | None = None

    def takes(self, raw: Message) -> bool:
        """Whether the message is to be answered; else it came before, or something before it is missing."""
        page, serial = raw.get("page"), raw.get("serial")
        if not (isinstance(page, str) and isinstance(serial, int)):
            self._last = None
            return True
        before = self._heard.pop(page, 0)
        taken = serial == before + 1
        self._heard[page] = serial if taken else before
        self._last = (page, self._heard[page])
        while len(self._heard) > MOST_PAGES:
            self._heard.pop(next(iter(self._heard)))
        return taken

    @property
    def told(self) -> Message:
        """What answers carry along: up to which number all was taken."""
        return {"heard": list(self._last)} if self._last else {}

    def instead(self, raw: Message) -> Message:
        """The answer to a message that was not taken."""
        return {**heard(bool(self._last and raw["serial"] > self._last[1])), **self.told}
