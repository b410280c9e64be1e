"""Fusion: a series in colour over another one, at the patient positions of the pixels below, and nowhere else."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import xarray as xr

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.registration.registration import Deformation, Registration
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.stage.browser_messages import Want
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.stage.pane_geometry import PANES
from eci_annotate.viewer.stage.sections.colour_maps import COLOUR_MAPS
from eci_annotate.workflow.usecase.protocol_stages import Fuse

CT, PET, ELSEWHERE = "1.1", "1.2", "1.3"
TURN = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
TURN[0] *= np.linalg.det(TURN)
CT_GRID = Grid.from_arrays((-30, -40, 10), np.eye(3)[::-1], (3, 0.9, 1.1), (12, 60, 50), "9.1")
SIZE = np.array([8 * 4, 13 * 3, 15 * 2.5])  # of the PET, along its own axes: its middle is that of the CT
PET_GRID = Grid.from_arrays(
    np.array([-3, -13, 26]) - SIZE / 2 @ TURN[::-1], TURN[::-1], (4, 3, 2.5), (9, 14, 16), "9.1"
)
RNG = np.random.default_rng(1)
PET_VALUES = RNG.normal(4, 3, PET_GRID.shape).astype(np.float32)


def volume(uid: str, grid: Grid, values: np.ndarray, **attrs: Any) -> xr.DataArray:
    return volume_from_array(values, grid, series_uid=uid).assign_attrs(attrs)


def controller(pet: xr.DataArray | None = None) -> Controller:
    """A viewer with the CT, and the PET over it."""
    known = {
        CT: volume(CT, CT_GRID, RNG.integers(-100, 100, CT_GRID.shape).astype(np.int16)),
        PET: volume(PET, PET_GRID, PET_VALUES, units="SUV") if pet is None else pet,
    }
    easel = Easel(known.__getitem__)
    easel.show(CT)
    one = Controller(easel)
    one.panes.overlays.titles = {PET: "PET"}
    one.panes.arrange(one.panes.layout.lay("", Fuse(PET, 0.5, "viridis")))
    return one


def values_of(order: Send | None, shape: tuple[int, int]) -> np.ndarray:
    """What the browser makes of a slice: values, NaN where nothing is known."""
    assert order is not None
    codes = np.frombuffer(order.buffers[0], "<u2").reshape(shape)
    values = codes * order.message["slope"] + order.message["intercept"]
    return np.where(codes == 0, np.nan, values)


def itk_image(grid: Grid, values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetOrigin(grid.origin_lps)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetDirection(np.asarray(grid.directions)[::-1].T.ravel().tolist())
    return image


def resampled(transform: sitk.Transform | None = None, pet: Grid = PET_GRID) -> np.ndarray:
    """The PET on the grid of the CT, by SimpleITK."""
    ct = itk_image(CT_GRID, np.zeros(CT_GRID.shape, np.float32))
    identity = sitk.Transform(3, sitk.sitkIdentity)
    image = itk_image(pet, PET_VALUES.astype(np.float64))
    return sitk.GetArrayFromImage(sitk.Resample(image, ct, transform or identity, sitk.sitkLinear, np.nan))


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Values within one step of 16 bits; the border within a rounding of positions."""
    known = np.isfinite(expected)
    assert (np.isfinite(found) != known).mean() < 1e-3
    both = known & np.isfinite(found)
    step = (PET_VALUES.max() - PET_VALUES.min()) / 65534
    np.testing.assert_allclose(found[both], expected[both], atol=step / 2 + 1e-3)


@pytest.mark.parametrize("plane", PANES)
def test_what_lies_over_each_pixel_is_what_simpleitk_finds_there(plane: str) -> None:
    one, expected = controller(), resampled()
    stack = one.panes.planes(CT)[plane]
    assert 0.1 < np.isfinite(expected).mean() < 0.9
    for index in range(0, stack.count, 5):
        order = one.panes.slice_order(Want(PET, f"{plane}@{CT}", index))
        assert_same(values_of(order, (stack.rows, stack.cols)), stack.slice_of(expected, index))


def test_a_registration_brings_a_series_of_another_frame_of_reference_to_its_place() -> None:
    moved = Grid.from_arrays(PET_GRID.origin_lps, PET_GRID.directions, PET_GRID.spacing_mm, PET_GRID.shape, "9.2")
    turn = sitk.Euler3DTransform((0, 0, 20), 0.1, -0.2, 0.3, (5, -4, 3))  # from CT to PET, as ITK resamples
    back = np.eye(4)
    back[:3, :3] = np.reshape(turn.GetMatrix(), (3, 3))
    back[:3, 3] = turn.TransformPoint((0, 0, 0))
    one = controller(volume(PET, moved, PET_VALUES))
    assert one.panes.slice_order(Want(PET, f"axial@{CT}", 5)) is None
    for registration in (Registration("9.2", "9.1", np.linalg.inv(back)), Registration("9.1", "9.2", back)):
        one.panes.overlays.registrations = [registration]
        found = values_of(one.panes.slice_order(Want(PET, f"axial@{CT}", 5)), CT_GRID.shape[1:])
        assert_same(one.panes.planes(CT)["axial"].slice_of(resampled(turn, moved), 5), found)


