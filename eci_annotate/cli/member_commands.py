"""`eci-annotate member admit|rotate|adopt|code|pin`: members whom a hub knows, their keys, and what confirms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eci_annotate.cli.terminal import (
    Folder,
    KeyFile,
    Passphrase,
    Project,
    key_in,
    open,
    projects,
    say,
    service,
    text_of,
)

if TYPE_CHECKING:
    from eci_annotate.repository.repository import Repository

Name = Annotated[str, typer.Argument(help="The member's name.")]


def add_from_hub(
    repository: Repository, project: str, name: str, roles: tuple[str, ...], site: str, sites: tuple[str, ...]
) -> None:
    """Add a member without a key file."""
    members, actor = service(repository).members, repository.backend.account.actor
    members.add(actor, project, name, roles=roles, site=site, sites=sites)
    say(f"Added {name} as {', '.join(roles)}, as the hub knows them. To sign they need a code: member code")


def admit(
    folder: Folder,
    names: Annotated[list[str] | None, typer.Argument(help="Members; all without one.")] = None,
    project: Project = None,
    secret: Annotated[
        str, typer.Option(help="Your signing secret, if you chose one.", envvar="ECI_ANNOTATE_SECRET")
    ] = "",
) -> None:
    """Allow the service to sign for members: certify them and store a signing key for each (founder only)."""
    from eci_annotate.repository.keys.repository_folder import credential, find
    from eci_annotate.repository.keys.service_keys import enable_service

    layout = find(folder)
    enable_service(layout, credential(layout), secret)
    repository = open(folder)
    members, account = service(repository).members, repository.backend.account
    for name in projects(repository, project):
        for member in account.members(name):
            if not names or member.name in names:
                members.admit(account.actor, name, member.name)
                say(f"The service may sign for {member.name} in {name}, when they confirm it.")


def rotate(folder: Folder, name: Name, project: Project = None) -> None:
    """Create a new key with which the service signs for a member; earlier signatures still verify."""
    repository = open(folder)
    members, where = service(repository).members, projects(repository, project)
    key = members.rotate(repository.backend.account.actor, where, name)
    say(f"{name} signs with the new key {key.fingerprint[:16]}, in {', '.join(where)}.")


def adopt(
    folder: Folder,
    name: Name,
    certificate: Annotated[Path, typer.Argument(help="Theirs (PEM), issued by an authority that is trusted")],
    key: KeyFile,
    project: Project = None,
    passphrase: Passphrase = "",
) -> None:
    """Let the service sign for a member with a key that their institution certified (owner only)."""
    repository, held = open(folder), key_in(key, passphrase)
    members, where = service(repository).members, projects(repository, project)
    members.adopt(repository.backend.account.actor, where, name, text_of(certificate), held)
    say(f"{name} signs with {held.fingerprint[:16]} from now on, in {', '.join(where)}. Delete the key's file.")


def code(folder: Folder, name: Name) -> None:
    """Give a member a one-time code, by which they set a PIN or a passkey on the service's page."""
    repository = open(folder)
    factors, giver = service(repository).members.factors, repository.backend.account.actor.name
    given, start = factors.give_code(name, giver)
    say(given)
    if start:
        say(f"{name} has a PIN or passkey already: the code counts from {start:%Y-%m-%d %H:%M} UTC,")
        say("or as soon as a second owner gives one.")


def pin(folder: Folder, name: Name) -> None:
    """Set a member's PIN at the terminal; it is asked for, or read from standard input."""
    factors = service(open(folder)).members.factors
    given = typer.prompt("The PIN", hide_input=True)
    factors.set_pin(name, given)
    say(f"The PIN of {name} is set.")


hub_members = (admit, rotate, adopt, code, pin)
