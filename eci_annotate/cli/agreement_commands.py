"""`eci-annotate agreement`: how well readers agree, as a table and as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eci_annotate.cli.terminal import Folder, Project, open, say, show
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.workflow.cell_text import csv_cell


def agreement(
    folder: Folder,
    project: Project = None,
    task: Annotated[str, typer.Option(help="A task, or a group of readings.")] = "annotate",
    tolerance: Annotated[float, typer.Option(help="Of the surface Dice, mm.", min=0)] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Write CSV here; each lesion goes to NAME-pairs.csv.")] = None,
) -> None:
    """Show how well the signed readings of a task agree: ICC, kappa, Dice, HD95, with 95 % intervals.

    Only what you may see is used; lesions that one reader alone has are counted.
    """
    repository = open(folder)
    found = repository.agreement(project=chosen(repository, project), task=task, tolerance_mm=tolerance)
    for each in found.comparisons:
        rows = found.table[found.table["comparison"] == each.name].drop(columns=["comparison", "kind"])
        show(
            f"{each.name}: {each.counted}",
            list(rows.columns),
            [[_short(value) for value in row] for row in rows.values.tolist()],
        )
    for note in [*found.notes, *_alone(len(found.missing))]:
        say(note)
    if out:
        found.table.map(csv_cell).to_csv(out, index=False)
        lesions = out.with_name(f"{out.stem}-pairs.csv")
        found.pairs.map(csv_cell).to_csv(lesions, index=False)
        say(f"Wrote {out} and {lesions}.")


def _alone(count: int) -> list[str]:
    return [f"{count} lesions are in one of two readings alone; --out lists them."] if count else []


def _short(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.2f}"
    return str(value)
