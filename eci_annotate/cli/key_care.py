"""`eci-annotate key rotate|revoke`: a new signing key for oneself, and the end of one that may be known to others."""

from __future__ import annotations

from typing import Annotated

import typer

from eci_annotate.cli.screen import Folder, Project, local, open, projects, say


def rotate(
    folder: Folder,
    project: Project = None,
    secret: Annotated[str, typer.Option(help="What the new key asks for.", envvar="ECI_ANNOTATE_SECRET")] = "",
) -> None:
    """Make a new signing key of yours and have it certified; what the old one signed still verifies."""
    from eci_annotate.repository.layout import credential, find
    from eci_annotate.repository.rotation import rotate as make_new

    backend = local(open(folder))
    layout = find(folder)
    for mark in make_new(backend, credential(layout), projects(open(folder), project), secret):
        say(f"Your new key is {mark[:16]}. The old one still verifies what it signed.")


def revoke(
    folder: Folder,
    key: Annotated[str, typer.Argument(help="The key's fingerprint, or its beginning; see: key show")],
    reason: Annotated[str, typer.Option(help="Why; it is kept for good. No names.")],
    member: Annotated[str, typer.Option(help="Whose; by default yours.")] = "",
    project: Project = None,
) -> None:
    """Let nothing count that this key signs from now on; what it signed before still verifies."""
    from eci_annotate.repository.rotation import fingerprint_of
    from eci_annotate.workflow.commands import RevokeCertificate

    backend = local(open(folder))
    name = member or backend.actor.name
    for where in projects(open(folder), project):
        backend.do(RevokeCertificate(where, name, fingerprint_of(backend, where, name, key), reason))
        say(f"The key {key[:16]} of {name} counts no more in {where}.")


key_care = (rotate, revoke)
