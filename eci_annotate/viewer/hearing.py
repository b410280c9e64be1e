"""What a page sends again after its line was cut is taken once (`esm/unheard.js`): a click is not two clicks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST = 10_000


class Once:
    """A kernel's handler of widgets' messages that passes over those it had before; by their ids."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler, self._had = handler, dict[str, None]()

    def __call__(self, stream: Any, ident: Any, message: dict[str, Any]) -> Any:
        """Pass it on; the kernel itself tells the page that it is done."""
        name = message["header"]["msg_id"]
        if name in self._had:
            return None
        self._had[name] = None
        while len(self._had) > MOST:
            del self._had[next(iter(self._had))]
        return self._handler(stream, ident, message)


def hear_once() -> None:
    """From now on, in the kernel this runs in; nothing where there is none."""
    from IPython.core.getipython import get_ipython

    handlers = getattr(getattr(get_ipython(), "kernel", None), "shell_handlers", {})
    handler = handlers.get("comm_msg")
    if handler and not isinstance(handler, Once):
        handlers["comm_msg"] = Once(handler)
