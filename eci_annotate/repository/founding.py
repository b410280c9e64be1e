"""Makes a repository, brings in its first member and project, and later members, each with a key of their own."""

from __future__ import annotations

import os
from pathlib import Path

from eci_annotate.errors import Refused
from eci_annotate.repository.deciding import do_project
from eci_annotate.repository.layout import Layout, create, write_key
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.rooms import Rooms
from eci_annotate.store.files import write_atomic
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.commands import AddMember, OpenProject, Publish
from eci_annotate.workflow.project import check_name
from eci_annotate.workflow.signing import PrivateKey
from eci_annotate.workflow.usecase import UseCase, shipped_use_case

FOUNDER = ("owner", "annotator", "reviewer")


def found(folder: Path | str, *, project: str, member: str, site: str = "LOCAL", use_case: str = "") -> Path:
    """Make a repository with one project and one member, who is its owner.

    Parameters
    ----------
    folder
        A new or empty folder.
    project
        The project's name; also the shipped use case's name, unless `use_case` gives another (a name or folder).
    member
        The first member; also annotator and reviewer. The key goes to ``members/<name>.key``, mode 0600.
    site
        Short name of the hospital or group, part of the pseudonyms.

    Returns
    -------
    Path
        The key file.
    """
    for name in (project, member, site):
        check_name(name)
    chosen = use_case or project
    case = UseCase.from_folder(chosen) if os.sep in chosen else shipped_use_case(chosen)
    layout = create(Path(folder))
    key = PrivateKey.generate()
    write_key(layout.key_file(member), key)
    _enter(Rooms.from_layout(layout), Actor(member, site, {project: FOUNDER}), project, key, case)
    write_atomic(layout.root / "members" / "default", member.encode() + b"\n")
    return layout.key_file(member)


def _enter(rooms: Rooms, actor: Actor, project: str, key: PrivateKey, case: UseCase) -> None:
    do_project(rooms, OpenProject(project, actor.site), actor)
    do_project(rooms, AddMember(project, actor.name, actor.site, FOUNDER, key.public), actor)
    do_project(rooms, Publish(project, case.name, rooms.blobs.put(case.blob)), actor)


def add_member(
    repository: Repository, layout: Layout, name: str, *, project: str, roles: tuple[str, ...], site: str
) -> Path:
    """Add a member with a new key; returns the key file, which is to be given to them alone."""
    path = layout.key_file(check_name(name))
    if path.exists():
        raise Refused("There is a key file of this name already.", "Choose another name.")
    key = PrivateKey.generate()
    repository.backend.do(AddMember(project, name, site, roles, key.public))
    write_key(path, key)
    return path
