"""Landing page after login, by the role of a group `project/role` or `project/role/site`.

The default is the least powerful server: one notebook as a page. JupyterLab is a privilege that a group must grant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eci_annotate.workflow.actor import Role

LAB, APP, SERVICE = "lab", "app", "service"
PLACES = {
    Role.DEVELOPER: (LAB, ("02_inspect.ipynb",)),
    "teacher": (LAB, ("05_workshop.ipynb",)),
    Role.OWNER: (SERVICE, ()),
    Role.DATA_MANAGER: (SERVICE, ()),
    Role.SITE_ADMINISTRATOR: (SERVICE, ()),
    Role.AUDITOR: (SERVICE, ()),
}
TASK_APP = ("task_app.ipynb", "01_annotate.ipynb")
IPC = "--KernelManager.transport=ipc"  # every user of the machine can read TCP ports of kernels
PROMPT = "--VoilaServer.kernel_websocket_connection_class=eci_annotate.viewer.session.kernel_transport.PromptConnection"


def roles(groups: Iterable[str]) -> set[str]:
    """Return the role names in groups of the form project/role or project/role/site."""
    return {parts[1] for group in groups if len(parts := group.split("/")) in (2, 3)}


def first_there(folder: Path, names: Iterable[str]) -> Path:
    """Return the first notebook that exists."""
    return next(folder / name for name in names if (folder / name).exists())


@dataclass(frozen=True)
class Landing:
    """What each role gets.

    Parameters
    ----------
    python
        The interpreter of user servers.
    notebooks
        Folder of the shipped notebooks.
    """

    python: str
    notebooks: Path

    @property
    def app(self) -> list[str]:
        """Return the command of the least powerful server."""
        return self.app_of(first_there(self.notebooks, TASK_APP))

    def app_of(self, notebook: Path | str) -> list[str]:
        """Return the same for a notebook in a container's image."""
        return [self.python, "-m", "eci_annotate.userservers.voila_server", PROMPT, str(notebook)]

    def lab(self, notebook: Path, copied: bool) -> dict[str, Any]:
        """Return JupyterLab with a notebook, of which the user gets a private copy."""
        quiet = "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
        raised: dict[str, Any] = {
            "cmd": [self.python, "-m", "eci_annotate.userservers.lab", IPC, quiet],
            "default_url": f"/lab/tree/{notebook.name}",
        }
        return raised | ({"gifts": [str(notebook)]} if copied else {})

    def overrides(self, spawner: Any, copied: bool = True) -> dict[str, Any]:
        """`Spawner.group_overrides`: the user's groups select the server.

        Parameters
        ----------
        spawner
            Spawner of the server.
        copied
            Whether our spawner copies the notebook into the home folder; a container's image already contains it.
        """
        mine = [group.name for group in spawner.user.groups]
        raised = [PLACES[role][1] for role in sorted(roles(mine)) if PLACES.get(role, ("",))[0] == LAB]
        if not raised:
            return {}
        notebook = first_there(self.notebooks, raised[0]) if copied else Path(raised[0][-1])
        return {"lab": {"groups": mine, "spawner_override": self.lab(notebook, copied)}}


def after_login(handler: Any) -> str:
    """`JupyterHub.default_url`: users who only administrate go to the service's pages, all others to their server."""
    user = handler.current_user
    if user is None or "eci" not in handler.services:
        return ""
    mine = roles(group.name for group in user.groups)
    administrates = mine and all(PLACES.get(role, ("",))[0] == SERVICE for role in mine)
    service = handler.services["eci"]
    return f"{service.host}{service.prefix}" if administrates else ""
