"""Measurement reports of pictures without a place in space (TID 1410), with and without a size of their pixels."""

from datetime import datetime
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom.images.series import load_stacks
from eci_annotate.dicom.seg.segmentation import Statement, segmentation_file
from eci_annotate.dicom.seg.source_images import images_of_structure_set
from eci_annotate.dicom.sr.answer_items import concept
from eci_annotate.dicom.sr.measurement_report import Evidence, measurement_report_file
from eci_annotate.dicom.sr.report import report_object
from eci_annotate.imaging.annotations import Mask
from eci_annotate.imaging.measurements import Unit, unit_of
from eci_annotate.imaging.volume import grid_of, instance_uids_of, like
from eci_annotate.workflow.usecase.form import questions
from tests.dicom.peers import dciodvfy_errors
from tests.dicom.series_maker import make_series

DATA = Path(__file__).parents[1] / "data"
PICTURE = DATA / "mammo_ffdm_siemens_overlay/OutOfBoundsOverlay.dcm"
STATEMENT = Statement(when=datetime(2024, 1, 2, 3, 4, 5), signer="anna")
pytestmark = pytest.mark.filterwarnings("ignore")


def ruler(kind: str, points: list[list[float]], frame: str) -> dict[str, object]:
    """A ruler as a version keeps it."""
    return {"uid": f"r-{kind}", "kind": kind, "label": "", "series": "1.2", "frame": frame, "points_lps": points}


def report_of(folder: Path, unit: Unit) -> tuple[bytes, bytes, list[np.ndarray], tuple[float, ...]]:
    """A report on two squares in a mammogram, its SEG, the squares and the spacing."""
    (picture,) = load_stacks(PICTURE)
    arrays = [np.zeros(picture.shape, bool) for _ in range(2)]
    arrays[0][0, 2:6, 3:10], arrays[1][0, 8:10, 3:5] = True, True
    masks = [Mask.from_volume(like(picture, a), label=f"mass {n}", uid=f"2.25.{n}") for n, a in enumerate(arrays, 1)]
    (rtstruct,) = eci.write_rtstruct(masks, PICTURE, folder / "rt.dcm")
    where = (masks[0].series_uid, grid_of(picture), instance_uids_of(picture))
    images = images_of_structure_set(rtstruct.read_bytes(), *where, unit=unit)
    seg = segmentation_file(masks, images, STATEMENT)
    points = images.grid.reference_from_image(np.array([[0, 20, 10], [0, 20, 40], [0, 50, 40]])).tolist()
    rulers = [ruler("distance", points[:2], ""), ruler("angle", points, "")]
    evidence = Evidence(images, seg, rtstruct.read_bytes(), rulers=rulers)
    return measurement_report_file(masks, evidence, STATEMENT), seg, arrays, grid_of(picture).spacing_mm


def test_a_picture_has_planar_groups_without_a_volume(tmp_path):
    content, seg, arrays, spacing = report_of(tmp_path, Unit.DETECTOR)
    groups = hd.sr.srread(BytesIO(content)).content.get_planar_roi_measurement_groups()
    pixels = pydicom.dcmread(BytesIO(seg)).pixel_array
    assert [(g.tracking_identifier, g.tracking_uid) for g in groups] == [("mass 1", "2.25.1"), ("mass 2", "2.25.2")]
    for group, array in zip(groups, arrays, strict=True):
        (area,) = group.get_measurements(name=codes.SCT.Area)
        assert area.value == pytest.approx(array.sum() * spacing[1] * spacing[2]) and area.unit.value == "mm2"
        assert not group.get_measurements(name=codes.SCT.Volume)
        assert area.method.meaning == "At the detector, not corrected for magnification"
        (frame,) = group.referenced_segmentation_frame.referenced_frame_numbers
        assert np.array_equal(pixels[frame - 1], array[0])
    length, _ = (g.get_measurements()[0] for g in hd.sr.srread(BytesIO(content)).content.get_image_measurement_groups())
    assert length.value == pytest.approx(30 * spacing[2]) and length.method.value == "at-detector"
    (line,) = length.referenced_coordinates
    assert np.allclose(line.value, [[10.5, 20.5], [40.5, 20.5]], atol=1e-4)  # column and row, from the corner
    (source,) = line.ContentSequence
    assert source.referenced_sop_instance_uid == pydicom.dcmread(PICTURE, stop_before_pixels=True).SOPInstanceUID


