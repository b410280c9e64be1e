"""Makes a repository, brings in its first member and project, and later members, each with keys of their own."""

from __future__ import annotations

import os
from pathlib import Path

from eci_annotate.errors import Refused
from eci_annotate.repository.derivation.service_member import admit_service, needs_service
from eci_annotate.repository.keys.image_encryption import turn_encryption_on
from eci_annotate.repository.keys.repository_folder import Layout, create, credential, write_key
from eci_annotate.repository.keys.service_keys import enable_service
from eci_annotate.repository.keys.signing_keys import found_authority, make_signing_key, open_authority
from eci_annotate.repository.local.checkpoints import found_service, take
from eci_annotate.repository.local.command_handler import do_project
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.repository import Repository
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.actor import ALL_SITES, Actor, Role
from eci_annotate.workflow.project import check_name
from eci_annotate.workflow.subject.commands import AddMember, OpenProject, Publish
from eci_annotate.workflow.trust.certificates import Authority
from eci_annotate.workflow.trust.rsa_keys import Credential
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case

FOUNDER = (Role.OWNER, Role.ANNOTATOR, Role.REVIEWER)


def create_repository(
    folder: Path | str,
    *,
    project: str,
    member: str,
    site: str = "LOCAL",
    use_case: str = "",
    secret: str = "",
    dsn: str = "",
    encrypt_images: bool = False,
) -> Path:
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
    secret
        What opens the member's signing key and the authority; without one the key file alone does.
    dsn
        A PostgreSQL database that is to keep events, blobs and drafts; without it the folder does.
    encrypt_images
        Whether DICOM files are stored encrypted, by a key per subject; by default other software can read them.

    Returns
    -------
    Path
        The key file.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> key = eci.create_repository(f"{tempfile.mkdtemp()}/demo", project="liver-ct", member="anna", site="KAU")
    >>> key.name
    'anna.key'
    """
    for name in (project, member, site):
        check_name(name)
    chosen = use_case or project
    case = UseCase.from_folder(chosen) if os.sep in chosen else shipped_use_case(chosen)
    layout = create(Path(folder), dsn=dsn)
    if encrypt_images:
        turn_encryption_on(layout)
    key = Credential.generate()
    write_key(layout.key_file(member), key)
    context = Context.from_layout(layout)
    authority = found_authority(layout, key, secret, context.clock())
    found_service(layout, authority, context.clock())
    actor = Actor(member, site, {project: FOUNDER})
    do_project(context, OpenProject(project, site, authority.certificate), actor)
    do_project(context, _entry(context, authority, project, actor, key, secret), actor)
    do_project(context, Publish(project, case.name, context.blobs.put(case.blob)), actor)
    if needs_service(case):
        enable_service(layout, key, secret)
        admit_service(context, actor, project, case)
    take(context)
    write_atomic(layout.root / "members" / "default", member.encode() + b"\n")
    return layout.key_file(member)


def _entry(
    context: Context, authority: Authority, project: str, actor: Actor, key: Credential, secret: str
) -> AddMember:
    """The command that brings an actor in: makes a signing key, and has it certified."""
    signing = make_signing_key(context.layout, actor.name, key, secret)
    certificate = authority.issue(actor.name, signing.rsa.public_key(), context.clock())
    sites = actor.sites.get(project, (ALL_SITES,))
    return AddMember(project, actor.name, actor.site, actor.roles[project], key.public, sites, certificate)


def add_member(
    repository: Repository,
    layout: Layout,
    name: str,
    *,
    project: str,
    roles: tuple[str, ...],
    site: str,
    sites: tuple[str, ...] = (ALL_SITES,),
    secret: str = "",
) -> Path:
    """Add a member with new keys; returns the key file, which is to be given to them alone.

    Parameters
    ----------
    sites
        The sites whose subjects they work on; ``*``: all.
    secret
        The founder's, if the authority was founded with one.
    """
    path = layout.key_file(check_name(name))
    if path.exists():
        raise Refused("A key file with this name exists already.", "Choose another name.")
    authority = open_authority(layout, credential(layout), secret)
    key = Credential.generate()
    newcomer = Actor(name, site, {project: roles}, sites={project: sites})
    repository.backend.do(_entry(Context.from_layout(layout), authority, project, newcomer, key, ""))
    write_key(path, key)
    return path
