"""Kinetic curves: numbers by hand, the classes at their borders, and what is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
import xarray as xr

import eci_annotate as eci
from eci_annotate.errors import BadAnnotation, BadImages, BadUseCase
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.analysis.kinetics import KineticCurve, LatePhase, TimePoint
from eci_annotate.repository.analysis.time_points import DynamicStudy
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.tools import to_line
from eci_annotate.viewer.workbench import Workbench
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case
from tests.repository.readings_world import series_named
from tests.repository.repository_world import anchor
from tests.viewer.study_world import write_study
from tests.viewer.test_every_use_case import S, answers, drawing

SHAPE = (2, 4, 4)


def volume(lesion: tuple[float, float], spacing: float = 1.0) -> xr.DataArray:
    """Zeros, and two voxels with these values."""
    values = np.zeros(SHAPE)
    values[1, 2, 1:3] = lesion
    grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, spacing, spacing), SHAPE, "1.2.3")
    return eci.volume_from_array(values, grid)


def mask() -> eci.Mask:
    return eci.Mask.from_volume(volume((1, 1)) > 0, label="lesion 1")


def curve(*signals: float, seconds: tuple[float | None, ...] = (), before: int = 1) -> KineticCurve:
    times = seconds or tuple(60.0 * n for n in range(len(signals)))
    points = [
        TimePoint(f"phase {n}", volume((signal - 5, signal + 5)), time, n < before)
        for n, (signal, time) in enumerate(zip(signals, times, strict=True))
    ]
    return eci.kinetic_curve(mask(), points[::-1])


def test_mean_deviation_wash_in_and_order_are_those_computed_by_hand() -> None:
    found = curve(100, 250, 240, 200, seconds=(36000.0, 36090.0, 36180.0, 36270.0))
    assert [each.seconds for each in found.points] == [0, 90, 180, 270]
    assert [each.mean for each in found.points] == [100, 250, 240, 200]
    assert [each.sd for each in found.points] == pytest.approx([np.sqrt(50)] * 4)  # of 95 and 105
    assert found.wash_in == pytest.approx(1.5) and found.late_phase == LatePhase.WASHOUT  # 200 / 250 = 0.8
    assert found.words == "lesion 1: wash-in 150 %, late phase washout" and found.remark == ""
    assert list(found.table["voxels"]) == [2] * 4 and found.plot()._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("last", "late"),
    [(221, "persistent"), (220, "plateau"), (200, "plateau"), (180, "plateau"), (179, "washout")],
)
def test_the_late_phase_is_a_plateau_within_ten_per_cent(last: float, late: str) -> None:
    assert curve(100, 200, 210, last).late_phase == late


def test_nothing_is_classified_without_times_or_a_first_point_or_a_late_one() -> None:
    undated = curve(100, 200, 150, seconds=(0.0, None, 120.0))
    assert (undated.wash_in, undated.late_phase) == (None, "not classified") and "times" in undated.remark
    assert {each.seconds for each in undated.points} >= {None}
    after = curve(100, 200, 150, before=0)
    assert after.wash_in is None and "before contrast agent" in after.words
    short = curve(100, 200)
    assert short.wash_in == 1.0 and short.late_phase == "not classified" and "late" in short.remark
    assert curve(0, 200, 100).wash_in is None
    assert "no signal after" in curve(100, 0, 100).remark


def test_what_cannot_be_measured_is_refused_by_name() -> None:
    one, other = TimePoint("pre", volume((1, 2)), 0.0, True), TimePoint("post", volume((1, 2), spacing=2), 60.0)
    with pytest.raises(BadImages, match="post is on another grid than pre"):
        eci.kinetic_curve(mask(), [other, one])
    empty = eci.Mask.from_volume(volume((1, 1)) > 9, label="lesion 2")
    with pytest.raises(BadAnnotation, match="lesion 2 contains no voxel"):
        eci.kinetic_curve(empty, [one])
    coarse = eci.Mask.from_volume(volume((1, 1), spacing=2) > 0, label="lesion 3")
    with pytest.raises(BadAnnotation, match="lesion 3 is drawn on another grid than pre"):
        eci.kinetic_curve(coarse, [one])
    with pytest.raises(BadImages, match="same time"):
        eci.kinetic_curve(mask(), [one, TimePoint("again", volume((1, 2)), 0.0)])
    hu, other = (
        TimePoint(unit, volume((1, 2)).assign_attrs(units=unit), t) for t, unit in ((0.0, "HU"), (60.0, "mgml"))
    )
    with pytest.raises(BadImages, match="different units"):
        eci.kinetic_curve(mask(), [hu, other])
    with pytest.raises(BadImages, match="no time point"):
        eci.kinetic_curve(mask(), [])


def brighten(folder: Path, factors: dict[str, float]) -> None:
    """Multiply the pixels of each series, which are positive then."""
    for path in folder.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        values = np.full((dataset.Rows, dataset.Columns), 100 * factors[dataset.SeriesDescription], np.int16)
        dataset.PixelData, dataset.RescaleIntercept = values.tobytes(), 0
        dataset.save_as(path)


def test_a_version_has_the_curve_of_its_mask_and_exports_it(tmp_path: Path) -> None:
    name = "breast-mri"
    mr = {"Modality": "MR"}
    series = {
        "dyn t1 post late": {**mr, "AcquisitionTime": "100300", "TemporalPositionIdentifier": 3},
        "t1 native": {**mr, "AcquisitionTime": "100000"},
        "dyn t1 vibe post phase": {**mr, "AcquisitionTime": "100130.5", "TemporalPositionIdentifier": 2},
    }
    write_study(tmp_path / "dicom", series)
    brighten(tmp_path / "dicom", {"t1 native": 1, "dyn t1 vibe post phase": 3, "dyn t1 post late": 2})
    create_repository(tmp_path / "repository", project=name, member="anna", site="KAU", use_case=name)
    repo = open(tmp_path / "repository")
    import_folders(repo.backend, [tmp_path / "dicom"], project=name, site="KAU")
    task = repo.start(S, "annotate")
    slots = {each.slot for each in task.hanging().placed}
    assert {"native", "dynamic", "last"} <= slots
    first = next(each.series_uid for each in task.hanging().placed if each.slot == "dynamic")
    assert first == series_named(task, "dyn t1 vibe post phase"), "the first in time, not in the archive"
    full = answers(repo.use_case().questions, 0)
    full["lesions"] = [full["lesions"][0] | {"label": "lesion 1"}]
    task.save([to_line(each) for each in drawing(task, (("smartpaint", "dynamic"),), "lesion 1")])
    task.answer(full, {"unavailable": {"t2": "not acquired", "adc": "not acquired", "subtraction": "not acquired"}})
    bench = Workbench(task)
    bench.report.curve.button.click()
    assert bench.report.curve.said.value == "lesion 1: wash-in 200 %, late phase washout"
    assert bench.report.curve.picture.value[:4] == b"\x89PNG"
    bench.leave()
    signed = repo.start(S, "annotate").sign("I drew and checked it")
    (found,) = signed.kinetic_curves().values()
    assert [(each.seconds, each.mean, each.sd) for each in found.points] == [(0, 100, 0), (90.5, 300, 0), (180, 200, 0)]
    assert found.wash_in == 2.0 and found.late_phase == "washout"
    without = [replace(t, series=tuple(s for s in t.series if s.description != "t1 native")) for t in signed.studies()]
    taken = DynamicStudy(signed.use_case, without, signed.volume).curve(signed.annotations()[0])
    assert found.remark == "" and "taken for it" in taken.remark and taken.wash_in == pytest.approx(-1 / 3)
    other = [
        replace(
            study, series=tuple(replace(s, header={**s.header, "FlipAngle": n}) for n, s in enumerate(study.series, 9))
        )
        for study in signed.studies()
    ]
    mixed = DynamicStudy(signed.use_case, other, signed.volume).curve(signed.annotations()[0])
    assert mixed.wash_in is None and mixed.late_phase == "not classified" and "FlipAngle" in mixed.remark
    (path,) = [each for each in signed.export(tmp_path / "out") if each.suffix == ".csv"]
    assert all(each.passed for each in verify_exported(tmp_path / "out", [anchor(tmp_path / "repository")]))
    table = pd.read_csv(path)
    assert list(table["mean"]) == [100, 300, 200] and set(table["late_phase"]) == {"washout"}


def test_a_slot_that_the_hanging_protocol_lacks_is_not_published() -> None:
    definition = json.loads(shipped_use_case("breast-mri").blob)
    definition["usecase"]["kinetics"]["over"] = ["later"]
    with pytest.raises(BadUseCase, match="the slot 'later'"):
        UseCase.from_definition(definition)
