"""Measurement reports of others: regions come back where highdicom put them, and what is no region is told."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest

import eci_annotate as eci
from eci_annotate import errors
from tests.dicom.series_maker import make_series
from tests.measurement_report import foreign_report, planar_group, region_on_pixels, square_on


@pytest.fixture
def images(tmp_path: Path) -> list[pydicom.Dataset]:
    """Six oblique slices."""
    turn = np.radians(20)
    axes = [[1, 0, 0], [0, np.cos(turn), -np.sin(turn)]]
    return [pydicom.dcmread(path) for path in make_series(tmp_path / "series", 6, axes=axes, spacing=(3, 0.8, 0.8))]


def content(dataset: pydicom.Dataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_a_region_on_pixels_is_where_the_pixels_are(images: list[pydicom.Dataset], tmp_path: Path) -> None:
    path = content(foreign_report(images, square_on(images[2])), tmp_path / "r")
    volume = eci.load_series(tmp_path / "series")
    (found,) = eci.read_report(path, [volume])
    assert (found.label, found.series_uid) == ("lesion 7", images[0].SeriesInstanceUID)
    wanted = np.zeros(volume.shape, bool)
    wanted[2, 4:12, 5:15] = True
    assert np.array_equal(found.mask_on(volume).values, wanted)
    assert found.volume_mm3 == pytest.approx(10 * 8 * 0.64 * 3)
    with pytest.warns(UserWarning, match="1 region\\(s\\) lie on images that are not given"):
        assert eci.read_report(path) == []


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (hd.sr.GraphicTypeValues.CIRCLE, [[20, 16], [20, 26]]),
        (hd.sr.GraphicTypeValues.ELLIPSE, [[10, 16], [30, 16], [20, 6], [20, 26]]),
    ],
    ids=["circle", "ellipse"],
)
def test_round_regions_are_outlines(images: list[pydicom.Dataset], tmp_path: Path, kind: Any, data: Any) -> None:
    path = content(foreign_report(images, planar_group(region_on_pixels(images[1], kind, data))), tmp_path / "r")
    volume = eci.load_series(tmp_path / "series")
    (found,) = eci.read_report(path, [volume])
    assert found.volume_mm3 == pytest.approx(np.pi * (10 * 0.8) ** 2 * 3, rel=0.01)
    assert np.argwhere(found.mask_on(volume).values).mean(0) == pytest.approx([1, 15.5, 19.5], abs=0.1)


def test_regions_in_space_need_no_images_and_those_of_one_lesion_are_one(
    images: list[pydicom.Dataset], tmp_path: Path
) -> None:
    volume = eci.load_series(tmp_path / "series")
    grid = eci.grid_of(volume)
    corners = [(k, j, i) for k in (2, 3) for j, i in ((4, 5), (4, 15), (12, 15), (12, 5), (4, 5))]
    points = np.asarray(grid.reference_from_image(np.array(corners, float) - [0, 0.5, 0.5])).reshape(2, 5, 3)
    frame = images[0].FrameOfReferenceUID
    regions = [hd.sr.ImageRegion3D(hd.sr.GraphicTypeValues3D.POLYGON, ring, frame) for ring in points]
    path = content(foreign_report(images, planar_group(regions[0], "a"), planar_group(regions[1], "b")), tmp_path / "r")
    first, second = eci.read_report(path)
    assert (first.label, second.label, first.frame_uid) == ("a", "b", frame)
    union = first.mask_on(volume).values | second.mask_on(volume).values
    wanted = np.zeros(volume.shape, bool)
    wanted[2:4, 4:12, 5:15] = True
    assert np.array_equal(union, wanted)
    dataset = pydicom.dcmread(path)
    groups = [each for each in dataset.ContentSequence if "ContentSequence" in each][-1].ContentSequence
    one, other = groups
    one.ContentSequence.append(next(each for each in other.ContentSequence if each.ValueType == "SCOORD3D"))
    del groups[1]
    (both,) = eci.read_report(content(dataset, tmp_path / "joined"))
    assert len(both.rings_lps) == 2 and np.array_equal(both.mask_on(volume).values, wanted)


def test_points_are_left_out_and_told(images: list[pydicom.Dataset], tmp_path: Path) -> None:
    point = region_on_pixels(images[0], hd.sr.GraphicTypeValues.POINT, [[3, 3]])
    with pytest.warns(UserWarning, match="are points or solids and are left out"):
        assert eci.read_report(content(foreign_report(images, planar_group(point)), tmp_path / "r")) == []


@pytest.mark.parametrize("damage", ["no content", "coordinates", "concept", "other object", "nested"])
def test_damaged_reports_are_named_or_told(images: list[pydicom.Dataset], tmp_path: Path, damage: str) -> None:
    region = region_on_pixels(images[2], hd.sr.GraphicTypeValues.CIRCLE, [[20, 16], [20, 26]])
    dataset = foreign_report(images, planar_group(region))
    match damage:
        case "no content":
            del dataset.ContentSequence
        case "coordinates":
            scoords = [e for item in dataset.iterall() if item.VR == "SQ" for e in item.value if "GraphicData" in e]
            scoords[0].GraphicData = scoords[0].GraphicData[:3]
        case "concept":
            del dataset.ContentSequence[-1].ConceptNameCodeSequence
        case "other object":
            dataset = images[0]
        case "nested":
            item = dataset
            for _ in range(40):
                inner = pydicom.Dataset()
                inner.ValueType, item.ContentSequence = "CONTAINER", [inner]
                item = inner
    path, volume = content(dataset, tmp_path / "r"), eci.load_series(tmp_path / "series")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = eci.read_report(path, [volume])
        except errors.EciError:
            assert damage in ("other object", "nested")
            return
    assert len(found) == (damage == "concept")
    assert bool(found.notes) is (damage == "coordinates")


def test_a_region_on_a_file_of_several_frames_is_on_the_frame_that_it_names(
    images: list[pydicom.Dataset], tmp_path: Path
) -> None:
    dataset = foreign_report(images, square_on(images[0]))
    volume = eci.load_series(tmp_path / "series")
    uid, numbers = str(images[0].SOPInstanceUID), list(range(1, 7))
    frames = volume.assign_coords(instance_uid=("k", [uid] * 6), frame_number=("k", numbers))
    with pytest.warns(UserWarning, match="name no single image"):
        assert eci.read_report(content(dataset, tmp_path / "no-frame"), [frames]) == []
    for item in (each for element in dataset.iterall() if element.VR == "SQ" for each in element.value):
        if "GraphicData" in item:
            item.ContentSequence[0].ReferencedSOPSequence[0].ReferencedFrameNumber = 4
    (found,) = eci.read_report(content(dataset, tmp_path / "frame"), [frames])
    assert np.argwhere(found.mask_on(frames).values)[:, 0].tolist() == [3] * 80
    (found,) = eci.read_report(tmp_path / "frame", [frames[:2], frames[4:], frames[3:4], frames[5:]])
    assert np.argwhere(found.mask_on(frames).values)[:, 0].tolist() == [3] * 80
    with pytest.warns(UserWarning, match="not given"):
        assert eci.read_report(tmp_path / "frame", [frames[5:]]) == []


def squares(images: list[pydicom.Dataset], path: Path, *corners: tuple[int, int]) -> Path:
    """Write a report with squares of 8 pixels in one measurement group."""
    outline = np.array([[0, 0], [8, 0], [8, 8], [0, 8], [0, 0]])
    polyline = hd.sr.GraphicTypeValues.POLYLINE
    groups = [planar_group(region_on_pixels(images[2], polyline, outline + corner)) for corner in corners]
    dataset = pydicom.dcmread(content(foreign_report(images, *groups), path))
    first, *others = [each for each in dataset.ContentSequence if "ContentSequence" in each][-1].ContentSequence
    for other in others:
        first.ContentSequence.append(next(each for each in other.ContentSequence if each.ValueType == "SCOORD"))
        other.ContentSequence = []
    return content(dataset, path)


def test_a_region_that_is_there_twice_counts_once_and_overlaps_are_said(
    images: list[pydicom.Dataset], tmp_path: Path
) -> None:
    volume = eci.load_series(tmp_path / "series")
    with pytest.warns(UserWarning, match="1 region\\(s\\) repeat others"):
        (found,) = eci.read_report(squares(images, tmp_path / "twice", (5, 4), (5, 4)), [volume])
    assert int(found.mask_on(volume).sum()) == 64
    with pytest.warns(UserWarning, match="regions overlap in part on 1 plane"):
        eci.read_report(squares(images, tmp_path / "overlap", (5, 4), (9, 8)), [volume])


def test_a_region_in_no_frame_of_reference_is_on_no_images(images: list[pydicom.Dataset], tmp_path: Path) -> None:
    ring = np.array([[0, 0, 0], [5, 0, 0], [5, 5, 0], [0, 0, 0]], float)
    region = hd.sr.ImageRegion3D(hd.sr.GraphicTypeValues3D.POLYGON, ring, images[0].FrameOfReferenceUID)
    dataset = foreign_report(images, planar_group(region))
    for item in (each for element in dataset.iterall() if element.VR == "SQ" for each in element.value):
        if "ReferencedFrameOfReferenceUID" in item:
            del item.ReferencedFrameOfReferenceUID
    with pytest.warns(UserWarning, match="name no frame of reference"):
        assert eci.read_report(content(dataset, tmp_path / "r")) == []
