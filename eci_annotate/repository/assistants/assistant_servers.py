"""The servers that an owner allowed for a project: images go to these and to no others."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.assistants.protocol import Assistant
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import canonical, from_json, parse, to_json
from eci_annotate.workflow.project import check_name


class ServerKind(StrEnum):
    """What a server speaks."""

    NNINTERACTIVE = "nninteractive"
    MONAI_LABEL = "monailabel"


@dataclass(frozen=True)
class AssistantServer:
    """A server of a project.

    Attributes
    ----------
    name, project
        Its name here, and whose images may go there.
    kind, url
        What it speaks, and where it is.
    model
        Of a MONAI Label server: name of the model.
    key
        What it asks for, if it does; not shown.
    by
        Who allowed it.
    """

    name: str
    project: str
    kind: ServerKind
    url: str
    model: str = ""
    key: str = field(default="", repr=False)
    by: str = ""


def connect_assistant(server: AssistantServer) -> Assistant:
    """Return the adapter of a server.

    Raises
    ------
    NotInstalled
        If the extra `assistants` is missing.
    """
    match server.kind:
        case ServerKind.NNINTERACTIVE:
            from eci_annotate.repository.assistants.nninteractive import NnInteractive

            return NnInteractive(server.url, server.key)
        case ServerKind.MONAI_LABEL:
            from eci_annotate.repository.assistants.monai_label import MonaiLabel

            return MonaiLabel(server.url, server.model, server.key)


def allow_server(backend: LocalBackend, server: AssistantServer) -> None:
    """Allow a server for a project, or change it; for the owner (the file has mode 0600: it holds a key).

    Raises
    ------
    Refused
        The actor is no owner; an address that is none; a MONAI Label server without the name of a model.
    """
    _check_owner(backend, server.project)
    if not server.url.startswith(("http://", "https://")):
        raise Refused("The address of a server begins with http:// or https://.", "Give its whole address.")
    if server.kind is ServerKind.MONAI_LABEL and not server.model:
        raise Refused("A MONAI Label server has several models.", "Name one: --model deepgrow_3d")
    path = _folder(backend.context.layout.root) / f"{check_name(server.project)}.{check_name(server.name)}.json"
    write_atomic(path, canonical(to_json(server)), mode=0o600)
    backend.trail.note("assistant-allowed.1", server.project, "", f"{server.name}: {server.kind}")


def remove_server(backend: LocalBackend, project: str, name: str) -> None:
    """Remove a server of a project; for the owner. Images go there no more."""
    _check_owner(backend, project)
    if not (path := _folder(backend.context.layout.root) / f"{check_name(project)}.{check_name(name)}.json").exists():
        raise NotFound("Server not found.", "See: eci-annotate assistant list FOLDER")
    path.unlink()
    backend.trail.note("assistant-removed.1", project, "", name)


def _check_owner(backend: LocalBackend, project: str) -> None:
    if not backend.account.actor.may(Permission.ADMINISTER, project):
        raise Refused("You may not decide where images go.", "Ask the project's owner.")


def allowed_servers(backend: LocalBackend, project: str) -> list[AssistantServer]:
    """Return the servers of a project, by name."""
    return servers_of(backend.context.layout.root, project)


def servers_of(root: Path, project: str) -> list[AssistantServer]:
    """Return the servers of a project of the repository in a folder, by name."""
    paths = sorted(_folder(root).glob("*.json"))
    found = [from_json(AssistantServer, parse(path.read_bytes(), "A server")) for path in paths]
    return [each for each in found if each.project == project]


def _folder(root: Path) -> Path:
    return root / "sites" / "assistants"
