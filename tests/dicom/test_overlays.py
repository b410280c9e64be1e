"""Overlay planes are shown where the file puts them, and never count as values; pydicom is the oracle."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

import eci_annotate as eci
from eci_annotate.imaging.volume import like
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open
from eci_annotate.viewer.stage.browser_messages import Want
from eci_annotate.viewer.stage.pane_geometry import stacks_of
from eci_annotate.viewer.stage.slices import Pictures
from tests.dicom.series_maker import SHAPE, make_series
from tests.repository.repository_world import P, S, local

MAMMO = Path(__file__).parents[1] / "data" / "mammo_ffdm_siemens_overlay"


def add(dataset, group, bits, origin=(1, 1)):
    dataset.add_new((group, 0x10), "US", bits.shape[0])
    dataset.add_new((group, 0x11), "US", bits.shape[1])
    dataset.add_new((group, 0x40), "CS", "G")
    dataset.add_new((group, 0x50), "SS", list(origin))
    dataset.add_new((group, 0x100), "US", 1)
    dataset.add_new((group, 0x102), "US", 0)
    packed = np.packbits(bits, bitorder="little").tobytes()
    dataset.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))


def drawn(seed, shape=SHAPE):
    return np.random.default_rng(seed).random(shape) > 0.7


def test_planes_are_where_pydicom_finds_them(tmp_path):
    make_series(tmp_path, 3, edit=lambda d, k: (add(d, 0x6000, drawn(k)), add(d, 0x6006, drawn(9, (5, 7)), (4, 11))))
    volume = eci.load_series(tmp_path)
    for k, uid in enumerate(volume.instance_uid.values):
        header = next(d for d in map(pydicom.dcmread, tmp_path.iterdir()) if uid == d.SOPInstanceUID)
        expected = header.overlay_array(0x6000).astype(bool)
        expected[3:8, 10:17] |= header.overlay_array(0x6006).astype(bool)
        assert (volume.overlay.values[k] == expected).all()
    assert "overlay" not in like(volume, volume.values > 0).coords


@pytest.mark.parametrize("origin", [(-2, -3), (30, 38), (500, 1)])
def test_what_lies_outside_the_image_is_cut_off(tmp_path, origin):
    bits = drawn(1, (6, 6))
    make_series(tmp_path, 2, edit=lambda d, k: add(d, 0x6002, bits, origin))
    expected = np.zeros(SHAPE, bool)
    for (y, x), on in np.ndenumerate(bits):
        row, column = y + origin[0] - 1, x + origin[1] - 1
        if on and 0 <= row < SHAPE[0] and 0 <= column < SHAPE[1]:
            expected[row, column] = True
    found = eci.load_series(tmp_path)
    assert ("overlay" in found.coords) == expected.any()
    assert not expected.any() or (found.overlay.values == expected).all()


def test_a_plane_in_spare_bits_is_no_value(tmp_path):
    def edit(dataset, k):
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
        values = np.full(SHAPE, 700 + k, np.uint16) | drawn(k).astype(np.uint16) << 14
        dataset.PixelData = values.tobytes()
        add(dataset, 0x6000, drawn(k))
        del dataset[0x60003000]
        dataset[0x60000100].value, dataset[0x60000102].value = 16, 14

    make_series(tmp_path, 2, edit=edit)
    volume = eci.load_series(tmp_path)
    assert (volume.values == [[[700]], [[701]]]).all()
    assert all((volume.overlay.values[k] == drawn(k)).all() for k in range(2))


def test_a_plane_that_cannot_be_read_is_left_out(tmp_path):
    def edit(dataset, k):
        add(dataset, 0x6000, drawn(k))
        dataset[0x60003000].value = b"\0\1"

    make_series(tmp_path, 2, edit=edit)
    assert "overlay" not in eci.load_series(tmp_path).coords


def test_marks_of_a_mammogram_beyond_its_border_are_shown_as_far_as_they_are_on_it():
    (path,) = MAMMO.glob("*.dcm")
    (volume,) = eci.load_stacks(path)
    header = pydicom.dcmread(path)
    one, other = (header.overlay_array(group).astype(bool) for group in (0x6000, 0x6002))
    found = volume.overlay.values[0]
    assert (found[:75, :75] == other[26:, 26:]).all() and (found[703:, 408:509] == one[:85]).all()


def test_overlays_stay_with_a_cached_volume_and_go_to_the_browser(tmp_path):
    make_series(tmp_path / "dicom", 4, modality="CT", edit=lambda d, k: add(d, 0x6000, drawn(k)))
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    import_folders(local(open(tmp_path / "repository")), [tmp_path / "dicom"], project=P, site="KAU")
    repo = open(tmp_path / "repository")
    (series,) = [each for study in repo.studies(S) for each in study.series]
    volume = repo.volume(series.series_uid)
    stack = stacks_of(eci.grid_of(volume))["axial"]
    for index in range(4):
        order = Pictures(volume).slice_order(Want(series.series_uid, "axial", index), stack)
        bits = np.unpackbits(np.frombuffer(order.buffers[1], np.uint8), bitorder="little")[: SHAPE[0] * SHAPE[1]]
        assert (bits.reshape(SHAPE) == stack.slice_of(volume.overlay.values, index)).all() and bits.any()


def test_a_plane_on_one_slice_only_is_found_wherever_that_is(tmp_path):
    for k in range(4):
        make_series(tmp_path / str(k), 4, edit=lambda d, n, k=k: add(d, 0x6004, drawn(k)) if n == k else None)
        overlay = eci.load_series(tmp_path / str(k)).overlay.values
        assert [bool(plane.any()) for plane in overlay] == [n == k for n in range(4)]
        assert (overlay[k] == drawn(k)).all()