def test_a_slice_of_unknown_thickness_has_no_volume(tmp_path):
    make_series(tmp_path, 1, value=100, edit=lambda d, k: delattr(d, "SliceThickness"))
    (picture,) = load_stacks(tmp_path)
    mask = Mask.from_volume(picture > 0, label="lesion")
    (path,) = eci.write_rtstruct([mask], tmp_path, tmp_path / "rt.dcm")
    assert "ROIVolume" not in pydicom.dcmread(path).StructureSetROISequence[0]
    where = mask.series_uid, grid_of(picture), instance_uids_of(picture)
    images = images_of_structure_set(path.read_bytes(), *where, unit=unit_of(picture))
    seg = segmentation_file([mask], images, STATEMENT)
    (measures,) = pydicom.dcmread(BytesIO(seg)).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    assert "PixelSpacing" in measures and not {"SliceThickness", "SpacingBetweenSlices"} & set(measures.dir())
    with pytest.warns(UserWarning, match="thickness"):
        assert np.array_equal(eci.read_segmentation(seg)[0].mask_on(picture), picture > 0)
    at = [[1.5, 2.0, 3.0], [1.5, 2.0, 13.0], [9.5, 2.0, 13.0]]
    frame = images.grid.frame_of_reference_uid
    evidence = Evidence(
        images, seg, path.read_bytes(), rulers=[ruler("distance", at[:2], frame), ruler("angle", at, frame)]
    )
    report = hd.sr.srread(BytesIO(measurement_report_file([mask], evidence, STATEMENT)))
    (group,) = report.content.get_volumetric_roi_measurement_groups()
    assert group.get_measurements(name=codes.SCT.Area) and not group.get_measurements(name=codes.SCT.Volume)
    rulers = [g.get_measurements()[0] for g in report.content.get_image_measurement_groups()]
    assert [(r.name.meaning, r.value, r.unit.value) for r in rulers] == [("Length", 10, "mm"), ("Angle", 90, "deg")]
    lines = [r.referenced_coordinates[0] for r in rulers]
    assert [line.value.tolist() for line in lines] == [at[:2], at]
    assert {line.frame_of_reference_uid for line in lines} == {frame}


def test_nothing_is_measured_where_pixels_have_no_size(tmp_path):
    content, *_ = report_of(tmp_path, Unit.PIXEL)
    groups = hd.sr.srread(BytesIO(content)).content.get_planar_roi_measurement_groups()
    assert len(groups) == 2 and not any(group.get_measurements() for group in groups)
    (angle,) = hd.sr.srread(BytesIO(content)).content.get_image_measurement_groups()
    assert [(m.name.meaning, m.value) for m in angle.get_measurements()] == [("Angle", pytest.approx(90))]


@pytest.mark.needs_debian
def test_dciodvfy_finds_no_error(tmp_path):
    (tmp_path / "sr.dcm").write_bytes(report_of(tmp_path, Unit.DETECTOR)[0])
    assert dciodvfy_errors(tmp_path / "sr.dcm") == []


def test_words_that_no_code_value_can_hold_get_another(tmp_path):
    long, longer, foreign = (concept(hd, text) for text in ("a" * 17, "a" * 65, "Größe"))
    assert len({long.value, longer.value, foreign.value}) == 3
    assert all(len(code.value) <= 16 and code.value.isascii() for code in (long, longer, foreign))
    assert (longer.meaning, foreign.meaning) == ("a" * 64, "Größe")


def test_answers_with_long_names_and_codes_stay_apart(tmp_path):
    answers = {"longest_diameter_before": 12, "longest_diameter_after": 9, "side": "left"}
    options = [{"const": "left", "x-code": {"scheme": "99LONG", "value": "1" * 20, "meaning": "Left"}}]
    (side,) = questions({"properties": {"side": {"title": "Side", "oneOf": options}}})
    signed = {"version": 1, "task": "read", "signer": "anna", "when": STATEMENT.when}
    images = make_series(tmp_path, 1)
    items = pydicom.dcmread(BytesIO(report_object(answers, "Form", images, questions=[side], **signed))).ContentSequence
    codes_of_names = [item.ConceptNameCodeSequence[0].CodeValue for item in items]
    assert len(set(codes_of_names)) == len(items) and all(len(each) <= 16 for each in codes_of_names)
    assert items[-1].ConceptCodeSequence[0].LongCodeValue == "1" * 20


def test_without_highdicom_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "highdicom", None)
    with pytest.raises(errors.NotInstalled, match=r"eci-annotate\[export\]"):
        report_of(tmp_path, Unit.DETECTOR)
