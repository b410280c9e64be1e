"""`eci-annotate subject`, `audit` and `key`: what data managers, auditors and signers do at the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eci_annotate.cli.terminal import Folder, Project, local, open, projects, say, show
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import Refused, Tampered
from eci_annotate.workflow.cell_text import csv_cell

if TYPE_CHECKING:
    from eci_annotate.imaging.annotation import Annotation
    from eci_annotate.repository.repository import Repository


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; Refused if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"{path.name} cannot be read as JSON.", "Check the file.") from error
    if not isinstance(found, dict):
        raise Refused(f"{path.name} holds no answers.", 'Write an object, as in {"image_quality": "good"}.')
    return found


subjects = typer.Typer(
    help="Subjects of a project: list, include, exclude, adopt annotations, withdraw.", no_args_is_help=True
)
keys = typer.Typer(help="Your signing key: its secret, its certificate.", no_args_is_help=True)
Subject = Annotated[str, typer.Argument(help="The subject's pseudonym.")]
Reason = Annotated[str, typer.Option(help="The reason; stored permanently. No names.")]


@subjects.command("list")
def list_(
    folder: Folder,
    project: Project = None,
    site: Annotated[str, typer.Option(help="Only of this site.")] = "",
    cohort: Annotated[str, typer.Option(help="Only of this cohort.")] = "",
    stage: Annotated[str, typer.Option(help="Only in this stage.")] = "",
    contains: Annotated[str, typer.Option(help="Only pseudonyms that contain this.")] = "",
    included: Annotated[bool | None, typer.Option("--included/--excluded", help="Only these.")] = None,
    live: Annotated[bool | None, typer.Option("--live/--test", help="Only these.")] = None,
    sort: Annotated[str, typer.Option(help="subject, site, cohort, stage or progress.")] = "subject",
    page: Annotated[int, typer.Option(help="Which page of 20.", min=1)] = 1,
) -> None:
    """Show subjects with their stage and progress: ● signed, ◐ open, ○ ready, · blocked."""
    from eci_annotate.repository.backend import SubjectQuery
    from eci_annotate.repository.subject_table import subject_table

    repository = open(folder)
    filters = (contains, site, cohort, stage, included, live)
    query = SubjectQuery(*filters, sort=sort, offset=20 * (page - 1))
    for name in projects(repository, project):
        table, total = subject_table(repository.backend, name, query)
        said = f"{name}: {total} subject{'' if total == 1 else 's'}, page {page} (● signed, ◐ open, ○ ready, · blocked)"
        show(said, list(table.columns), table.values.tolist())


@subjects.command("set")
def set_(
    folder: Folder,
    subject: Subject,
    project: Project = None,
    included: Annotated[bool | None, typer.Option("--include/--exclude")] = None,
    live: Annotated[bool | None, typer.Option("--live/--test")] = None,
    cohort: Annotated[str | None, typer.Option(help="Its cohort; empty: none.")] = None,
    reason: Reason = "",
) -> None:
    """Include or exclude a subject, set its cohort, live or test."""
    from eci_annotate.workflow.subject.commands import Describe

    repository = open(folder)
    where = chosen(repository, project)
    seen = repository.backend.do(Describe(where, subject, included, live, cohort, reason))
    assert seen is not None
    say(f"{subject}: {'included' if seen.included else 'excluded'}, {'live' if seen.live else 'test'}, {seen.cohort}")


def _annotations(repository: Repository, project: str, subject: str, files: Sequence[Path]) -> list[Annotation]:
    """Read annotation files about a subject, whose images say where regions on pixels are."""
    from functools import partial

    from eci_annotate.repository.external.adopt_annotations import read_annotations
    from eci_annotate.repository.external.study_objects import volume_of_image

    studies = repository.studies(subject, project=project)
    locate = partial(volume_of_image, studies, lambda uid: repository.volume(uid, subject=subject, project=project))
    return [each for path in files for each in read_annotations(path, locate)]


@subjects.command("adopt")
def adopt_(
    folder: Folder,
    subject: Subject,
    files: Annotated[list[Path], typer.Argument(help="RTSTRUCT, DICOM SEG or SR files.")],
    task: Annotated[str, typer.Option(help="The task, as the worklist names it.")],
    source: Annotated[str, typer.Option(help="Model or program with its version, as in nnunet/2.5.")],
    project: Project = None,
    series: Annotated[str, typer.Option(help="UID of their series, if the files name none of the subject.")] = "",
) -> None:
    """Put annotations of a model or of another program into your draft of a task, to be corrected and signed."""
    from eci_annotate.repository.external.adopt_annotations import adopt

    repository = open(folder)
    where = chosen(repository, project)
    found = _annotations(repository, where, subject, files)
    held = repository.start(subject, task, project=where)
    try:
        adopt(held, found, source, series_uid=series)
    finally:
        held.release()
    show(f"{task} of {subject}: added to your draft", ["label", "kind"], [[each.label, each.kind] for each in found])


@subjects.command("control")
def control(
    folder: Folder,
    subject: Subject,
    files: Annotated[list[Path] | None, typer.Argument(help="RTSTRUCT, DICOM SEG or SR files of lesions.")] = None,
    answers: Annotated[Path | None, typer.Option(help="JSON file with known answers of the form.")] = None,
    task: Annotated[str, typer.Option(help="The task whose readings are compared.")] = "annotate",
    project: Project = None,
    without_lesions: Annotated[bool, typer.Option("--without-lesions", help="It is known to have none.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Make it an ordinary subject again.")] = False,
) -> None:
    """Make a subject a control case, for owners: its readings are compared with what is known, and no reader can tell.

    The page Quality of a service, and eci.ControlCases in Python, show the results.
    """
    from eci_annotate.repository.analysis.control_cases import ControlCases

    repository = open(folder)
    where = chosen(repository, project)
    cases = ControlCases(repository, where)
    if remove:
        cases.unmark(subject)
        say(f"{subject} is no control case.")
        return
    lesions = _annotations(repository, where, subject, files) if files else [] if without_lesions else None
    cases.mark(subject, lesions, read_json(answers) if answers else {}, task=task)
    known = "its answers" if lesions is None else f"{len(lesions)} lesion{'s' * (len(lesions) != 1)}"
    say(f"{subject} is a control case; known: {known}.")


@subjects.command("withdraw")
def withdraw(
    folder: Folder,
    subject: Subject,
    reason: Reason,
    project: Project = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Carry out a withdrawal of consent: images, drafts and annotations are destroyed permanently.

    Images that another project shares stay until it withdraws the subject too.
    """
    from eci_annotate.workflow.subject.commands import Withdraw

    repository = open(folder)
    if not yes:
        typer.confirm(f"Destroy all content of {subject} in this project?", abort=True)
    repository.backend.do(Withdraw(chosen(repository, project), subject, reason))
    say(f"The content of {subject} in this project was destroyed; the audit trail is kept. See: eci-annotate verify")


