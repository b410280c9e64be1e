"""JupyterLab as a hub's single-user server, on the socket that the hub bound for it, or else on a TCP port.

`python -m eci_annotate.userservers.lab`, with the arguments of `jupyterhub-singleuser`.
"""

from __future__ import annotations

from jupyter_server.serverapp import ServerApp
from jupyterhub.singleuser import main

from eci_annotate.userservers.listener import inherited


def serve_inherited() -> None:
    """Make Jupyter Server listen on the inherited socket, if there is one."""
    held = inherited()
    if held is None:
        return

    def bind(self: ServerApp) -> None:
        self.http_server.add_socket(held)

    ServerApp._bind_http_server = bind


if __name__ == "__main__":
    serve_inherited()
    main()
