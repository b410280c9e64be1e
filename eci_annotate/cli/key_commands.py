"""`eci-annotate key rotate|revoke|trust|adopt`: a new signing key, the end of one, and keys of an institution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import Folder, KeyFile, Passphrase, Project, key_in, local, open, projects, say, text_of


def rotate(
    folder: Folder,
    project: Project = None,
    secret: Annotated[str, typer.Option(help="What the new key asks for.", envvar="ECI_ANNOTATE_SECRET")] = "",
) -> None:
    """Make a new signing key of yours and have it certified; what the old one signed still verifies."""
    from eci_annotate.repository.admin.key_rotation import rotate as make_new
    from eci_annotate.repository.keys.repository_folder import credential, find

    repository = open(folder)
    where = projects(repository, project)
    for mark in make_new(local(repository), credential(find(folder)), where, secret):
        say(f"Your new key is {mark[:16]}. The old one still verifies what it signed.")


def revoke(
    folder: Folder,
    key: Annotated[str, typer.Argument(help="The key's fingerprint, or its beginning; see: key show")],
    reason: Annotated[str, typer.Option(help="Why; it is kept for good. No names.")],
    member: Annotated[str, typer.Option(help="Whose; by default yours.")] = "",
    project: Project = None,
) -> None:
    """Let nothing count that this key signs from now on; what it signed before still verifies."""
    from eci_annotate.repository.admin.key_rotation import fingerprint_of
    from eci_annotate.workflow.subject.commands import RevokeCertificate

    repository = open(folder)
    backend = local(repository)
    name = member or backend.actor.name
    for where in projects(repository, project):
        backend.do(RevokeCertificate(where, name, fingerprint_of(backend, where, name, key), reason))
        say(f"The key {key[:16]} of {name} counts no more in {where}.")


def trust(
    folder: Folder,
    certificate: Annotated[Path, typer.Argument(help="The institution's certificate (PEM)")],
    project: Project = None,
) -> None:
    """Let signers whom an institution certified count in a project; for its owner. Compare the fingerprint first."""
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
    secret: Annotated[str, typer.Option(help="What signing asks for.", envvar="ECI_ANNOTATE_SECRET")] = "",
) -> None:
    """Sign from now on with a key that your institution certified; what your old one signed still verifies."""
    from eci_annotate.repository.admin.key_rotation import adopt as take
    from eci_annotate.repository.keys.repository_folder import credential, find

    repository, held = open(folder), key_in(key, passphrase)
    where, pem = projects(repository, project), text_of(certificate)
    for mark in take(local(repository), credential(find(folder)), where, pem, held, secret):
        say(f"You sign with {mark[:16]} from now on. The old key still verifies what it signed.")


key_care = (rotate, revoke, trust, adopt)
