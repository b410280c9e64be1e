"""The difference between two versions: what was added, moved and answered otherwise, by table and picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from eci_annotate.imaging.annotations import Annotation, Box, Contours
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
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