def test_a_deformation_is_used_in_its_own_direction_only() -> None:
    """One that shifts everything alike is the same as a matrix."""
    moved = Grid.from_arrays(PET_GRID.origin_lps, PET_GRID.directions, PET_GRID.spacing_mm, PET_GRID.shape, "9.2")
    offsets = np.broadcast_to([4.0, -3.0, 2.0], (*CT_GRID.shape, 3)).copy()
    forward = Registration("9.2", "9.1", deformation=Deformation(CT_GRID, offsets, np.eye(4), np.eye(4)))
    shift = sitk.TranslationTransform(3, (4.0, -3.0, 2.0))
    one = controller(volume(PET, moved, PET_VALUES))
    one.panes.overlays.registrations = [forward]
    found = values_of(one.panes.slice_order(Want(PET, f"axial@{CT}", 5)), CT_GRID.shape[1:])
    assert_same(found, one.panes.planes(CT)["axial"].slice_of(resampled(shift, moved), 5))
    other = Deformation(PET_GRID, np.zeros((*PET_GRID.shape, 3)), np.eye(4), np.eye(4))
    one.panes.overlays.registrations = [Registration("9.1", "9.2", deformation=other)]
    assert "no registration" in fuse_of(one)["why"]


def test_a_slab_is_reduced_where_something_is_known() -> None:
    one, expected = controller(), resampled()
    for mode, reduce in (("max", np.nanmax), ("min", np.nanmin), ("mean", np.nanmean)):
        with warnings.catch_warnings(action="ignore"):  # nothing is known in some places
            wanted = reduce(expected[4:7], axis=0)
        found = values_of(one.panes.slice_order(Want(PET, f"axial~{mode}3@{CT}", 5)), CT_GRID.shape[1:])
        assert_same(found, one.panes.planes(CT)["axial"].slice_of(wanted[None].repeat(12, 0), 5))


def test_padding_is_not_coloured() -> None:
    values = np.full(PET_GRID.shape, 7, np.int16)
    values[:, :7] = -1000
    one = controller(volume(PET, PET_GRID, values, padding=(-1000, -1000)))
    found = values_of(one.panes.slice_order(Want(PET, f"axial@{CT}", 4)), CT_GRID.shape[1:])
    assert np.isfinite(found).any() and np.nanmin(found) == pytest.approx(7)


def fuse_of(one: Controller) -> dict[str, Any]:
    found: dict[str, Any] = one.panes.scene()["panes"][0]["fuse"]
    return found


def test_the_pane_says_why_a_series_cannot_be_fused() -> None:
    assert fuse_of(controller())["title"] == "PET" and fuse_of(controller())["quantity"] == "SUV"
    other = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (3, 4, 5), "9.2")
    assert fuse_of(controller(volume(PET, other, np.zeros((3, 4, 5), np.int16)))) == {
        "series": "",
        "title": "PET",
        "why": "PET cannot be fused: it has another frame of reference, and no registration to these images is loaded.",
    }
    picture = volume(PET, PET_GRID, PET_VALUES, kind="projection")
    assert "position in the patient" in fuse_of(controller(picture))["why"]


def test_nothing_lies_over_itself_and_only_what_is_chosen_is_sent() -> None:
    one = controller()
    one.panes.arrange(one.panes.layout.lay("axial", Fuse(CT)))
    assert fuse_of(one) is None and one.panes.slice_order(Want(PET, f"axial@{CT}", 5)) is None
    one.panes.arrange(one.panes.layout.lay("axial", Fuse(PET)))
    assert one.panes.slice_order(Want(PET, f"axial@{CT}", 12)) is None
    assert one.panes.slice_order(Want(CT, "axial", 5)) is not None


def lightness(colour: np.ndarray) -> float:
    """CIE L*."""
    share = colour / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    y = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * np.cbrt(y) - 16 if y > 0.008856 else 903.3 * y


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_colours_get_lighter_all_the_way(name: str) -> None:
    steps = [lightness(np.asarray(each, float)) for each in COLOUR_MAPS[name].colours]
    assert all(np.diff(steps) > 0) and steps[-1] - steps[0] > 70
