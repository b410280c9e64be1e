"""What a page says is taken once, and in the order in which it was said.

It sends again what was not answered before its line was cut (`esm/transport/widget_outbox.js`): a click is not two clicks. And
JupyterLab names a thread (a subshell) for what widgets say; ipykernel 7.4 gives it those that have answered already,
its main thread the others: a click overtook the name typed before it. Here the main thread takes all.
"""

from __future__ import annotations

import sys
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


def main_shell(comm: Any, said: Any, named: str | None) -> None:
    """Which thread takes what a page `said` to this comm: the main one, whichever the page `named`."""
    return


def hear() -> None:
    """From now on, in the kernel this runs in; nothing where there is none."""
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
