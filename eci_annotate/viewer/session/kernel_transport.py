"""For the Jupyter server, not the kernel: what a kernel answers to a hand that draws comes at once and at little cost.

Messages leave without awaiting acknowledgements: with Nagle's algorithm every answer is 40 ms late. That a kernel is
busy with a widget's message is told only if it lasts: at each change JupyterLab lays its tool bars out anew.
Installing the package switches this on as a server extension (decision 0042).
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.ioloop import IOLoop

LASTING_S = 0.2
BUSY = "busy"


class PromptConnection(ZMQChannelsWebsocketConnection):  # type: ignore[misc]
    """The usual connection, with TCP_NODELAY, and silent about moments of being busy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._untold: dict[str, object] = {}

    def connect(self) -> Any:
        """Connect as usual."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Pass a message on; `busy` with a widget's message waits, and is dropped when `idle` comes meanwhile."""
        state, parent = widget_status(self.session.feed_identities(outgoing_msg)[1])
        if state == BUSY:
            self._untold[parent] = IOLoop.current().call_later(LASTING_S, self._tell, parent, stream, outgoing_msg)
            return
        if state and (waiting := self._untold.pop(parent, None)):
            IOLoop.current().remove_timeout(waiting)
        super().handle_outgoing_message(stream, outgoing_msg)

    def disconnect(self) -> None:
        """Disconnect as usual; nobody is there to be told of anything."""
        while self._untold:
            IOLoop.current().remove_timeout(self._untold.popitem()[1])
        super().disconnect()

    def _tell(self, parent: str, stream: Any, outgoing_msg: list[Any]) -> None:
        del self._untold[parent]
        super().handle_outgoing_message(stream, outgoing_msg)


def widget_status(parts: list[Any]) -> tuple[str, str]:
    """What state a message tells, and of which widget's message; blanks for all other messages.

    `parts`, all bytes: signature, header, parent header, metadata, content (Jupyter's messaging, "The wire protocol").
    """
    header, parent = bytes(parts[1]), bytes(parts[2])
    if b'"status"' not in header or b'"comm_msg"' not in parent:
        return "", ""
    return json.loads(bytes(parts[4])).get("execution_state", ""), json.loads(parent)["msg_id"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "eci_annotate.viewer.session.kernel_transport"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Put the prompt connection in the place of the usual one; another one is left alone."""
    if app.kernel_websocket_connection_class is ZMQChannelsWebsocketConnection:
        app.kernel_websocket_connection_class = PromptConnection
        app.web_app.settings["kernel_websocket_connection_class"] = PromptConnection
