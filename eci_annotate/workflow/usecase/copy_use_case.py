"""A new use case from an existing one: its files, under a name of its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.usecase.usecase import UseCase, use_case_folder

NAME = re.compile(r"[a-z][a-z0-9-]*")


def copy_use_case(like: str | Path, folder: str | Path) -> Path:
    """Copy the files of a use case into a new folder, whose name becomes the name of the new one.

    Parameters
    ----------
    like
        A folder, or the name of a shipped use case.
    folder
        Folder to make.

    Raises
    ------
    BadUseCase
        If there is nothing to copy, the folder exists, or its name is no name for a use case.
    """
    source, target = use_case_folder(like), Path(folder)
    UseCase.from_folder(source)
    if not NAME.fullmatch(target.name):
        raise BadUseCase(f"{target.name!r} is no name for a use case.", "Use small letters, digits and hyphens.")
    if target.exists():
        raise BadUseCase(f"{target} exists already.", "Name a new folder.")
    shutil.copytree(source, target)
    text = (target / "usecase.yaml").read_text(encoding="utf-8")
    renamed = re.sub(r"(?m)^name: .*$", f"name: {target.name}", text, count=1)
    (target / "usecase.yaml").write_text(renamed, encoding="utf-8")
    return target
