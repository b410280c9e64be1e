"""Control cases: readings are compared with what is known, and nothing tells a reader which subjects they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.imaging.annotations import Mask
from eci_annotate.imaging.volume import grid_of, like, volume_from_array
from eci_annotate.repository.analysis.control_score import ControlScore, score
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.blinding import CONTROL_LAYER
from eci_annotate.workflow.subject.commands import Attach
from tests.repository.readings_world import P, as_member, lesion, make, read, report, subject

DRAWN = ("lesion 1", (4, 20, 28), (4, 4))
APART = ("lesion 2", (4, 20, 45), (3, 3))
SCORE = ["known", "found", "missed", "extra"]


def mask(repo: Repository, number: int, half: int = 4, label: str = "known") -> Mask:
    """A square where readers draw `DRAWN`, over the slices of the box."""
    (series,) = [s for study in repo.studies(subject(number)) for s in study.series if s.modality == "CT"]
    volume = repo.volume(series.series_uid, subject=subject(number))
    voxels = np.zeros(grid_of(volume).shape, bool)
    voxels[3:6, 20 - half : 20 + half, 28 - half : 28 + half] = True
    return Mask.from_volume(like(volume, voxels), label=label)


def test_lesions_are_found_by_where_they_are_and_answers_follow_them(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    owner = as_member(folder, "olga")
    cases = eci.ControlCases(owner)
    answers = report(lesion("known", classification="hcc", segment="IVa"))
    cases.mark(subject(1), [mask(owner, 1)], answers)
    cases.mark(subject(2), [mask(owner, 2)], {"image_quality": "good"})
    given = report(lesion("lesion 1"), lesion("lesion 2"))
    read(folder, "anna", 1, given, DRAWN, APART)
    read(folder, "anna", 2, report(lesion("lesion 2"), quality="poor"), APART)
    table = cases.table.set_index("subject")
    assert table.loc[subject(1), SCORE].tolist() == [1, 1, "", 1]
    assert table.loc[subject(2), SCORE].tolist() == [1, 0, "known", 1] and table.loc[subject(2), "dice"] == 0
    assert 0.1 < table.loc[subject(1), "dice"] < 0.5  # the box reaches through more slices
    assert (table.loc[subject(1), "answers"], table.loc[subject(1), "right"]) == (3, 2)
    assert table.loc[subject(1), "wrong"] == "known: lesions[].classification"
    assert table.loc[subject(2), "wrong"] == "image_quality"
    (one,) = cases.by_reader.to_dict("records")
    assert (one["reader"], one["readings"], one["found_percent"], one["right_percent"]) == ("anna", 2, 50, 50)
    assert one["extra_per_reading"] == 1


def test_a_reading_that_equals_the_reference_has_a_dice_of_1(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    read(folder, "anna", 1, report(lesion("lesion 1")), DRAWN)
    owner = as_member(folder, "olga")
    (signed,) = owner.versions(subject(1))
    cases = eci.ControlCases(owner)
    cases.mark(subject(1), signed.annotations(), signed.report)
    (row,) = cases.table.to_dict("records")
    assert (row["dice"], row["found"], row["extra"], row["wrong"]) == (1, 1, 0, "")
    cases.mark(subject(1), [mask(owner, 1, half=2)])  # the newest reference counts
    assert cases.table["dice"].item() < 1 and cases.table["answers"].item() == 0
    cases.unmark(subject(1))
    assert cases.table.empty and cases.references() == {}


def test_the_organ_finds_no_lesion_and_a_lesion_drawn_twice_is_no_extra_one(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    owner = as_member(folder, "olga")
    cases = eci.ControlCases(owner)
    for number in (1, 2):
        cases.mark(subject(number), [mask(owner, number)])
    organ = ("liver", (4, 20, 28), (12, 14))
    read(folder, "anna", 1, report(lesion("lesion 2")), organ, APART)
    again = [("lesion 1", (4, 20, 28), (3, 3)), ("lesion 1", *APART[1:])]
    read(folder, "anna", 2, report(lesion("lesion 1")), organ, DRAWN, *again)
    table = cases.table.set_index("subject")
    assert table.loc[subject(1), SCORE].tolist() == [1, 0, "known", 1]
    assert table.loc[subject(2), SCORE].tolist() == [1, 1, "", 0]


def seen_by(folder: Path, name: str) -> dict[str, Any]:
    """Everything that a member can ask of the first two subjects, without names and times of access."""
    repo = as_member(folder, name)
    found: dict[str, Any] = {}
    for number in (1, 2):
        where = (P, subject(number))
        try:
            view = repo.backend.subject(*where)
        except errors.NotFound:
            continue
        found[subject(number)] = {
            "view": view,
            "layers": repo.layers(subject(number)).to_dict("records"),
            "checks": [vars(each) for each in repo.backend.trail.verify(*where)],
        }
    query = SubjectQuery()
    page = repo.backend.subjects(P, query)
    return found | {"list": page, "worklist": repo.worklist().to_dict("records")}


@pytest.mark.parametrize("name", ["anna", "ruth", "al", "dev"])
def test_nothing_that_a_reader_can_ask_differs_when_a_subject_becomes_a_control(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path, 2)
    before = seen_by(folder, name)
    owner = as_member(folder, "olga")
    eci.ControlCases(owner).mark(subject(1), [mask(owner, 1)], {"image_quality": "good"})
    assert seen_by(folder, name) == before
    (layer,) = owner.backend.subject(P, subject(1)).layers
    repo = as_member(folder, name)
    with pytest.raises(errors.NotFound):
        repo.backend.get(P, subject(1), layer.digest)
    with pytest.raises(errors.NotFound):
        repo.layer(subject(1), CONTROL_LAYER)


def test_the_owner_can_verify_what_is_known(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    owner = as_member(folder, "olga")
    eci.ControlCases(owner).mark(subject(1), [mask(owner, 1)])
    checks = owner.backend.trail.verify(P, subject(1))
    assert f"layer {CONTROL_LAYER}" in {each.check for each in checks} and all(each.passed for each in checks)


def test_only_owners_mark_and_see_results(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    for name in ("anna", "ruth", "dev"):
        with pytest.raises(errors.Refused, match="for owners"):
            eci.ControlCases(as_member(folder, name))
    with pytest.raises(errors.Refused, match="You may not attach"):
        as_member(folder, "anna").backend.do(Attach(P, subject(1), CONTROL_LAYER, "text/plain", "0" * 64, 1))


def test_what_is_known_must_fit(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    owner = as_member(folder, "olga")
    cases = eci.ControlCases(owner)
    with pytest.raises(errors.BadAnswers, match="not one of the choices"):
        cases.mark(subject(1), answers={"image_quality": "superb"})
    with pytest.raises(errors.Refused, match="Nothing is known"):
        cases.mark(subject(1))
    with pytest.raises(errors.Refused, match="Nothing is drawn"):
        cases.mark(subject(1), answers={"image_quality": "good"}, task="review")
    with pytest.raises(errors.Refused):
        cases.mark(subject(1), [mask(owner, 2)])  # of another patient
    assert cases.references() == {}


def test_a_subject_without_lesions_counts_what_is_drawn_as_extra(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    cases = eci.ControlCases(as_member(folder, "olga"))
    cases.mark(subject(1), [])
    cases.mark(subject(2), None, {"image_quality": "good"})
    for number in (1, 2):
        read(folder, "anna", number, report(lesion("lesion 1")), DRAWN)
    table = cases.table.set_index("subject")
    assert table.loc[subject(1), ["known", "extra"]].tolist() == [0, 1]
    assert np.isnan(table.loc[subject(2), "extra"]) and table.loc[subject(2), "right"] == 1
    (one,) = cases.by_reader.to_dict("records")
    assert one["extra_per_reading"] == 1 and one["found_percent"] is None


def test_what_is_drawn_in_another_frame_of_reference_is_neither_extra_nor_are_others_missed_for_it() -> None:
    grids = [grid_in(frame) for frame in ("1.2", "1.3", "1.4")]
    volumes = {
        f"2.25.{n}": volume_from_array(np.zeros(each.shape), each, series_uid=f"2.25.{n}")
        for n, each in enumerate(grids)
    }
    study_of = {"2.25.0": "a", "2.25.1": "a", "2.25.2": "b"}.__getitem__

    def scored(*drawn: Mask) -> ControlScore:
        known, reading = (
            SimpleNamespace(version=1, report={}, annotations=lambda some=some: list(some))
            for some in ([square(volumes["2.25.0"], 2, "known"), square(volumes["2.25.0"], 5, "second")], drawn)
        )
        return score(known, reading, volumes.__getitem__, [], study_of=study_of)

    here, there, prior = (square(volumes[uid], 2, uid) for uid in volumes)
    assert (scored(here).missed, scored(here).apart) == (("second",), ())
    found = scored(here, there)
    assert (found.missed, found.extra, found.apart) == ((), (), ("2.25.1",))
    found = scored(here, prior)  # of another study: it cannot be the second one
    assert (found.missed, found.extra, found.apart) == (("second",), (), ("2.25.2",))


def grid_in(frame: str) -> eci.Grid:
    return eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (1, 9, 9), frame)


def square(volume: xr.DataArray, at: int, label: str) -> Mask:
    voxels = np.zeros(volume.shape, bool)
    voxels[0, at : at + 2, at : at + 2] = True
    return Mask.from_volume(like(volume, voxels), label=label)
