"""`eci-annotate usecase new|check|draw|test|preview|publish`: make a use case by copying one, try it, publish it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.page_server import VOILA, NoBrowser, Port, serve
from eci_annotate.cli.terminal import Folder, Project, local, open, progress, say, show
from eci_annotate.cli.terminal import project as project_named
from eci_annotate.errors import BadUseCase, Refused

pipelines = typer.Typer(help="Make use cases; check, draw and try them out.", no_args_is_help=True)
Case = Annotated[str, typer.Argument(help="A use-case folder, or the name of a shipped one.")]


def case_named(name: str):  # type: ignore[no-untyped-def]
    """Return the use case of a folder, or a shipped one."""
    from eci_annotate.workflow.usecase.usecase import UseCase, use_case_folder

    return UseCase.from_folder(use_case_folder(name))


@pipelines.command("check")
def check(case: Case) -> None:
    """Check whether the use case can be published; the first problem is named with its remedy."""
    found = case_named(case)
    say(f"{found.title}: {len(found.pipeline)} tasks, form with {len(found.questions)} questions. No problems found.")


@pipelines.command("draw")
def draw(
    case: Case,
    out: Annotated[
        Path | None, typer.Option(help="Also write it here: a picture (.svg), or the graph as Mermaid text.")
    ] = None,
) -> None:
    """Draw the pipeline: what comes after what, by whom, how many readers."""
    from eci_annotate.workflow.usecase.pipeline_svg import to_svg
    from eci_annotate.workflow.usecase.pipeline_text import to_mermaid, to_text

    found = case_named(case)
    say(to_text(found.pipeline))
    if out:
        picture = out.suffix == ".svg"
        out.write_text((to_svg if picture else to_mermaid)(found.pipeline), encoding="utf-8")
        say(f"Wrote {out}; any {'browser' if picture else 'Mermaid viewer, and GitHub,'} shows it.")


@pipelines.command("test")
def test(case: Case) -> None:
    """Run one subject through all tasks in memory, with a member for each role, and place its synthetic series."""
    from eci_annotate.demo.case_preview import placements
    from eci_annotate.demo.phantoms.plan import FILE
    from eci_annotate.workflow.pipeline_trial import walk
    from eci_annotate.workflow.usecase.usecase import use_case_folder

    rows = [[step.task, step.by, step.role, step.status] for step in walk(case_named(case))]
    show("A subject's way", ["task", "by", "role", "then"], rows)
    say("Every task was reached and signed.")
    folder = use_case_folder(case)
    if not (folder / FILE).is_file():
        say(f"There is no {FILE}: the hanging protocol was not tried.")
        return
    found = placements(folder)
    lines = [[each.description, each.belongs or "-", ", ".join(each.placed) or "-"] for each in found]
    show("The synthetic patient", ["series", "belongs to", "placed in"], lines)
    if wrong := [each.description for each in found if not each.right]:
        listed = ", ".join(wrong)
        raise BadUseCase(f"Placed in another slot than they belong to: {listed}.", f"Correct hanging.yaml or {FILE}.")
    say("Every series is placed where it belongs.")


@pipelines.command("new")
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make; its name becomes the use case's.")],
    like: Annotated[str, typer.Option(help="Use case to copy: a folder, or the name of a shipped one.")] = "liver-ct",
) -> None:
    """Copy a use case into a new folder, to be changed there."""
    from eci_annotate.workflow.usecase.copy_use_case import copy_use_case

    made = copy_use_case(like, folder)
    say(f"Made {made}. Change its files, then: eci-annotate usecase check {folder}")


@pipelines.command("preview")
def preview(case: Case, port: Port = 0, no_browser: NoBrowser = False) -> None:
    """Open the use case in the browser with its synthetic patient: form, hanging protocol, tools, signature.

    What is drawn and signed there is discarded when the command is stopped with Ctrl + C.
    """
    from eci_annotate.cli.open_command import environment_for, subject_page
    from eci_annotate.demo.case_preview import SUBJECT, make_preview
    from eci_annotate.workflow.usecase.usecase import use_case_folder

    VOILA.require()
    with tempfile.TemporaryDirectory(prefix="eci-preview-") as name:
        place = Path(name)
        with progress() as tell:
            repository = make_preview(use_case_folder(case), place, tell)
        serve(VOILA, subject_page(place, SUBJECT), environment_for(str(repository)), port, no_browser)


@pipelines.command("publish")
def publish(
    case: Case,
    folder: Folder,
    project: Project = None,
    other: Annotated[
        bool, typer.Option(help="Also where the project has followed another use case until now.")
    ] = False,
) -> None:
    """Publish a changed use case in a project, for its owner. Subjects that are enrolled later follow it.

    Tasks of subjects that are enrolled already keep the form and pipeline that they began with.
    """
    from eci_annotate.repository.admin.new_project import publish as publish_case

    found, repository = case_named(case), open(folder)
    name = project_named(repository, project)
    before = repository.backend.account.use_case(name)
    if before.digest == found.digest:
        say(f"{name!r} follows exactly this version of {found.name} already.")
        return
    if before.name != found.name and not other:
        raise Refused(f"{name!r} follows {before.name!r}, not {found.name!r}.", "Add --other if that is meant.")
    publish_case(local(repository), name, found)
    say(f"Published {found.title} in {name!r}. New subjects will use it.")
