"""Objects of others in the study: listed, outlined, taken over with their source; a broken one costs itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

import eci_annotate as eci
from eci_annotate.viewer.open_task import OpenTask
from tests.measurement_report import foreign_report, square_on
from tests.registered_study import S, first, repository
from tests.repository.repository_world import ANSWERS, lines


def structure_set(folder: Path) -> None:
    volume = eci.load_series(folder / "1")
    bone = eci.Mask.from_volume(volume > 200, label="bone", colour=(10, 200, 30))
    for name in ("good", "broken"):
        (path,) = eci.write_rtstruct([bone], folder / "1", folder / f"{name}.dcm")
        dataset, image = pydicom.dcmread(path), first(folder)
        dataset.Manufacturer, dataset.ManufacturerModelName, dataset.SoftwareVersions = "MIM", "MIM", "7.1"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
        dataset.SeriesInstanceUID = pydicom.uid.generate_uid()
        dataset.PatientIdentityRemoved = image.PatientIdentityRemoved
        dataset.DeidentificationMethod = image.DeidentificationMethod
        if name == "broken":
            dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
        dataset.save_as(path)


def test_a_structure_set_is_listed_outlined_and_taken_over(tmp_path: Path) -> None:
    repo = repository(tmp_path, structure_set)
    shown = OpenTask(repo.start(S, "annotate"), "400px")
    assert shown.bench is not None
    good, broken = sorted(shown.objects, key=lambda row: bool(row.found.problem))
    assert good.found.title == "Structure set, MIM, 1 segment"
    assert broken.take.disabled and "Structure set, MIM cannot be shown" in broken.text.value
    good.eye.value = True
    controller = shown.bench.controller
    layer = controller.painter.others[0]
    uid, (thing,) = controller.easel.table.series_uid, layer.easel.table.objects.values()
    assert (thing.label, thing.colour) == ("bone", (10, 200, 30)) and layer.shown
    good.eye.value = False
    assert not layer.shown and not controller.easel.table.objects
    good.take.click()
    (taken,) = controller.easel.table.annotations()
    np.testing.assert_array_equal(taken.mask_on(shown.task.volume(uid)), (shown.task.volume(uid) > 200).values)
    shown.leave()
    (entry,) = good.entries
    assert entry.uid == taken.uid and entry.source.startswith("MIM-7.1/")


def test_a_measurement_report_is_listed_and_taken_over_and_one_without_regions_is_not(tmp_path: Path) -> None:
    def reports(folder: Path) -> None:
        images = [pydicom.dcmread(path) for path in sorted((folder / "1").glob("*.dcm"))]
        for name in ("regions", "text"):
            dataset = foreign_report(images, square_on(images[2]))
            if name == "text":
                dataset.ContentSequence = [each for each in dataset.ContentSequence if each.ValueType != "CONTAINER"]
            for keyword in ("PatientIdentityRemoved", "DeidentificationMethod"):
                setattr(dataset, keyword, images[0][keyword].value)
            dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)

    repo = repository(tmp_path, reports)
    shown = OpenTask(repo.start(S, "annotate"), "400px")
    assert shown.bench is not None
    (row,) = shown.objects
    assert row.found.title == "Measurement report, Other, 1 contour"
    row.compare.click()
    assert "lesion 7: nothing in your draft overlaps it." in row.comparison.value
    row.take.click()
    (taken,) = shown.bench.controller.easel.table.annotations()
    volume = shown.task.volume(taken.series_uid)
    wanted = np.zeros(volume.shape, bool)
    wanted[2, 4:12, 5:15] = True
    row.compare.click()
    assert "lesion 7 and your lesion 7: Dice 1.00, HD95 0.0 mm." in row.comparison.value
    assert taken.label == "lesion 7" and np.array_equal(taken.mask_on(volume).values, wanted)
    shown.leave()


def test_signed_structure_sets_are_no_objects_of_the_study(tmp_path: Path) -> None:
    repo = repository(tmp_path)
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    signed = task.sign("looked")
    assert signed.content("rtstruct") and signed.objects() == []
