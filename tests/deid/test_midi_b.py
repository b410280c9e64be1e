"""The ten actions that MIDI-B scores (arXiv 2507.23608), checked on a synthetic set with known answers."""

from __future__ import annotations

import csv
import random
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from eci_annotate.deid.folder_run import FolderRun, Mappings
from eci_annotate.deid.id_tables import write_mappings
from eci_annotate.deid.policy import BurnedInRule, Policy, Treatment
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from tests.deid.planted import KEY, image

RULE = BurnedInRule("ACME", "Burner", 16, 16, ((0, 0, 15, 3),), verified=True)
POLICY = Policy(descriptors=Treatment.CLEAN, burned_in=(RULE,), retain_characteristics=True)
RETAINED = ("Modality", "Rows", "SliceThickness", "KVP", "SOPClassUID", "PatientWeight")
NOT_NULL = ("PatientID", "PatientName", "StudyInstanceUID", "SOPInstanceUID")
TEXT_RETAINED = {"StudyDescription": "CT abdomen", "SeriesDescription": "arterial 5.0 mm"}
DATES = ("StudyDate", "SeriesDate", "AcquisitionDateTime")
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True)
class Pair:
    before: Dataset
    after: Dataset
    burned: bool


def patient(number: int, folder: Path) -> None:
    """Two slices of one synthetic patient; every second patient's device writes into the pixels."""
    for k in range(2):
        dataset = image(random.Random(f"{number}{k}"))
        del dataset.ImageComments
        dataset.PatientName, dataset.PatientID = f"Zvanberg{number}^Quill", f"MRN-{44000 + number}"
        dataset.ReferringPhysicianName, dataset.AccessionNumber = "Ostrowick^Ada", f"ACC{88000 + number}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.44.{number}", f"1.2.44.{number}.1"
        dataset.FrameOfReferenceUID = f"1.2.44.{number}.2"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.44.{number}.1.{k}"
        dataset.StudyDescription = f"CT abdomen for Zvanberg{number} tel 555-0199"
        dataset.SeriesDescription = f"arterial 5.0 mm, Dr Ostrowick, MRN-{44000 + number}"
        dataset.SeriesDate, dataset.AcquisitionDateTime = "20190318", "20190318111213.5+0100"
        dataset.SliceThickness, dataset.KVP, dataset.PatientWeight = "5", "120", "71.5"
        if number % 2:
            dataset.ManufacturerModelName, dataset.BurnedInAnnotation = "Burner", "YES"
        dataset.save_as(folder / f"{number}-{k}.dcm", enforce_file_format=True)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Pair], dict[str, str], dict[str, str]]:
    root = tmp_path_factory.mktemp("midi")
    (root / "in").mkdir()
    for number in range(6):
        patient(number, root / "in")
    mappings = Mappings()
    run = FolderRun(POLICY, Pseudonymiser(KEY), root / "out", mappings)
    assert run.over(root / "in", lambda what, done, of: None).written == 12
    tables = [
        {row["id_old"]: row["id_new"] for row in csv.DictReader(path.open(encoding="utf-8"))}
        for path in write_mappings(mappings, root / "maps")
    ]
    made = {dataset.SOPInstanceUID: dataset for dataset in map(dcmread, (root / "out").rglob("*.dcm"))}
    sources = [dcmread(path) for path in sorted((root / "in").iterdir())]
    pairs = [Pair(each, made[tables[1][each.SOPInstanceUID]], "BurnedInAnnotation" in each) for each in sources]
    return pairs, tables[0], tables[1]


def test_the_ten_actions(answers: tuple[list[Pair], dict[str, str], dict[str, str]]) -> None:
    pairs, patients, uids = answers
    for pair in pairs:
        before, after = pair.before, pair.after
        everything = str(after) + str(after.file_meta)
        passed = {
            "tag_retained": all(key in after and after[key].value == before[key].value for key in RETAINED),
            "text_notnull": all(after[key].value for key in NOT_NULL),
            "text_retained": all(text in after[key].value for key, text in TEXT_RETAINED.items()),
            "text_removed": not re.search(r"Zvanberg|Quill|Ostrowick|MRN-|ACC88|555-0199", everything),
            "date_shifted": all(after[k].value and before[k].value[:8] not in everything for k in DATES),
            "uid_changed": all(before[key].value not in everything for key in UIDS),
            "uid_consistent": all(uids[before[key].value] == after[key].value for key in UIDS),
            "patid_consistent": patients[before.PatientID] == after.PatientID,
            "pixels_hidden": not pair.burned or not after.pixel_array[:4].any(),
            "pixels_retained": pair.burned or digest(after) == digest(before),
        }
        assert [name for name, right in passed.items() if not right] == []
    assert len({pair.after.PatientID for pair in pairs}) == 6 and {pair.burned for pair in pairs} == {True, False}


def digest(dataset: Dataset) -> bytes:
    return sha256(dataset.PixelData).digest()


def test_blanking_leaves_the_other_rows(answers: tuple[list[Pair], dict[str, str], dict[str, str]]) -> None:
    burned = [pair for pair in answers[0] if pair.burned]
    assert burned
    for pair in burned:
        assert (pair.after.pixel_array[4:] == pair.before.pixel_array[4:]).all()
