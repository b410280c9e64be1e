"""`eci-annotate usecase new|check|draw|test`: make a use case by copying one, try it out, and draw it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import say, show

pipelines = typer.Typer(help="Make use cases; check, draw and try them out.", no_args_is_help=True)
Case = Annotated[str, typer.Argument(help="A use-case folder, or the name of a shipped one.")]


def case_named(name: str):  # type: ignore[no-untyped-def]
    """Return the use case of a folder, or a shipped one."""
    from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case

    return UseCase.from_folder(name) if Path(name).is_dir() else shipped_use_case(name)


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
    """Run one subject through all tasks in memory, with a member for each role."""
    from eci_annotate.workflow.pipeline_trial import walk

    rows = [[step.task, step.by, step.role, step.status] for step in walk(case_named(case))]
    show("A subject's way", ["task", "by", "role", "then"], rows)
    say("Every task was reached and signed.")


@pipelines.command("new")
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make; its name becomes the use case's.")],
    like: Annotated[str, typer.Option(help="Use case to copy: a folder, or the name of a shipped one.")] = "liver-ct",
) -> None:
    """Copy a use case into a new folder, to be changed there."""
    from eci_annotate.workflow.usecase.copy_use_case import copy_use_case

    made = copy_use_case(like, folder)
    say(f"Made {made}. Change its files, then: eci-annotate usecase check {folder}")
