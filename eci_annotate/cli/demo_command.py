"""`eci-annotate demo`: a sample repository and the notebooks in a folder, opened in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.open_command import environment_for
from eci_annotate.cli.page_server import JUPYTERLAB, VOILA, NoBrowser, Port, serve
from eci_annotate.cli.terminal import for_its_owner, progress, say

FIRST, TASK_APP = "01_annotate.ipynb", "task_app.ipynb"


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the sample is made; may be deleted.")] = Path("eci-demo"),
    app: Annotated[bool, typer.Option("--app", help="Open the task app alone, without JupyterLab around it.")] = False,
    port: Port = 0,
    no_browser: NoBrowser = False,
) -> None:
    """Make a sample repository with synthetic images, put the notebooks next to it, and open the first one.

    The folder then holds demo (the repository) and notebooks. A second call keeps both, with your work in them.
    The page is served on this machine until Ctrl + C, to who has its address.
    """
    from eci_annotate.demo.sample import put_notebooks, sample_repository
    from eci_annotate.repository.keys.repository_folder import CREDENTIAL

    kind, notebook = (VOILA, TASK_APP) if app else (JUPYTERLAB, FIRST)
    kind.require()
    folder.mkdir(parents=True, exist_ok=True)
    for_its_owner(folder / "demo")
    with progress() as tell:
        repository = sample_repository(folder, tell)
    notebooks = put_notebooks(folder)
    say(f"The sample repository is {repository}, the notebooks are in {notebooks}.")
    env = environment_for(str(repository))
    env.pop(CREDENTIAL, None)  # of another repository
    serve(kind, notebooks / notebook, env, port, no_browser)
