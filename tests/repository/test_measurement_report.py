"""A signed version as a measurement report (TID 1500): highdicom reads the same values, dciodvfy finds no error."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes

from eci_annotate.dicom.seg.read import read_segmentation
from eci_annotate.imaging.measurements import axis_lengths
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed
from eci_annotate.tools import from_line, to_line
from eci_annotate.tools.gestures import Drag
from tests.dicom.peers import dciodvfy_errors
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines

TOOL_OF = {"lesion 1": "box", "lesion 2": "freedraw", "lesion 3": "smartpaint"}


def sign(repo: Repository) -> Signed:
    """A box, a contour and a mask, each with a finding."""
    task = repo.start(S, "annotate", project=P)
    for n, (label, tool) in enumerate(TOOL_OF.items(), 1):
        task.save([wider(line, 5 + n) for line in lines(task, label, tool, f"2.25.{n}")])
    lesion = ANSWERS["lesions"][0]
    task.answer({**ANSWERS, "comment": "ä: see slice 4", "lesions": [{**lesion, "label": each} for each in TOOL_OF]})
    return task.sign(MEANING)


def wider(line: str, mm: int) -> str:
    """A journal line whose drag goes around a square in the plane of the pane."""
    entry = from_line(line)
    if not isinstance(entry, Drag):
        return line
    right, down = np.array(entry.plane.right_lps), np.array(entry.plane.down_lps)
    corners = [np.array(entry.plane.origin_lps) + mm * (u * right + v * down) for u, v in ((1, 0), (1, 1), (0, 1))]
    path = (*corners, corners[0], corners[1])
    return to_line(replace(entry, path=tuple((float(x), float(y), float(z)) for x, y, z in path)))


def number(group: Any, name: Any) -> tuple[float, str]:
    """The value and the UCUM unit of the only measurement of that name."""
    (found,) = group.get_measurements(name=name)
    assert found.unit.scheme_designator == "UCUM"
    return found.value, found.unit.value


def test_highdicom_reads_the_same_measurements(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo)
    annotations = signed.annotations()
    assert [each.kind for each in annotations] == ["box", "contours", "mask"]
    path, seg = signed.export(tmp_path, format="tid1500")
    report = hd.sr.srread(path)
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 3
    volume = repo.volume(annotations[0].series_uid)
    spacing = grid_of(volume).spacing_mm
    for n, (group, annotation) in enumerate(zip(groups, annotations, strict=True), 1):
        assert (group.tracking_identifier, group.tracking_uid) == (annotation.label, annotation.uid)
        assert number(group, codes.SCT.Volume) == (pytest.approx(annotation.volume_mm3), "mm3")
        voxels = annotation.mask_on(volume).values
        axes = axis_lengths(annotation, voxels, grid_of(volume))
        assert axes is not None
        assert number(group, codes.SCT.LongAxis) == (pytest.approx(axes[0]), "mm")
        assert number(group, codes.SCT.ShortAxis) == (pytest.approx(axes[1]), "mm")
        area = max(int(plane.sum()) for plane in voxels) * spacing[1] * spacing[2]
        assert number(group, codes.SCT.Area) == (pytest.approx(area), "mm2")
        reference = group.referenced_segment
        assert reference.referenced_sop_instance_uid == pydicom.dcmread(seg).SOPInstanceUID
        (numbered,) = reference.referenced_segment_numbers
        mask = read_segmentation(seg)[numbered - 1]
        assert numbered == n and mask.uid == annotation.uid and np.array_equal(mask.mask_on(volume).values, voxels)
    rows = {row["uid"]: row["volume_mm3"] for row in signed.rows()}
    assert {g.tracking_uid: number(g, codes.SCT.Volume)[0] for g in groups} == pytest.approx(rows)


def test_the_answers_are_codes_numbers_and_text(repo: Repository, tmp_path: Path) -> None:
    path, _ = sign(repo).export(tmp_path, format="sr")
    (container,) = [
        item
        for item in pydicom.dcmread(path).ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "C0034375"
    ]
    found: dict[str, Any] = {}
    for item in container.ContentSequence:
        name = item.ConceptNameCodeSequence[0].CodeMeaning
        match item.ValueType:
            case "CODE":
                code = item.ConceptCodeSequence[0]
                found[name] = (code.CodeValue, code.CodingSchemeDesignator)
            case "NUM":
                value = item.MeasuredValueSequence[0]
                found[name] = (float(value.NumericValue), value.MeasurementUnitsCodeSequence[0].CodeValue)
            case _:
                found[name] = item.TextValue
    assert found["Image quality"] == ("RID12", "RADLEX")
    assert found["Comment"] == "ä: see slice 4"
    for n, label in enumerate(TOOL_OF, 1):
        mine = {name.removeprefix(f"Lesion {n}: "): value for name, value in found.items() if f"Lesion {n}: " in name}
        assert mine == {
            "Label": label,
            "Liver segment (Couinaud)": ("IVa", "99ECI"),
            "Longest diameter": (49.0, "mm"),
            "Classification": ("367643001", "SCT"),
            "Confidence": (4.0, "1"),
        }
    assert len(found) == 2 + 3 * 5


def test_the_report_names_pseudonym_reader_and_what_it_is_about(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo)
    path, seg = signed.export(tmp_path, format="tid1500")
    report, segmentation = pydicom.dcmread(path), pydicom.dcmread(seg)
    assert report.SOPClassUID.name == "Comprehensive 3D SR Storage" and report.Modality == "SR"
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.PatientID == S and report.StudyInstanceUID == repo.studies(S)[0].study_uid
    assert report.ContentDate == signed.at.strftime("%Y%m%d") and report.VerificationFlag == "UNVERIFIED"
    names = [i.PersonName for i in report.ContentSequence if i.ValueType == "PNAME"]
    assert names == ["anna"]
    referenced = {
        str(item.ReferencedSOPInstanceUID)
        for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
        for study in report.get(keyword, ())
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    images = repo.volume(signed.annotations()[0].series_uid).instance_uid.values.tolist()
    structure_sets = [pydicom.dcmread(p) for p in signed.export(tmp_path / "as signed") if "rtstruct" in p.name]
    assert referenced == {str(segmentation.SOPInstanceUID), *images, *(str(s.SOPInstanceUID) for s in structure_sets)}


@pytest.mark.needs_debian
def test_dciodvfy_finds_no_error(repo: Repository, tmp_path: Path) -> None:
    for path in sign(repo).export(tmp_path, format="tid1500"):
        assert dciodvfy_errors(path) == []
