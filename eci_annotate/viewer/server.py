"""For the Jupyter server, not the kernel: kernel messages leave at once, without awaiting acknowledgements.

jupyter-server leaves Nagle's algorithm on; with the browser's delayed acknowledgements every answer of a kernel is
40 ms late (measured: 41 ms down, 8 ms up). Switch it on with
`ServerApp.kernel_websocket_connection_class = "eci_annotate.viewer.server.PromptConnection"`.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):  # type: ignore[misc]
    """The usual connection, with TCP_NODELAY."""

    def connect(self) -> Any:
        """Connect as usual."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
