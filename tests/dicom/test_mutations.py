"""A damaged file is a named error or the right result: never another shape, another geometry, or a lost slice."""

import warnings
from contextlib import suppress

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.dicom import scan
from eci_annotate.dicom.images.study import stack_headers
from tests.counts import examples
from tests.dicom.mutations import mutated
from tests.dicom.series_maker import make_series

IMAGES, SETS = examples(240, 8_000), examples(60, 2_000)


@pytest.mark.parametrize("part", range(2))
def test_one_damaged_image_of_a_series(tmp_path, part):
    paths = make_series(tmp_path / "s", modality="CT")
    whole, victim, content = eci.load_series(tmp_path / "s"), paths[3], paths[3].read_bytes()
    grid, refused = eci.grid_of(whole), 0
    for seed in range(part, IMAGES, 2):
        victim.write_bytes(mutated(content, seed))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                found = eci.load_series(tmp_path / "s")
            except eci.EciError:
                refused += 1
            else:
                assert found.shape == whole.shape and eci.grid_of(found).same_voxels(grid), seed
                others = [n for n in range(6) if n != 3]
                assert np.array_equal(found.values[others], whole.values[others]), seed
            loads = (scan, [victim]), (stack_headers, tmp_path / "s"), (eci.load_stacks, victim)
            for load, source in loads:
                with suppress(eci.EciError):
                    load(source)
        assert not [each for each in said if str(tmp_path) in str(each.message) or "MADE" in str(each.message)], seed
    assert refused > IMAGES // 6


def test_a_damaged_structure_set(tmp_path, shared_data):
    source = shared_data / "rtstruct_mim_phantom_rtutils/rtstruct/RS_mim.dcm"
    content, refused = source.read_bytes(), 0
    whole = {a.label: a.volume_mm3 for a in eci.read_rtstruct(source)}
    for seed in range(SETS):
        (tmp_path / "rt.dcm").write_bytes(mutated(content, seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = eci.read_rtstruct(tmp_path / "rt.dcm")
            except eci.EciError:
                refused += 1
                continue
            for annotation in found:
                with suppress(eci.EciError):
                    assert annotation.volume_mm3 == annotation.volume_mm3 or annotation.kind == "contours"
        assert len(found) <= len(whole) and (found.notes or len(found) == len(whole)), seed
    assert refused > SETS // 10


def test_a_damaged_multi_frame_file(tmp_path, shared_data):
    source = shared_data / "liver_seg_dcmqi/24x38x3/mf.dcm"
    whole, content = eci.load_series(source), source.read_bytes()
    for seed in range(SETS):
        (tmp_path / "mf.dcm").write_bytes(mutated(content, seed))
        try:
            found = eci.load_series(tmp_path / "mf.dcm")
        except eci.EciError:
            continue
        assert found.shape == whole.shape and found.dtype == whole.dtype, seed
