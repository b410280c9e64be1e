"""One notebook as a page, in one process, with the hub's identity on page, websocket and every other address.

`python -m eci_annotate.userservers.voila_server NOTEBOOK`, started by a hub. It has no JupyterLab, no terminal,
no files and runs no code from the browser: only widget messages pass. The hub's probe starts no kernel.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

# Location of the template `eci`, added to Jupyter's path before Voilà is imported, because Voilà reads it once.
os.environ["JUPYTER_PATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parent / "share"), os.environ.get("JUPYTER_PATH", "")])
)

from jinja2 import Environment, FileSystemLoader
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from jupyterhub._version import __version__ as hub_version
from jupyterhub.singleuser.extension import JupyterHubAuthorizer, JupyterHubIdentityProvider
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, RequestHandler, authenticated
from traitlets.config import Config
from voila.app import Voila

from eci_annotate.userservers.activity import Presence, PresenceHandler
from eci_annotate.userservers.banner import show_on
from eci_annotate.userservers.listener import inherited

PAGES = Path(__file__).parent / "share" / "pages"
# Both of the first two are needed to draw widgets (the provider, and the manager that requests it).
EXTENSIONS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
    "ipycanvas",
)
NO_FILE = r"(?!)"  # matches nothing: no file of the notebook's folder is served
IDLE_KERNEL_S = 1_200  # a kernel whose page was closed


class VoilaIdentity(JupyterHubIdentityProvider):  # type: ignore[misc]
    """The hub's identity in place of Voilà's own token and login page."""

    def __init__(self, **kwargs: Any) -> None:
        for unwanted in ("token", "login_handler_class"):
            kwargs.pop(unwanted, None)
        super().__init__(**kwargs)


class ProbeHandler(RequestHandler):
    """Answers the hub's readiness probe. It reveals nothing and starts no kernel."""

    def get(self) -> None:
        """Answer."""
        self.set_header("X-JupyterHub-Version", hub_version)
        self.finish({"version": hub_version})


class NowhereHandler(JupyterHandler):  # type: ignore[misc]
    """Handles addresses for which Voilà would serve files; there are none to be served."""

    @authenticated
    def get(self, path: str = "") -> None:
        """Answer that the page does not exist."""
        raise HTTPError(404)


def _fixed() -> Config:
    """Return settings that neither the command line nor a user's file may change."""
    fixed = Config()
    fixed.VoilaConfiguration.template = "eci"
    fixed.VoilaConfiguration.extension_allowlist = list(EXTENSIONS)
    fixed.VoilaConfiguration.file_allowlist = [NO_FILE]
    fixed.VoilaConfiguration.allow_template_override = "NO"
    fixed.VoilaConfiguration.allow_theme_override = "NO"
    fixed.VoilaConfiguration.show_tracebacks = False
    fixed.VoilaConfiguration.strip_sources = True
    fixed.KernelManager.transport = "ipc"  # every user of the machine can read TCP ports of kernels
    fixed.MappingKernelManager.cull_idle_timeout = IDLE_KERNEL_S
    fixed.MappingKernelManager.cull_interval = 60
    return fixed


class VoilaServer(Voila):  # type: ignore[misc]
    """Voilà as a hub's single-user server."""

    def initialize(self, argv: Sequence[str] | None = None) -> None:
        """Take the address from the hub, ignoring the command line."""
        self.config_file_paths: list[str] = []
        super().initialize(argv)
        self.update_config(_fixed())
        self.voila_configuration.update_config(self.config)
        self.setup_template_dirs()
        place = urlparse(os.environ["JUPYTERHUB_SERVICE_URL"])
        self.ip, self.port, self.port_retries = place.hostname or "127.0.0.1", place.port, 0
        self.base_url = self.server_url = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
        self.connection_dir_root = os.environ.get("JUPYTER_RUNTIME_DIR") or tempfile.gettempdir()
        self.open_browser = False
        self.identity_provider_class, self.authorizer_class = VoilaIdentity, JupyterHubAuthorizer
        self.presence = Presence()
        self.tornado_settings = {
            "xsrf_cookies": False,
            "xheaders": True,
            "eci_presence": self.presence,
            "headers": {
                "Content-Security-Policy": "frame-ancestors 'none'",
                "X-Content-Type-Options": "nosniff",
                "X-JupyterHub-Version": hub_version,
            },
        }

    def init_handlers(self) -> list[Any]:
        """Return Voilà's handlers, preceded by ours, with the identity's handlers below the server's prefix."""
        prefix = self.server_url
        ours = [
            (url_path_join(prefix, "api") + "/?", ProbeHandler),
            (url_path_join(prefix, "api/presence"), PresenceHandler),
            (url_path_join(prefix, "voila/files/(.*)"), NowhereHandler),
            (url_path_join(prefix, "voila/templates/(?![^/]+/static/)(.*)"), NowhereHandler),  # Voilà fails on these
        ]
        return ours + [self._placed(handler) for handler in super().init_handlers()]

    def _placed(self, handler: tuple[Any, ...]) -> tuple[Any, ...]:
        """Add the server's prefix to the identity provider's addresses."""
        if handler[0] in ("/logout", "/oauth_callback"):
            return (url_path_join(self.server_url, handler[0]), *handler[1:])
        return handler

    def listen(self) -> None:
        """Serve, and report activity to the hub; errors are shown on our own page."""
        self.app.settings["jinja2_env"] = Environment(loader=FileSystemLoader(PAGES), autoescape=True)
        show_on(self.app)
        IOLoop.current().add_callback(self.presence.keep_telling, self.log)
        if (held := inherited()) is not None:
            self.app.listen = lambda port, ip: HTTPServer(self.app).add_socket(held)
        super().listen()


def main() -> None:
    """Serve the notebook named on the command line."""
    VoilaServer.launch_instance()


if __name__ == "__main__":
    main()
