"""Which repository a notebook means that names none: the environment says, else the demo beside it."""

from __future__ import annotations

import os
from pathlib import Path

from eci_annotate.errors import NotARepository

SERVICE, FOLDER = "ECI_ANNOTATE_SERVICE", "ECI_ANNOTATE_REPOSITORY"
DEMO = "demo"


def usual_address() -> str | Path:
    """The address in `ECI_ANNOTATE_SERVICE` or `ECI_ANNOTATE_REPOSITORY`, else the folder ``demo`` here or one up.

    Raises
    ------
    NotARepository
        There is none.
    """
    for name in (SERVICE, FOLDER):
        if given := os.environ.get(name, "").strip():
            return given
    for folder in (Path(DEMO), Path("..") / DEMO):
        if (folder / "eci.json").is_file():
            return folder
    remedy = f"Set {FOLDER} to a repository's folder or {SERVICE} to a service's address, or name one: open('demo')."
    raise NotARepository("It is not said which repository to open, and there is no demo here.", remedy)
