"""Accept each numbered message of a page once and in order, even if messages are lost or repeated.

The browser keeps unacknowledged messages and resends them (`esm/transport/outbox.js`).
"""

from __future__ import annotations

from eci_annotate.viewer.stage.messages import Message, heard

MOST_PAGES = 50


class Posted:
    """Numbers received from each page."""

    def __init__(self) -> None:
        self._heard: dict[str, int] = {}
        self._last: tuple[str, int] | None = None

    def takes(self, raw: Message) -> bool:
        """Whether to process the message; otherwise it is a repetition, or an earlier one is missing."""
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
        """Acknowledgement carried by replies: the number up to which everything was received."""
        return {"heard": list(self._last)} if self._last else {}

    def instead(self, raw: Message) -> Message:
        """Return the reply to a message that was not accepted."""
        return {**heard(bool(self._last and raw["serial"] > self._last[1])), **self.told}
