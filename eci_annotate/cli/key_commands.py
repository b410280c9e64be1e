"""`eci-annotate key rotate|revoke|trust|adopt`: a new signing key, the end of one, and keys of an institution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import Folder, KeyFile, Passphrase, Project, key_in, local, open, projects, say, text_of


def rotate(
    folder: Folder,
    project: Project = None,
    secret: Annotated[str, typer.Option(help="The secret of the new key.", envvar="ECI_ANNOTATE_SECRET")] = "",
) -> None:
    """Create and certify a new signing key for yourself; earlier signatures still verify."""
    from eci_annotate.repository.admin.key_rotation import rotate as make_new
    from eci_annotate.repository.keys.repository_folder import credential, find

    repository = open(folder)
    where = projects(repository, project)
    for mark in make_new(local(repository), credential(find(folder)), where, secret):
        say(f"Your new key is {mark[:16]}. Earlier signatures still verify.")


def revoke(
    folder: Folder,
    key: Annotated[str, typer.Argument(help="The key's fingerprint, or its beginning; see: key show")],
    reason: Annotated[str, typer.Option(help="The reason; stored permanently. No names.")],
    member: Annotated[str, typer.Option(help="The member; by default you.")] = "",
    project: Project = None,
) -> None:
    """Revoke a key: signatures made from now on are invalid; earlier ones still verify."""
    from eci_annotate.repository.admin.key_rotation import fingerprint_of
    from eci_annotate.workflow.subject.commands import RevokeCertificate

    repository = open(folder)
    backend = local(repository)
    name = member or backend.account.actor.name
    for where in projects(repository, project):
        backend.do(RevokeCertificate(where, name, fingerprint_of(backend, where, name, key), reason))
        say(f"The key {key[:16]} of {name} is revoked in {where}.")


def trust(
    folder: Folder,
    certificate: Annotated[Path, typer.Argument(help="The institution's certificate (PEM)")],
    project: Project = None,
) -> None:
    """Trust an institution's certificates in a project (owner only). Compare the fingerprint first."""
    from eci_annotate.workflow.subject.commands import TrustAuthority
    from eci_annotate.workflow.trust.certificates import mark_of, spelled

    repository, pem = open(folder), spelled(text_of(certificate))
    for where in projects(repository, project):
        repository.backend.do(TrustAuthority(where, pem))
        say(f"{where} trusts the authority with the fingerprint {mark_of(pem)}.")


def adopt(
    folder: Folder,
    certificate: Annotated[Path, typer.Argument(help="Your certificate (PEM), issued by an authority that is trusted")],
    key: KeyFile,
    project: Project = None,
    passphrase: Passphrase = "",
    secret: Annotated[str, typer.Option(help="The signing secret.", envvar="ECI_ANNOTATE_SECRET")] = "",
) -> None:
    """Sign with a key that your institution certified; earlier signatures still verify."""
    from eci_annotate.repository.admin.key_rotation import adopt as take
    from eci_annotate.repository.keys.repository_folder import credential, find

    repository, held = open(folder), key_in(key, passphrase)
    where, pem = projects(repository, project), text_of(certificate)
    for mark in take(local(repository), credential(find(folder)), where, pem, held, secret):
        say(f"You now sign with {mark[:16]}. Earlier signatures still verify.")


key_care = (rotate, revoke, trust, adopt)
