"""The difference between two versions: what was added, moved and answered otherwise, by table and picture."""

from __future__ import annotations

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
