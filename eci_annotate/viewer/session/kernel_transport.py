"""For the Jupyter server, not the kernel: deliver a kernel's replies during drawing immediately and at low cost.

Messages are sent without waiting for acknowledgements: with Nagle's algorithm every reply is 40 ms late. That a kernel
is busy with a widget message is reported only if it lasts, because JupyterLab lays out its toolbars at each change.
Installing the package enables this as a server extension (decision 0042).
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.ioloop import IOLoop

LASTING_S = 0.2
BUSY = "busy"


class PromptConnection(ZMQChannelsWebsocketConnection):  # type: ignore[misc]
    """The standard connection, with TCP_NODELAY, and without short busy periods."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._untold: dict[str, object] = {}

    def connect(self) -> Any:
        """Connect as usual."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Forward a message; delay `busy` for a widget message, and drop it if `idle` arrives in the meantime."""
        state, parent = widget_status(self.session.feed_identities(outgoing_msg)[1])
        if state == BUSY:
            self._untold[parent] = IOLoop.current().call_later(LASTING_S, self._tell, parent, stream, outgoing_msg)
            return
        if state and (waiting := self._untold.pop(parent, None)):
            IOLoop.current().remove_timeout(waiting)
        super().handle_outgoing_message(stream, outgoing_msg)

    def disconnect(self) -> None:
        """Disconnect as usual, and drop pending notifications."""
        while self._untold:
            IOLoop.current().remove_timeout(self._untold.popitem()[1])
        super().disconnect()

    def _tell(self, parent: str, stream: Any, outgoing_msg: list[Any]) -> None:
        del self._untold[parent]
        super().handle_outgoing_message(stream, outgoing_msg)


def widget_status(parts: list[Any]) -> tuple[str, str]:
    """Return which state a message reports, and for which widget message; empty strings for all other messages.

    `parts`, all bytes: signature, header, parent header, metadata, content (Jupyter's messaging, "The wire protocol").
    """
    header, parent = bytes(parts[1]), bytes(parts[2])
    if b'"status"' not in header or b'"comm_msg"' not in parent:
        return "", ""
    return json.loads(bytes(parts[4])).get("execution_state", ""), json.loads(parent)["msg_id"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "eci_annotate.viewer.session.kernel_transport"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Replace the standard connection class by the prompt one; leave any other class alone."""
    if app.kernel_websocket_connection_class is ZMQChannelsWebsocketConnection:
        app.kernel_websocket_connection_class = PromptConnection
        app.web_app.settings["kernel_websocket_connection_class"] = PromptConnection
