"""Registrations that came with a subject are found, named and used; one that cannot be read costs itself."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.errors import NotFound
from eci_annotate.imaging.registration.choose_registration import choose_registration
from tests.registered_study import MOVED, SHIFT, S, first, repository, uid_of, write_registration

ITK = "\n".join(
    [
        "#Insight Transform File V1.0",
        "Transform: TranslationTransform_double_3_3",
        "Parameters: 1 2 3",
        "FixedParameters:",
    ]
).encode()


def test_a_registration_of_the_study_is_imported_and_found(tmp_path: Path) -> None:
    repo = repository(tmp_path, write_registration)
    task = repo.start(S, "annotate")
    (found,) = task.registrations()
    assert (found.name, found.target_uid, found.is_rigid) == ("Motion", MOVED, True)
    np.testing.assert_allclose(found.target_points(np.zeros((1, 3)))[0], SHIFT)
    near, far = (task.volume(uid_of(repo, name)) for name in ("portal", "late"))
    bone = eci.Mask.from_volume(near > 200, label="bone")
    mapped = eci.map_onto(bone, far, task.registrations())
    np.testing.assert_array_equal(mapped.mask.mask_on(far), (far > 200).values)
    task.answer({"image_quality": "good", "lesions": []})
    assert [each.name for each in task.sign("looked").registrations()] == ["Motion"]


def test_one_that_cannot_be_read_is_named_and_costs_itself(tmp_path: Path) -> None:
    repo = repository(
        tmp_path, write_registration, lambda folder: write_registration(folder, "Crushed", np.zeros((4, 4)))
    )
    frame = first(tmp_path / "dicom").FrameOfReferenceUID
    repo.attach(S, "nameless", ITK, "text/plain")
    repo.attach(S, "itself", ITK, f"text/x-itk-transform; fixed={frame}; moving={frame}")
    repo.attach(S, "notes", b"no registration", "text/plain")
    repo.attach(S, "motion", ITK, f"text/x-itk-transform; fixed={frame}; moving={MOVED}")
    repo.attach(S, "copy", write_registration(tmp_path / "dicom", "Layer").read_bytes(), "application/dicom")
    task = repo.start(S, "annotate")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = task.registrations()
    assert [each.name for each in found] == ["Motion", "copy", "motion"]
    texts = [str(each.message) for each in told]
    unused = sorted(text.partition(" is not used: ")[0] for text in texts[:3])
    assert unused == ["Registration 'Crushed'", "Registration 'itself'", "Registration 'nameless'"]
    assert texts[3].startswith("Registrations 'Motion' and 'motion' map the same frames of reference differently")
    assert len(texts) == 4
    assert not any(str(first(tmp_path / "dicom").PatientName) in text for text in texts)


def test_only_registrations_and_annotations_are_handed_out(tmp_path: Path) -> None:
    repo = repository(tmp_path, write_registration)
    for uid in (uid_of(repo, "portal"), "1.2.3"):
        with pytest.raises(NotFound):
            repo.images.objects("liver-ct", S, uid)
    (content,) = repo.images.objects("liver-ct", S, uid_of(repo, "Motion"))
    assert content[128:132] == b"DICM"


def shift(source: str, target: str, x: float, name: str) -> eci.Registration:
    matrix = np.eye(4)
    matrix[0, 3] = x
    return eci.Registration(source, target, matrix, name=name)


def test_the_way_between_two_frames_may_be_turned_or_have_two_steps() -> None:
    known = [shift("a", "r", 5, "one"), shift("b", "r", 2, "two")]
    for source, target, expected, name in (("a", "r", 5, "one"), ("r", "a", -5, "one"), ("a", "b", 3, "one + two")):
        found = choose_registration(known, source, target)
        assert found is not None and found.name == name and (found.source_uid, found.target_uid) == (source, target)
        assert found.target_points(np.zeros((1, 3)))[0][0] == pytest.approx(expected)
    assert choose_registration([*known, shift("a", "a", 9, "itself")], "a", "a") is None
    assert choose_registration(known, "a", "c") is None and choose_registration([], "a", "b") is None
