"""`eci-annotate held`: files that may identify patients were held back; an owner decides. And what an import did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from eci_annotate.cli.terminal import Folder, Project, local, open, progress, say, show
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import Refused

if TYPE_CHECKING:
    from eci_annotate.repository.admin.import_dicom import Imported

held = typer.Typer(help="Files that were held back at import: list, release, delete.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Which files, as listed.")]
Reason = Annotated[str, typer.Option(help="The reason; stored permanently. No names.")]


def tell_import(outcome: Imported) -> None:
    """Print what an import did; raises Refused if patients could not be taken in."""
    show("Taken in", ["subject", "files"], [[name, count] for name, count in outcome.subjects.items()])
    if outcome.not_shown:
        rows = [[why, count] for why, count in outcome.not_shown.items()]
        show("Taken in, but cannot be shown as a volume", ["why", "series"], rows)
    if outcome.computed:
        show("Computed", ["slot", "series"], [[title, count] for title, count in outcome.computed.items()])
    if outcome.identified:
        say(f"{outcome.identified} files that may identify their patients were taken in.")
    if outcome.skipped:
        show("Skipped", ["why", "files"], [[why, count] for why, count in outcome.skipped.items()])
    if outcome.held:
        show("Held back", ["why", "files"], [[f"It {why}", count] for why, count in outcome.held.items()])
        say("Nothing of these files is in the archive. Decide about them with: eci-annotate held list|release|delete")
    if outcome.failed:
        why = ", ".join(f"{count} patients ({name})" for name, count in outcome.failed.items())
        raise Refused(f"Not taken in: {why}.", "Check their files; all others were imported.")


@held.command("list")
def list_(folder: Folder) -> None:
    """List files that were held back."""
    from eci_annotate.repository.admin.held_files import held_sets

    rows = [
        [each.id, f"{each.at:%Y-%m-%d %H:%M}", each.by, each.project, each.site, each.files, "; ".join(each.reasons)]
        for each in held_sets(local(open(folder)))
    ]
    if not rows:
        say("No files are held back.")
        return
    show("Held back", ["id", "at (UTC)", "by", "project", "site", "files", "why"], rows)


@held.command()
def release(folder: Folder, id: Id, reason: Reason) -> None:
    """Take held files in, and delete them there (owner only)."""
    from eci_annotate.repository.admin.import_dicom import release_held

    backend = local(open(folder))
    with progress() as tell:
        outcome = release_held(backend, id, reason, tell)
    tell_import(outcome)


@held.command()
def delete(folder: Folder, id: Id) -> None:
    """Delete held files (owner only)."""
    from eci_annotate.repository.admin.held_files import delete_held

    delete_held(local(open(folder)), id)
    say(f"The files {id} were deleted.")


@held.command()
def rule(
    folder: Folder,
    reason: Reason,
    accept: Annotated[bool, typer.Option("--accept/--hold", help="Take such files in from now on, or hold them.")],
    project: Project = None,
) -> None:
    """Decide for a project whether files that may identify patients are taken in (owner only)."""
    from eci_annotate.workflow.subject.commands import AcceptIdentified

    repository = open(folder)
    where = chosen(repository, project)
    repository.backend.do(AcceptIdentified(where, accept, reason))
    say(f"{where} {'accepts' if accept else 'holds back'} files that may identify their patients.")
