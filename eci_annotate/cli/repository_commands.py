"""`eci-annotate repository copy|backup|restore|clean-up|seal-images`: what concerns a whole repository."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import Folder, Project, local, open, progress, say, show, tell_details
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import Refused, Tampered
from eci_annotate.workflow.actor import Permission

repositories = typer.Typer(help="Copy, back up, restore and seal a whole repository.", no_args_is_help=True)
Dsn = Annotated[str, typer.Option(help="Store it in this PostgreSQL database, e.g. postgresql://user@host/name.")]
Keys = Annotated[Path | None, typer.Option(help="Folder of the keys; by default OUT.keys beside it.")]


@repositories.command("copy")
def copy(
    folder: Folder,
    target: Annotated[Path, typer.Argument(help="A new folder, or the folder of an interrupted copy.")],
    postgres: Dsn = "",
) -> None:
    """Copy a repository, record for record: into a folder, PostgreSQL, or back. No work meanwhile."""
    from eci_annotate.repository.admin.copy_repository import copy_repository

    with progress() as tell:
        events = copy_repository(folder, target, dsn=postgres, progress=tell)
    say(f"Copied {events} events, with blobs, drafts, keys and images, to {target}.")


@repositories.command("backup")
def backup(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="A new folder, or an earlier backup to bring up to date.")],
    keys: Keys = None,
) -> None:
    """Back up a repository, while work goes on. Content is encrypted by each subject's key; the keys go elsewhere."""
    from eci_annotate.repository.admin.backup import back_up

    keys = keys or out.with_name(f"{out.name}.keys")
    with progress() as tell:
        events = back_up(folder, out, keys, tell)
    say(f"Backed up {events} events to {out}. The keys are in {keys}: keep them apart, with mode 0700.")
    say("After a withdrawal of consent run it again, so that the destroyed key is removed there too.")
    _tell_archive(folder)


def _tell_archive(folder: Path) -> None:
    from eci_annotate.repository.keys.repository_folder import find
    from eci_annotate.repository.local.volumes.open_archive import archive_settings

    if settings := archive_settings(find(folder)):
        say(f"No DICOM file is in it: they are kept in {settings.url}. Back them up there.")


@repositories.command("archive")
def archive(
    folder: Folder,
    url: Annotated[str, typer.Argument(help="Root of the DICOMweb archive, or of the XNAT.")],
    xnat_project: Annotated[str, typer.Option(help="Project of an XNAT; without it: DICOMweb.")] = "",
    user: Annotated[str, typer.Option(help="Its account, if it needs one.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the password.", exists=True)] = None,
    orthanc: Annotated[str, typer.Option(help="Of an Orthanc: root of its own interface, for deletions.")] = "",
) -> None:
    """Keep DICOM files in a DICOMweb archive or an XNAT; before the first import (owner only)."""
    from eci_annotate.repository.keys.repository_folder import find
    from eci_annotate.repository.local.volumes.open_archive import ArchiveSettings, use_archive

    _require_owner(folder, "You may not choose the archive.")
    password = password_file.read_text().strip() if password_file else ""
    use_archive(find(folder), ArchiveSettings(url, xnat_project, user, password, orthanc))
    say(f"DICOM files go to {url} from now on. Restart the service, if one runs.")


def _require_owner(folder: Path, refusal: str) -> None:
    backend = local(open(folder))
    if not all(backend.account.actor.may(Permission.ADMINISTER, name) for name in backend.account.projects()):
        raise Refused(refusal, "Ask the owner of all projects.")


@repositories.command("encrypt-images")
def encrypt_images(folder: Folder) -> None:
    """Encrypt DICOM files, those that are stored and those that come, by a key per subject (owner only).

    The repository may be used meanwhile; an interrupted run goes on. Other software can then read no file of the
    folder archive: export instead.
    """
    from eci_annotate.repository.keys.image_encryption import encrypt_archive
    from eci_annotate.repository.keys.repository_folder import find
    from eci_annotate.repository.local.volumes.open_archive import archive_settings

    _require_owner(folder, "You may not change how images are stored.")
    layout = find(folder)
    if settings := archive_settings(layout):
        raise Refused(f"The files are kept in {settings.url}.", "Encrypt them there.")
    with progress() as tell:
        count = encrypt_archive(layout, tell)
    say(
        f"Encrypted {count} files; new ones are stored encrypted. The keys are in the folder vault: back them up apart."
    )
    say("Decoded volumes in the folder cache are not encrypted; they are erased when a consent is withdrawn.")


@repositories.command("restore")
def restore(
    out: Annotated[Path, typer.Argument(help="A backup.", exists=True)],
    target: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    keys: Keys = None,
    postgres: Dsn = "",
) -> None:
    """Make a repository of a backup, and verify everything in it. Exit code 1 when anything differs."""
    from eci_annotate.repository.admin.backup import restore as bring_back

    with progress() as tell:
        found = bring_back(out, keys or out.with_name(f"{out.name}.keys"), target, dsn=postgres, progress=tell)
    if found.withdrawn:
        say(f"{len(found.withdrawn)} subjects were withdrawn since: {', '.join(found.withdrawn)}.")
        say("Their content was deleted; record it again with: eci-annotate subject withdraw")
    failed = [check for check in found.checks if not check.passed]
    if failed:
        show("Differs", ["subject", "task", "check", "what"], [[c.subject, c.task, c.check, c.detail] for c in failed])
        raise Tampered(f"{len(failed)} of {len(found.checks)} checks failed.", "Create a new backup.")
    say(f"Restored to {target}; {len(found.checks)} checks passed.")
    tell_details(list(found.checks))


@repositories.command("clean-up")
def clean_up(folder: Folder) -> None:
    """Remove content that nothing has referred to for a week, as a service does once a day (owner only)."""
    from eci_annotate.repository.admin.orphans import remove_unused

    _require_owner(folder, "You may not remove content.")
    say(f"Removed {remove_unused(local(open(folder)))} files that nothing refers to.")


@repositories.command("seal-images")
def seal_images(folder: Folder, project: Project = None) -> None:
    """Seal images that release 0.1 took in again, with their headers. Exit code 1 when one is refused."""
    from eci_annotate.repository.admin.seal_images import seal_images as seal_again

    repository = open(folder)
    with progress() as tell:
        done = seal_again(local(repository), chosen(repository, project), tell)
    say(f"Sealed the images of {len(done.sealed)} subjects; {len(done.before)} were sealed with headers before.")
    if done.refused:
        show("Refused", ["subject", "why"], [[name, why] for name, why in done.refused.items()])
        raise Tampered(f"The images of {len(done.refused)} subjects were not sealed.", "Restore them from a backup.")
