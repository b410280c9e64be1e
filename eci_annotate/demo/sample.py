"""A sample to start with: a repository of two synthetic livers, one of them signed, and the notebooks next to it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from eci_annotate.demo.rehearsal import rehearse, take_in
from eci_annotate.demo.workshop import opened_as
from eci_annotate.errors import NotARepository, NotFound
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.default_repository import DEMO

PROJECT, SITE, MEMBER = "liver-ct", "KAU", "anna"
SIGNED, WAITS = "oblique", "axial"
NOTEBOOKS = "notebooks"
Tell = Callable[[str, int, int], None]


def sample_repository(folder: Path, tell: Tell) -> Path:
    """Make the repository ``demo`` in a folder if it does not exist.

    It is made beside its place and moved there when it is complete, so that an interrupted call leaves nothing.

    Parameters
    ----------
    folder
        An existing folder.
    tell
        Receives what is done, how much of it, and of how much.

    Returns
    -------
    Path
        The repository's folder.

    Raises
    ------
    NotARepository
        Something else has its place.
    """
    place = folder / DEMO
    if (place / "eci.json").is_file():
        return place
    if place.exists():
        raise NotARepository(f"{DEMO} in this folder is not a repository.", "Choose another folder.")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".demo-") as name:
        made = Path(name) / DEMO
        tell("Making the sample", 0, 3)
        create_repository(made, project=PROJECT, member=MEMBER, site=SITE)
        repo = opened_as(made, MEMBER)
        tell("Making the sample", 1, 3)
        rehearse(repo, kind=SIGNED, project=PROJECT, site=SITE)
        tell("Making the sample", 2, 3)
        take_in(repo, WAITS, PROJECT, SITE)
        made.rename(place)
    tell("Making the sample", 3, 3)
    return place


def notebooks_folder() -> Path:
    """Return the folder of the shipped notebooks: in the package if installed, next to it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / NOTEBOOKS
    return inside if inside.is_dir() else package.parent / NOTEBOOKS


def put_notebooks(folder: Path) -> Path:
    """Write the shipped notebooks without outputs into ``notebooks`` of a folder; keeps those that exist.

    Raises
    ------
    NotFound
        The installation contains no notebooks.
    """
    shipped = sorted(notebooks_folder().glob("*.ipynb"))
    if not shipped:
        raise NotFound("This installation contains no notebooks.", "Install eci-annotate again, from its wheel.")
    target = folder / NOTEBOOKS
    target.mkdir(exist_ok=True)
    for path in shipped:
        if not (target / path.name).exists():
            content = without_outputs(path.read_text(encoding="utf-8"))
            (target / path.name).write_text(content, encoding="utf-8")
    return target


def without_outputs(text: str) -> str:
    """Return a notebook without outputs, counts and the state of widgets."""
    notebook = json.loads(text)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
