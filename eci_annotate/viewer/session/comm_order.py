"""Each widget message from a page is handled once, in the order in which the messages were sent.

After a broken connection the page resends unanswered messages (`esm/transport/widget_outbox.js`).
JupyterLab asks for a thread (subshell) per widget; ipykernel 7.4 honours that for some widgets only, so that a click
could overtake the name typed before it. Here the main thread handles all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

MOST = 10_000


class Once:
    """Wraps a kernel's handler of widget messages and skips message ids that it has already handled."""

    def __init__(self, handler: Callable[..., Any]) -> None:
        self._handler, self._had = handler, dict[str, None]()

    def __call__(self, stream: Any, ident: Any, message: dict[str, Any]) -> Any:
        """Forward the message; the kernel itself notifies the page when it is done."""
        name = message["header"]["msg_id"]
        if name in self._had:
            return None
        self._had[name] = None
        while len(self._had) > MOST:
            del self._had[next(iter(self._had))]
        return self._handler(stream, ident, message)


def main_shell(comm: Any, said: Any, named: str | None) -> None:
    """Return the thread that handles what a page `said` to this comm: the main one, whichever the page `named`."""
    return


def hear() -> None:
    """Install the handlers in the running kernel; does nothing outside a kernel."""
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython() if ipython else None, "kernel", None)
    handlers = getattr(kernel, "shell_handlers", {})
    handler = handlers.get("comm_msg")
    if handler is None:
        return
    if not isinstance(handler, Once):
        handlers["comm_msg"] = Once(handler)
    from ipykernel.comm.comm import BaseComm

    BaseComm._reply_subshell_for = main_shell  # type: ignore[method-assign]
