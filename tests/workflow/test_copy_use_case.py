"""A new use case is a copied folder with a name of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.usecase.copy_use_case import copy_use_case
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case


def test_a_copy_is_valid_and_has_its_own_name(tmp_path: Path) -> None:
    made = UseCase.from_folder(copy_use_case("mammography", tmp_path / "our-mammography"))
    like = shipped_use_case("mammography")
    assert made.name == "our-mammography" and made.report == like.report and made.manual == like.manual != ""
    assert UseCase.from_blob(made.blob).manual == made.manual


@pytest.mark.parametrize(("like", "name"), [("nothing", "new"), ("liver-ct", "Not a name"), ("liver-ct", ".")])
def test_what_cannot_be_copied_is_refused(tmp_path: Path, like: str, name: str) -> None:
    with pytest.raises(BadUseCase):
        copy_use_case(like, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_every_shipped_use_case_has_a_manual() -> None:
    from eci_annotate.workflow.usecase.usecase import forms_folder

    for path in forms_folder().glob("*/usecase.yaml"):
        manual = shipped_use_case(path.parent.name).manual
        assert manual.startswith("# ") and "## Draw" in manual and "## Sign" in manual
