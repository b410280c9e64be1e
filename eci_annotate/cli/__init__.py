"""The command `eci-annotate`: it parses, calls the repository, and prints. Every refusal is one line and exit code 1.

What is heavy is imported when a command runs, so that `--help` comes at once.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eci_annotate.cli.agreement_commands import agreement
from eci_annotate.cli.deid_commands import deidentify, site_key
from eci_annotate.cli.demo_command import demo
from eci_annotate.cli.exchange.assistant_commands import assistant_group
from eci_annotate.cli.exchange.sync_commands import sync
from eci_annotate.cli.export_command import export
from eci_annotate.cli.held_commands import held, tell_import
from eci_annotate.cli.hub_commands import hub
from eci_annotate.cli.key_commands import key_care
from eci_annotate.cli.member_commands import add_from_hub, hub_members
from eci_annotate.cli.open_command import open_subject
from eci_annotate.cli.pipeline_commands import pipelines
from eci_annotate.cli.prepare_command import prepare
from eci_annotate.cli.project_commands import project_group
from eci_annotate.cli.protocol_commands import hangings
from eci_annotate.cli.repository_commands import repositories
from eci_annotate.cli.site_commands import site
from eci_annotate.cli.subject_commands import audit, keys, subjects
from eci_annotate.cli.terminal import (
    Folder,
    Project,
    Version,
    for_its_owner,
    open,
    progress,
    projects,
    say,
    service,
    show,
    tell_details,
    tell_refusal,
)
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import EciError, NotFound, StoreUnavailable, Tampered
from eci_annotate.workflow.actor import Role

if TYPE_CHECKING:
    from eci_annotate.repository.backend import Check

app = typer.Typer(
    name="eci-annotate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
members = typer.Typer(help="Manage project members.", no_args_is_help=True)
GROUPS = {
    "member": members, "usecase": pipelines, "pipeline": pipelines, "hanging": hangings, "subject": subjects,
    "key": keys, "hub": hub, "held": held, "repository": repositories, "site": site, "sync": sync,
    "project": project_group, "assistant": assistant_group,
}  # fmt: skip
for name, group in GROUPS.items():
    app.add_typer(group, name=name)
for command in (export, audit, agreement, deidentify, site_key, prepare, demo):
    app.command()(command)
app.command("open")(open_subject)


@app.callback()
def program(version: Version = False) -> None:
    """Annotate medical images in Jupyter: repositories, subjects, tasks, signed versions."""


def main() -> None:
    """Run the command; a refusal is printed as one line with its remedy."""
    try:
        app(prog_name="eci-annotate")
    except EciError as error:
        tell_refusal(error)
        sys.exit(1)
    except OSError as error:  # without the path, which may name a patient
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        tell_refusal(StoreUnavailable(f"The operating system refused: {reason}.", "Check disk space and permissions."))
        sys.exit(1)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    project: Annotated[str, typer.Option(help="The project's name.")] = "liver-ct",
    member: Annotated[str, typer.Option(help="Your name here: letters, digits, '_', '-' and '.'.")] = "",
    site: Annotated[str, typer.Option(help="Your site's short name, part of the pseudonyms.")] = "LOCAL",
    use_case: Annotated[str, typer.Option(help="A shipped use case or a folder; by default the project's name.")] = "",
    postgres: Annotated[str, typer.Option(help="Store events in this database, e.g. postgresql://user@host/db.")] = "",
    secret: Annotated[str, typer.Option(help="The signing secret.", envvar="ECI_ANNOTATE_SECRET")] = "",
    encrypt_images: Annotated[bool, typer.Option("--encrypt-images", help="Store DICOM files encrypted.")] = False,
) -> None:
    """Make a repository with one project, and a first member with a key file (mode 0600)."""
    from getpass import getuser

    from eci_annotate.repository.admin.create import create_repository

    name = member or getuser()
    key = create_repository(
        folder,
        project=project,
        member=name,
        site=site,
        use_case=use_case,
        secret=secret,
        dsn=postgres,
        encrypt_images=encrypt_images,
    )
    say(f"Made {folder} with project {project!r}. Your key is {key}: anybody who has it can act as you.")
    say(f"Next: eci-annotate import {folder} DICOM_FOLDER")


@app.command("import")
def import_(
    folder: Folder,
    sources: Annotated[list[Path], typer.Argument(help="Folders or files of DICOM.", exists=True)],
    project: Project = None,
    site: Annotated[str, typer.Option(help="Site of the subjects; by default yours.")] = "",
    accept_identified: Annotated[
        bool, typer.Option("--accept-identified", help="Take files in that may identify their patients.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Also write what was done to this file, as JSON.")] = None,
) -> None:
    """Import DICOM folders: one subject ECI_<SITE>_S0001 ... per patient. Lists skipped files with the reason."""
    from eci_annotate.repository.admin.import_dicom import import_folders
    from eci_annotate.repository.local.backend import LocalBackend

    repository = open(folder)
    backend = repository.backend
    assert isinstance(backend, LocalBackend)
    site = site or backend.account.actor.site
    where = chosen(repository, project)
    with progress() as tell:
        outcome = import_folders(
            backend, sources, project=where, site=site, progress=tell, accept_identified=accept_identified
        )
    if report:
        report.write_text(json.dumps(asdict(outcome), indent=1), encoding="utf-8")
    tell_import(outcome)


@app.command()
def worklist(folder: Folder, project: Project = None) -> None:
    """List the tasks that you may start now, and those you hold."""
    table = open(folder).worklist(project)
    show("Worklist", list(table.columns), table.values.tolist())


@app.command()
def verify(
    folder: Annotated[
        Path,
        typer.Argument(help="A repository, a folder that export made, or a signed DICOM file.", callback=for_its_owner),
    ],
    project: Project = None,
    trust: Annotated[
        Path | None, typer.Option(help="Certificate (PEM) of the authority to trust.", exists=True)
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="DICOM files, to be compared with what an export rests on.", exists=True)
    ] = None,
) -> None:
    """Recompute everything signed: chains, seals, signatures, blobs, files, pixels. Exit code 1 when any differs.

    An exported folder is verified offline, and needs --trust: the certificate comes from elsewhere. Of a DICOM file
    the digital signatures are verified, which cover all of its content.
    A repository is its own authority unless another is given; it keeps its certificate in authority/ca.pem.
    """
    from eci_annotate.repository.verify_export import is_export, verify_exported, verify_file

    anchors = (trust.read_text(),) if trust else ()
    if folder.is_file():
        _tell_verified(verify_file(folder, anchors), True)
        return
    offline = not (folder / "eci.json").exists() and is_export(folder)
    if images and not offline:
        raise NotFound("A repository has its own images.", "Leave out --images, or give a folder that export made.")
    checks = verify_exported(folder, anchors, images) if offline else _verified(folder, project, anchors)
    _tell_verified(checks, bool(trust))


def _tell_verified(checks: list[Check], judged: bool) -> None:
    failed = [[c.subject, c.task, c.version, c.check, c.detail] for c in checks if not c.passed]
    if failed:
        show("Differs", ["subject", "task", "version", "check", "what"], failed)
        raise Tampered(f"{len(failed)} of {len(checks)} checks failed.", "Restore the named parts from a backup.")
    say(f"{len(checks)} checks of {len({c.subject for c in checks if c.subject})} subjects passed.")
    tell_details(checks)
    if not judged:
        say("Verified against the repository's own certificate authority. Use --trust CA.pem for another.")


def _verified(folder: Path, project: str | None, anchors: tuple[str, ...]) -> list[Check]:
    from eci_annotate.repository.backend import every_subject

    repository = open(folder)
    checks: list[Check] = []
    with progress() as tell:
        subjects = [s for name in projects(repository, project) for s in every_subject(repository.backend, name)]
        for number, seen in enumerate(subjects, 1):
            checks += repository.backend.trail.verify(seen.project, seen.subject, anchors)
            tell("Verifying subjects", number, len(subjects))
    return checks + service(repository).upkeep.prove()


@members.command("add")
def member_add(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="The new member's name.")],
    role: Annotated[list[str] | None, typer.Option(help="owner, annotator, reviewer ...; repeatable.")] = None,
    project: Project = None,
    site: Annotated[str, typer.Option(help="The member's site; by default yours.")] = "",
    sites: Annotated[list[str] | None, typer.Option(help="Works on subjects of this site only; repeatable.")] = None,
    secret: Annotated[
        str, typer.Option(help="Your signing secret, if you chose one.", envvar="ECI_ANNOTATE_SECRET")
    ] = "",
    hub: Annotated[bool, typer.Option("--hub", help="The member logs in at the hub: no key file.")] = False,
) -> None:
    """Add a member with their own key. Give them the key file; they set ECI_ANNOTATE_CREDENTIAL to its path."""
    from eci_annotate.repository.admin.create import add_member
    from eci_annotate.repository.keys.repository_folder import find

    repository = open(folder)
    roles = tuple(role or [Role.ANNOTATOR])
    where = chosen(repository, project)
    site = site or repository.backend.account.actor.site
    if hub:
        add_from_hub(repository, where, name, roles, site, tuple(sites or ["*"]))
        return
    key = add_member(
        repository,
        find(folder),
        name,
        project=where,
        roles=roles,
        site=site,
        sites=tuple(sites or ["*"]),
        secret=secret,
    )
    say(f"Added {name} as {', '.join(roles)}. Give {key} to {name} alone; then: export ECI_ANNOTATE_CREDENTIAL={key}")


for about_members in hub_members:
    members.command()(about_members)
for care in key_care:
    keys.command()(care)


@members.command("list")
def member_list(folder: Folder, project: Project = None) -> None:
    """List the members."""
    repository = open(folder)
    where = chosen(repository, project)
    rows = [[m.name, m.site, ", ".join(m.roles)] for m in repository.backend.account.members(where)]
    show(f"Members of {where}", ["name", "site", "roles"], rows)


@app.command()
def phantom(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    kind: Annotated[str, typer.Option(help="axial, oblique, anisotropic, mr or tiny.")] = "axial",
) -> None:
    """Write a synthetic DICOM study with known lesions, for tests and workshops."""
    from eci_annotate.dicom.phantom import write_phantom

    with progress() as tell:
        paths = write_phantom(folder, kind, progress=lambda done, of: tell("Writing", done, of))
    say(f"Wrote a phantom of kind {kind!r}: {len(paths)} files in {folder}.")


@app.command()
def rehearse(
    folder: Folder,
    kind: Annotated[str, typer.Option(help="axial, oblique, anisotropic, mr or tiny.")] = "oblique",
    site: Annotated[str, typer.Option(help="Short name of the site, part of the pseudonym.")] = "TEST",
    project: Project = None,
) -> None:
    """Import a phantom, annotate it with recorded gestures, and sign, to show what signed work looks like."""
    from eci_annotate.demo.rehearsal import rehearse as carry_through

    repository = open(folder)
    signed = carry_through(repository, kind=kind, project=chosen(repository, project), site=site)
    say(f"Signed version {signed.version} of 'annotate' for {signed.subject}.")


if __name__ == "__main__":
    main()
