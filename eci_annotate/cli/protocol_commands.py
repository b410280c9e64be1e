"""`eci-annotate hanging explain|proposals|publish|decline`: try out a protocol, decide what members propose for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.pipeline_commands import Case, case_named
from eci_annotate.cli.terminal import Folder, Project, local, open, say, show
from eci_annotate.cli.terminal import project as project_named

hangings = typer.Typer(help="Try out hanging protocols, and decide proposals for them.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Number of the proposal in the list of `hanging proposals`.")]


@hangings.command("explain")
def explain(
    case: Case,
    folder: Annotated[Path, typer.Argument(help="A folder of DICOM files of one subject.", exists=True)],
) -> None:
    """Show for each slot which series was chosen and why, the runner-up, and what is missing."""
    from eci_annotate.dicom.images.study import folder_headers
    from eci_annotate.workflow.usecase import protocol_words

    found = case_named(case)
    headers = folder_headers(folder)
    hanging = found.hang([header for _, header in headers])
    names = {str(header["series_uid"]): name for name, header in headers}
    show(found.title, ["slot or series", "choice"], [list(row) for row in protocol_words.explain(hanging, names)])
    for stage in hanging.stages:
        rows = " | ".join(" ".join(f"{cell.title} {cell.plane}" for cell in row) for row in stage.rows)
        say(f"{stage.title}: {rows}")


@hangings.command("proposals")
def proposals(folder: Folder, project: Project = None) -> None:
    """List what members propose for the hanging protocol, with the evidence. For owners of a project."""
    from eci_annotate.repository.layout.protocol_proposals import evidence_in_words, evidence_of, protocol_proposals

    repository = open(folder)
    name, backend = project_named(repository, project), local(repository)
    rows = []
    found = protocol_proposals(backend, name)
    for number, (each, evidence) in enumerate(zip(found, evidence_of(backend, name, found), strict=True), 1):
        members, subjects = ", ".join(each.members), ", ".join(each.subjects)
        rows.append([number, each.title, each.words, members, subjects, evidence_in_words(evidence)])
    show("Proposals", ["number", "slot", "series", "by", "seen in", "evidence"], rows)


@hangings.command("publish")
def publish(folder: Folder, number: Number, project: Project = None) -> None:
    """Publish the hanging protocol with a proposal as its next version. New subjects will use it. For owners."""
    from eci_annotate.repository.layout.protocol_proposals import proposal_at, protocol_proposals, publish_proposal

    repository = open(folder)
    name, backend = project_named(repository, project), local(repository)
    chosen = proposal_at(protocol_proposals(backend, name), number)
    publish_proposal(backend, name, chosen)
    say(f"Published: {chosen.title} takes series with {chosen.words} first. New subjects will use it.")


@hangings.command("decline")
def decline(
    folder: Folder,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; it is in the audit trail.")],
    project: Project = None,
) -> None:
    """Decline a proposal. Members who proposed it keep it for themselves. For owners."""
    from eci_annotate.repository.layout.protocol_proposals import decline_proposal, proposal_at, protocol_proposals

    repository = open(folder)
    name, backend = project_named(repository, project), local(repository)
    decline_proposal(backend, name, proposal_at(protocol_proposals(backend, name), number), reason)
    say("Declined.")