def audit(
    folder: Folder,
    project: Project = None,
    subject: Annotated[str, typer.Option(help="Only of this subject.")] = "",
    by: Annotated[str, typer.Option(help="Only by this member.")] = "",
    what: Annotated[str, typer.Option(help="Only what contains this, e.g. signed, read, refused.")] = "",
    since: Annotated[str, typer.Option(help="From then on (UTC), e.g. 2026-01-31.")] = "",
    until: Annotated[str, typer.Option(help="Up to then (UTC).")] = "",
    out: Annotated[Path | None, typer.Option(help="Write to this file: .csv, or .jsonl (JSON lines).")] = None,
    prove: Annotated[
        bool, typer.Option(help="Compare with the checkpoints, to show that nothing was removed.")
    ] = False,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Copies of the checkpoints from another place.", exists=True)
    ] = None,
    trust: Annotated[Path | None, typer.Option(help="Certificate (PEM) of the trusted authority.", exists=True)] = None,
) -> None:
    """Show who did, read, exported and was refused what; prove that nothing before the last checkpoint was removed."""
    from eci_annotate.repository.local.audit import AuditQuery

    backend = local(open(folder))
    table = backend.trail.audit(AuditQuery(project or "", subject, by, what, since, until))
    if out:
        text = (
            table.map(csv_cell).to_csv(index=False)
            if out.suffix == ".csv"
            else table.to_json(orient="records", lines=True)
        )
        out.write_text(text, encoding="utf-8")
        say(f"Wrote {len(table)} rows to {out}.")
    elif not prove:
        show("Audit trail", list(table.columns), table.values.tolist())
    if prove or checkpoints:
        checks = backend.trail.check_checkpoints(checkpoints, (trust.read_text(),) if trust else ())
        failed = [check for check in checks if not check.passed]
        if failed or not checks:
            detail = failed[0].detail if failed else "There is no checkpoint."
            raise Tampered(detail, "Compare with a backup and with other copies of the checkpoints.")
        say(f"{len(checks)} checkpoints match; after the last one, {checks[-1].detail}.")


@keys.command("secret")
def secret(folder: Folder) -> None:
    """Set the signing secret (empty: the key file alone opens the signing key)."""
    from eci_annotate.repository.keys.repository_folder import credential, find
    from eci_annotate.repository.keys.signing_keys import change_secret, needs_secret

    layout = find(folder)
    name = open(folder).backend.account.actor.name
    old = typer.prompt("Your secret", hide_input=True) if needs_secret(layout, name) else ""
    new = typer.prompt("The new secret", hide_input=True, confirmation_prompt=True, default="", show_default=False)
    change_secret(layout, name, credential(layout), old, new)
    say("Signing now needs the new secret." if new else "Signing needs no secret: the key file alone opens your key.")


@keys.command("show")
def show_key(folder: Folder, project: Project = None) -> None:
    """Show members' certificates and the authority's fingerprint, for comparison by eye."""
    from eci_annotate.repository.keys.repository_folder import find
    from eci_annotate.workflow.trust.certificates import mark_of, public_pem
    from eci_annotate.workflow.trust.rsa_keys import fingerprint

    repository = open(folder)
    rows = []
    for member in repository.backend.account.members(chosen(repository, project)):
        for pem, since in member.certificates:
            mark = fingerprint(public_pem(pem))
            state = f"revoked {member.revoked[mark]:%Y-%m-%d}" if mark in member.revoked else "valid"
            rows.append([member.name, f"{since:%Y-%m-%d}", mark[:16], state])
    show("Certificates", ["member", "since", "key", "state"], rows)
    say(f"The repository's authority: {mark_of(find(folder).authority.read_text())}")
