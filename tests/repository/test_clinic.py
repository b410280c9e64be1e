"""The clinic of notebooks: the n-th subject is the n-th patient, and its readers draw around the true lesions."""

from pathlib import Path

import numpy as np

import eci_annotate as eci
from eci_annotate.demo.clinic import clinic, drawn_by, read_all, subject_of
from eci_annotate.dicom.phantom_cohort import patient_lesions, patient_masks, write_patient


def test_subjects_are_in_the_order_of_patients_and_readings_fit_the_truth(tmp_path: Path) -> None:
    repo = clinic(tmp_path / "clinic", {"anna": "annotator"}, 3)
    assert read_all(tmp_path / "clinic", "anna") == [subject_of(n) for n in (1, 2, 3)]
    assert read_all(tmp_path / "clinic", "anna") == []
    for number in (1, 2, 3):
        (signed,) = repo.versions(subject_of(number))
        volume = signed.volume(signed.rows()[0]["series"])
        write_patient(tmp_path / str(number), number)
        assert np.array_equal(volume.values, eci.load_series(tmp_path / str(number)).values)
        truth = patient_masks(number)
        for annotation in signed.annotations():
            drawn = annotation.mask_on(volume).values
            assert np.array_equal(drawn, drawn_by("anna", number)[annotation.label])
            dice = 2 * (drawn & truth[annotation.label]).sum() / (drawn.sum() + truth[annotation.label].sum())
            assert 0.4 < dice < 1
    assert patient_lesions(1) != patient_lesions(2)
    assert repo.verify().passed


def test_identified_patients_do_not_state_that_they_are_deidentified(tmp_path: Path) -> None:
    import pydicom

    for identified in (False, True):
        dataset = pydicom.dcmread(write_patient(tmp_path / str(identified), 7, identified=identified)[0])
        assert ("PatientIdentityRemoved" in dataset) is not identified
        assert ("INVENTED" in str(dataset.PatientName)) is identified


def test_an_exported_journal_is_verified_where_it_exists(tmp_path: Path) -> None:
    from eci_annotate.repository.verify_export import verify_exported

    repo = clinic(tmp_path / "clinic", {"anna": "annotator"}, 1)
    read_all(tmp_path / "clinic", "anna")
    (signed,) = repo.versions(subject_of(1))
    anchors = [(tmp_path / "clinic" / "authority" / "ca.pem").read_text()]
    bare = {path.name for path in signed.export(tmp_path / "bare")}
    whole = {path.name for path in signed.export(tmp_path / "whole", journal=True)}
    assert {name.rpartition("_")[2] for name in whole - bare} == {"journal.json", "snapshot.npz"} and bare < whole
    assert {check.check for check in verify_exported(tmp_path / "whole", anchors)} > {"journal", "snapshot"}
    assert all(check.passed for part in ("bare", "whole") for check in verify_exported(tmp_path / part, anchors))
    for name in whole - bare:
        path = tmp_path / "whole" / name
        content = path.read_bytes()
        path.write_bytes(content.replace(b'"l"', b'"x"', 1) if name.endswith("json") else content[:-1] + b"?")
        failed = [check.check for check in verify_exported(tmp_path / "whole", anchors) if not check.passed]
        assert failed == [name.rpartition("_")[2].partition(".")[0]]
        path.write_bytes(content)
