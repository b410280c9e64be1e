"""Risky objects are set aside however a policy or a device spells them; what was cut off is incomplete."""

from __future__ import annotations

import random

import pytest

from eci_annotate.deid.deidentify import deidentify
from eci_annotate.deid.policy_file import policy_from
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from tests.deid.planted import KEY, image


@pytest.mark.parametrize(
    ("quarantine", "keyword", "value", "cause"),
    [
        ({"modalities": ["us "]}, "Modality", "US", Cause.MODALITY),
        ({"image_types": ["screen_save"]}, "ImageType", ["DERIVED", "SECONDARY", "SCREEN SAVE"], Cause.SCREEN),
        ({"image_types": ["SCREEN SAVE"]}, "ImageType", ["DERIVED", "SECONDARY", "SCREEN_SAVE"], Cause.SCREEN),
    ],
)
def test_the_spelling_of_a_policy_lets_nothing_through(
    quarantine: dict[str, list[str]], keyword: str, value: object, cause: Cause
) -> None:
    dataset = image(random.Random(1))
    setattr(dataset, keyword, value)
    assert deidentify(dataset, policy_from({"quarantine": quarantine}), Pseudonymiser(KEY)).causes == (cause,)


def test_an_image_that_was_cut_off_before_its_rows_is_incomplete() -> None:
    dataset = image(random.Random(1))
    del dataset.Rows, dataset.PixelData
    assert deidentify(dataset, policy_from({}), Pseudonymiser(KEY)).causes == (Cause.INCOMPLETE,)
