"""`eci-annotate project list|new`: the projects of a repository."""

from __future__ import annotations

from typing import Annotated

import typer

from eci_annotate.cli.pipeline_commands import case_named
from eci_annotate.cli.terminal import Folder, Project, local, open, projects, say, service, show

project_group = typer.Typer(help="List and open projects.", no_args_is_help=True)


@project_group.command("list")
def list_(folder: Folder) -> None:
    """List your projects: use case, your roles, subjects."""
    from eci_annotate.repository.backend import SubjectQuery

    backend = open(folder).backend
    actor = backend.account.actor
    rows = [
        [name, backend.account.use_case(name).title, ", ".join(actor.roles[name]), total]
        for name in backend.account.projects()
        for total in [backend.subjects(name, SubjectQuery(size=0)).total]
    ]
    show("Projects", ["project", "use case", "your roles", "subjects"], rows)


@project_group.command("new")
def new(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="Name of the new project: letters, digits, '_', '-' and '.'.")],
    use_case: Annotated[str, typer.Option(help="A shipped use case or a folder; by default the project's name.")] = "",
) -> None:
    """Open another project in the repository; you become its owner. For owners of a project."""
    from eci_annotate.repository.admin.new_project import new_project

    case = case_named(use_case or name)
    new_project(local(open(folder)), name, case)
    say(f"Opened project {name!r} for {case.title}. You are its owner, an annotator and a reviewer.")
    say(f"Next: eci-annotate import {folder} DICOM_FOLDER --project {name}")


@project_group.command("derive")
def derive(folder: Folder, project: Project = None) -> None:
    """Do the derived tasks that are ready, such as copies onto another series. A running service does so by itself.

    The first time, the service becomes a member of the projects that have derived tasks; that needs their owner.
    """
    from eci_annotate.repository.admin.new_project import admit_for_derived

    repository = open(folder)
    for name in projects(repository, project):
        if admit_for_derived(local(repository), name):
            say(f"The service is a member of {name} now.")
    done = service(repository).upkeep.derive()
    say(f"{done} derived tasks were done.")
