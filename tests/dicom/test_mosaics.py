"""Pictures with all slices of a volume side by side are no slice and no volume: their place is that of none."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset

import eci_annotate as eci
from eci_annotate.errors import UnsupportedImages
from tests.dicom.series_maker import SHAPE, make_series

SIEMENS, UIH = ("SIEMENS MR HEADER", 0x19, 0x0A, "US", 9), ("Image Private Header", 0x65, 0x50, "DS", "9")


def with_private(creator: str, group: int, element: int, vr: str, value: object) -> Callable[[Dataset, int], None]:
    return lambda image, _: image.private_block(group, creator, create=True).add_new(element, vr, value)


def named(image: Dataset, _: int) -> None:
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]


@pytest.mark.parametrize("edit", [named, with_private(*SIEMENS), with_private(*UIH)], ids=["named", "siemens", "uih"])
def test_a_mosaic_is_a_picture_without_a_place(tmp_path: Path, edit: Callable[[Dataset, int], None]) -> None:
    files = make_series(tmp_path, edit=edit)
    with pytest.raises(UnsupportedImages, match="side by side"):
        eci.load_series(files)
    stacks = eci.load_stacks(files)
    assert [stack.attrs["stack"] for stack in stacks] == [f"mosaic {n} of 6" for n in range(1, 7)]
    assert all(stack.attrs["kind"] == "projection" and stack.shape == (1, *SHAPE) for stack in stacks)
    assert all(eci.grid_of(stack).origin_lps == (0, 0, 0) for stack in stacks)
    assert len({eci.grid_of(stack).frame_of_reference_uid for stack in stacks}) == 6


@pytest.mark.parametrize(
    "edit", [with_private(*SIEMENS[:4], 1), with_private("OTHER", *SIEMENS[1:])], ids=["one slice", "other creator"]
)
def test_other_series_stay_volumes(tmp_path: Path, edit: Callable[[Dataset, int], None]) -> None:
    assert eci.load_series(make_series(tmp_path, edit=edit)).shape == (6, *SHAPE)
