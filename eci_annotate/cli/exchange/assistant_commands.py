"""`eci-annotate assistant add|list|report|remove`: the model servers to which images of a project may go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import Folder, Project, local, open, say, show
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import EciError, Refused

assistant_group = typer.Typer(
    help="Models on other machines that propose annotations: add, list, report, remove.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="A name for the server, which users read.")]


@assistant_group.command("add")
def add(
    folder: Folder,
    name: Name,
    kind: Annotated[str, typer.Option(help="nninteractive or monailabel.")],
    url: Annotated[str, typer.Option(help="Its address. Images of the project are sent there.")],
    project: Project = None,
    model: Annotated[str, typer.Option(help="Of a MONAI Label server: name of the model.")] = "",
    key_file: Annotated[Path | None, typer.Option(help="File with its key, if it needs one.", exists=True)] = None,
) -> None:
    """Allow a model server for a project, or change it (owner only). Images that annotators ask about go there."""
    from eci_annotate.repository.assistants.assistant_servers import AssistantServer, ServerKind, allow_server

    repository = open(folder)
    where, backend = chosen(repository, project), local(repository)
    if kind not in set(ServerKind):
        raise Refused(f"Unknown kind of server {kind!r}.", f"Kinds are {', '.join(ServerKind)}.")
    key = key_file.read_text().strip() if key_file else ""
    who = backend.account.actor.name
    allow_server(backend, AssistantServer(name, where, ServerKind(kind), url, model, key, who))
    say(f"Added {name}. Images of {where} go to {url} when an annotator asks it. See: eci-annotate assistant list")


@assistant_group.command("list")
def list_(folder: Folder, project: Project = None) -> None:
    """List the model servers of a project, and whether each answers."""
    from eci_annotate.repository.assistants.assistant_servers import allowed_servers, connect_assistant

    repository = open(folder)
    where = chosen(repository, project)
    rows = []
    for each in allowed_servers(local(repository), where):
        try:
            assistant = connect_assistant(each)
            prompts = assistant.describe(each.name).prompts
            state = f"understands {', '.join(prompts) or 'no prompts'}"
            assistant.close()
        except EciError as error:
            state = error.what
        rows.append([each.name, each.kind.value, each.url, each.model, each.by, state])
    show(f"Model servers of {where}", ["name", "kind", "address", "model", "allowed by", "state"], rows)


@assistant_group.command("report")
def report(folder: Folder, project: Project = None) -> None:
    """Show how many signed annotations began as a proposal of a tool or model, and how much was changed (Dice)."""
    from eci_annotate.repository.assistants.proposal_report import proposal_summary, proposal_table

    repository = open(folder)
    where = chosen(repository, project)
    found = proposal_summary(proposal_table(repository, where))
    rows = [["" if each != each else each for each in row] for row in found.values.tolist()]
    show(f"Proposals in {where}", [name.replace("_", " ") for name in found.columns], rows)


@assistant_group.command("remove")
def remove(folder: Folder, name: Name, project: Project = None) -> None:
    """Remove a model server (owner only). No image goes there any more."""
    from eci_annotate.repository.assistants.assistant_servers import remove_server

    repository = open(folder)
    remove_server(local(repository), chosen(repository, project), name)
    say(f"Removed {name}.")
