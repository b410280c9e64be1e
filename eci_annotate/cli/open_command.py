"""`eci-annotate open`: one subject in its hanging protocol, in the browser, on a page without JupyterLab around it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.page_server import VOILA, NoBrowser, Port, serve
from eci_annotate.errors import NotFound


def open_subject(
    subject: Annotated[str, typer.Argument(help="The subject, for instance ECI_KAU_S0001.")],
    repository: Annotated[
        str, typer.Option(help="Folder or address; by default that of the environment, or ./demo.")
    ] = "",
    port: Port = 0,
    no_browser: NoBrowser = False,
) -> None:
    """Show a subject in its hanging protocol: the task that is yours or ready, else the newest signed version.

    Opening a ready task reserves it for you. The page is served on this machine until Ctrl + C, to who has its address.
    """
    from eci_annotate.repository.default_repository import usual_address

    VOILA.require()
    address = repository or str(usual_address())
    with tempfile.TemporaryDirectory(prefix="eci-open-") as folder:
        page, environment = subject_page(Path(folder), subject), environment_for(address)
        serve(VOILA, page, environment, port, no_browser, lambda: require_subject(address, subject))


def require_subject(address: str, subject: str) -> None:
    """Raise NotFound unless the user may see the subject in some project."""
    from eci_annotate.repository.open_repository import open as open_repository

    backend = open_repository(address).backend
    for project in backend.account.projects():
        try:
            backend.subject(project, subject)
            return
        except NotFound:
            continue
    raise NotFound("Subject not found, or you do not have access to it.", "See: eci-annotate worklist FOLDER.")


def subject_page(folder: Path, subject: str) -> Path:
    """Write a notebook that shows the subject into a folder."""
    page = folder / "subject.ipynb"
    page.write_text(json.dumps(notebook_of(subject)), encoding="utf-8")
    return page


def notebook_of(subject: str) -> dict[str, object]:
    """Return a notebook that shows the subject."""
    source = f"import eci_annotate as eci\n\neci.work(subject={subject!r})"
    cell = {"cell_type": "code", "id": "subject", "metadata": {}, "source": source}
    empty: dict[str, object] = {"outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": [cell | empty], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def environment_for(address: str) -> dict[str, str]:
    """Return the environment in which notebooks open this repository."""
    from eci_annotate.repository.default_repository import FOLDER, SERVICE

    is_service = address.startswith(("http://", "https://"))
    where = {SERVICE: address} if is_service else {FOLDER: str(Path(address).resolve())}
    kept = {name: value for name, value in os.environ.items() if name not in (SERVICE, FOLDER)}
    return kept | where
