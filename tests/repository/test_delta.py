"""The difference between two versions: what was added, moved and answered otherwise, by table and picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from eci_annotate.errors import NotFound, Refused
from eci_annotate.imaging.annotations import Annotation, Box, Contours
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.repository.analysis.annotation_pairs import paired
from eci_annotate.repository.analysis.delta import ELSEWHERE, Delta
from eci_annotate.repository.repository import Repository
from tests.repository.repository_world import ANSWERS, MEANING, S, lines


def test_two_versions_are_compared(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    first = task.sign(MEANING)
    again = repo.start(S, "annotate", rerun=True)
    again.save(lines(again, "lesion 2", uid="u2"))
    lesion = ANSWERS["lesions"][0]
    again.answer({**ANSWERS, "lesions": [{**lesion, "size_mm": 51.0}, {**lesion, "label": "lesion 2"}]})
    second = again.sign(MEANING)
    delta = repo.delta(first, second)
    table = delta.table.set_index("label")
    assert table.loc["lesion 1", "change"] == "same" and table.loc["lesion 1", "dice"] == 1
    assert table.loc["lesion 1", "box_moved_mm"] == 0
    assert table.loc["lesion 2", "change"] == "added" and table.loc["lesion 2", "voxels_added"] > 0
    changed = delta.form.set_index("field")
    assert list(changed.loc["lesions[1].size_mm"]) == [49.0, 51.0] and "lesions[2]" in changed.index
    assert delta.picture("lesion 2")._repr_png_().startswith(b"\x89PNG"), "a notebook shows it without pyplot"
    back = repo.delta(second, first).table.set_index("label")
    assert back.loc["lesion 2", "change"] == "removed"


@dataclass(frozen=True)
class Drawn:
    """A version of these annotations."""

    drawn: list[Annotation]
    report: dict[str, Any] = field(default_factory=dict)
    version: int = 1

    def annotations(self) -> list[Annotation]:
        return self.drawn


def test_an_annotation_that_went_to_another_frame_costs_its_own_row_only() -> None:
    grids = [Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (8, 8, 8), f"2.25.{n}0") for n in (1, 2)]
    values = np.zeros((8, 8, 8), np.int16)
    here, there = (volume_from_array(values, grid, series_uid=f"2.25.{n}") for n, grid in enumerate(grids, 1))
    kept, moved = (Box((3, 3, 3), (4, 4, 4), label=name, uid=name, series_uid="2.25.1") for name in ("kept", "moved"))
    kept, moved = (replace(each, frame_uid="2.25.10") for each in (kept, moved))
    gone = replace(moved, series_uid="2.25.2", frame_uid="2.25.20")
    delta = Delta(Drawn([kept, moved]), Drawn([kept, gone]), {"2.25.1": here, "2.25.2": there}.__getitem__)
    table = delta.table.set_index("label")
    assert list(table.change) == ["same", ELSEWHERE]
    assert table.loc[["moved"], ["dice", "hd95_mm", "voxels_added", "box_moved_mm"]].isna().all(axis=None)


def test_what_was_renamed_or_moved_by_less_than_a_voxel_is_not_the_same() -> None:
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (8, 8, 8), "2.25.9")
    here = volume_from_array(np.zeros((8, 8, 8), np.int16), grid, series_uid="2.25.1")
    ring = np.array([(1.2, 1.2, 3.0), (5.2, 1.2, 3.0), (5.2, 5.2, 3.0)])
    first = [Contours((ring,), 1.0, label=name, uid=name, series_uid="2.25.1") for name in "abc"]
    second = [first[0], replace(first[1], rings_lps=(ring + 0.01,)), replace(first[2], label="d")]
    table = Delta(Drawn([*first]), Drawn([*second]), lambda uid: here).table
    assert list(table.change) == ["same", "changed", "changed"] and not table.voxels_added.any()


def two_phases() -> tuple[list[Box], dict[str, xr.DataArray]]:
    """A box on an arterial series and one with its label on the portal series, 2 mm beside it, in one frame."""
    voxels = np.zeros((8, 16, 16), np.int16)
    frames = {"1.1": "9", "1.2": "9", "1.3": "8"}
    volumes = {
        uid: volume_from_array(
            voxels, Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), voxels.shape, frame), series_uid=uid
        )
        for uid, frame in frames.items()
    }
    centres = {"1.1": (5.5, 5.5, 3.5), "1.2": (7.5, 5.5, 3.5), "1.3": (5.5, 5.5, 3.5)}
    boxes = [
        Box(at, (4, 4, 4), label="lesion", uid=f"u{uid}", series_uid=uid, frame_uid=frames[uid])
        for uid, at in centres.items()
    ]
    return boxes, volumes


def test_readers_on_different_series_of_one_study_are_paired_in_their_frame() -> None:
    (arterial, portal, elsewhere), volumes = two_phases()
    table = Delta(Drawn([arterial]), Drawn([portal]), volumes.__getitem__).table
    (row,) = table.to_dict("records")
    assert (row["series_before"], row["series_after"], row["uid"], row["change"]) == ("1.1", "1.2", "u1.2", "changed")
    assert (row["dice"], row["voxels_added"], row["box_moved_mm"]) == (0.5, 32, 2.0)  # 2 of 4 columns in common
    other = Delta(Drawn([arterial]), Drawn([elsewhere]), volumes.__getitem__).table
    assert sorted(other.change) == ["added", "removed"]
    study_of = {"1.1": "current", "1.2": "prior"}.__getitem__
    prior = Delta(Drawn([arterial]), Drawn([portal]), volumes.__getitem__, study_of=study_of).table
    assert list(zip(prior.change, prior.study, strict=True)) == [("removed", "current"), ("added", "prior")]
    both = paired([arterial, portal], [portal, arterial])  # the own series comes first
    assert [(a.uid, b.uid) for a, b in both if a and b] == [("u1.1", "u1.1"), ("u1.2", "u1.2")]


def test_a_picture_of_equal_labels_names_its_annotation() -> None:
    (arterial, portal, _), volumes = two_phases()
    delta = Delta(Drawn([arterial, portal]), Drawn([arterial, portal]), volumes.__getitem__)
    with pytest.raises(Refused, match=r"2 annotations are labelled 'lesion'.*picture\(uid='u1.1'\)"):
        delta.picture("lesion")
    with pytest.raises(NotFound, match="Labels are 'lesion'"):
        delta.picture("liver")
    assert delta.picture(uid="u1.2").axes[0].get_title().startswith("lesion, slice")
