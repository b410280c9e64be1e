"""The service over real HTTP, in this process or in one of its own; a table of tokens stands for the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eci_annotate.hub.app import make_app
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import Person
from eci_annotate.repository.keys.repository_folder import credential, find
from eci_annotate.repository.keys.service_keys import add_hub_member, admit, enable_service
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.remote.backend import RemoteBackend, RemoteImages
from eci_annotate.repository.remote.http_client import Line
from eci_annotate.repository.repository import Repository
from tests.ports import free_port
from tests.service.serving_app import running

P, S = "liver-ct", "ECI_KAU_S0001"
PEOPLE = {
    "vera": (("annotator",), "VIE"),
    "dev": (("developer",), "KAU"),
    "olga": (("owner",), "KAU"),
    "mara": (("data-manager",), "KAU"),
    "sue": (("super-user",), "KAU"),
    "ada": (("adjudicator",), "KAU"),
    "sam": (("site-administrator",), "KAU"),
    "otto": (("auditor",), "KAU"),
}


@dataclass
class Tokens:
    """Whose each token is; `token-NAME` is that of NAME, for whoever is known."""

    table: dict[str, Person]

    def of_token(self, token: str, *, fresh: bool = False, session: str = "") -> Person | None:
        return self.table.get(token)

    def remembered(self, token: str) -> Person | None:
        return None

    def known(self, token: str) -> tuple[bool, Person | None]:
        return False, None


def prepared(folder: Path) -> Path:
    """A repository whose members the service knows: ben and ruth have key files too, the others have none."""
    layout = find(folder)
    enable_service(layout, credential(layout))
    context, owner = Context.from_layout(layout), open(folder).backend.account.actor
    for name in ("anna", "ben", "ruth"):
        admit(context, owner, P, name)
    for name, (roles, site) in PEOPLE.items():
        sites = ("*",) if "owner" in roles else (site,)
        add_hub_member(context, owner, P, name, roles=roles, site=site, sites=sites)
    return folder


def tokens() -> Tokens:
    names = ["anna", "ben", "ruth", *PEOPLE, "nobody"]
    return Tokens({f"token-{name}": Person(name) for name in names})


@contextmanager
def serving(folder: Path, people: Tokens | None = None) -> Iterator[str]:
    """The address of a service for the repository."""
    port = free_port()
    settings = Settings(folder, port=port, public=f"http://127.0.0.1:{port}/services/eci/")
    with running(make_app(settings, people or tokens()), port):
        yield f"http://127.0.0.1:{port}/services/eci"


def remote(address: str, name: str, session: str = "one") -> Repository:
    """The repository as `name` opens it at the service."""
    line = Line(address, f"token-{name}", session)
    return Repository(RemoteBackend(line), RemoteImages(line))


__all__ = ["PEOPLE", "P", "S", "Tokens", "prepared", "remote", "serving", "tokens"]
