"""`eci-annotate hanging explain`: which series of a folder goes where in a use case's hanging protocol, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.pipeline_commands import Case, case_named
from eci_annotate.cli.terminal import say, show

hangings = typer.Typer(help="Try out hanging protocols.", no_args_is_help=True)


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
