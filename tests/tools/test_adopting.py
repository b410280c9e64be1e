"""Taking over somebody's annotation: the same bits, one undo item, replayed from the journal alone."""

from __future__ import annotations

import pytest

from eci_annotate.errors import BadJournal, Refused
from eci_annotate.tools import adoption, from_line, replay, save, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Adopt, Alter, ChooseTool, Delete, Redo, Show, Undo
from eci_annotate.tools.gestures import Drag, Press, Release
from tests.grids import SERIES
from tests.tools.scenes import VOLUME, at, easel, plane
from tests.tools.test_laws import state_of

TOOLS = ["box", "freedraw", "smartpaint"]
ROUND = (at(4, 6, 14), at(4, 14, 14), at(4, 14, 6))


def drawn(tool: str) -> Easel:
    """Somebody's easel with one annotation."""
    made = easel(tool)
    for entry in (Press(at(4, 6, 6), plane("axial")), Drag(ROUND, plane("axial")), Release(ROUND[-1], plane("axial"))):
        made.do(entry)
    return made


def empty() -> Easel:
    made = Easel(lambda uid: VOLUME)
    made.do(Show(SERIES))
    return made


@pytest.mark.parametrize("tool", TOOLS)
def test_it_is_the_same_and_one_item_of_undo(tool: str) -> None:
    theirs, mine = drawn(tool), empty()
    start = state_of(mine)
    mine.do(adoption(theirs.table, "a", "annotate.1/1"))
    assert state_of(mine) == state_of(theirs) and mine.table.active == "a"
    assert [each.volume_mm3 for each in mine.table.annotations()] == [
        each.volume_mm3 for each in theirs.table.annotations()
    ]
    assert mine.table.undo_name == "Undo taking over of lesion 1"
    mine.do(Undo())
    assert state_of(mine) == start
    mine.do(Redo())
    assert state_of(mine) == state_of(theirs)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_journal_alone_replays_it_and_so_does_a_snapshot(tool: str) -> None:
    entries = [Show(SERIES), adoption(drawn(tool).table, "a", "annotate.1/1"), Alter("a", label="mine"), Undo(), Redo()]
    mine = Easel(lambda uid: VOLUME)
    for entry in entries:
        mine.do(entry)
    lines = [to_line(entry) for entry in entries]
    assert from_line(lines[1]) == entries[1]
    assert state_of(replay(lambda uid: VOLUME, None, lines)) == state_of(mine)
    kept = replay(lambda uid: VOLUME, save(mine), ())
    kept.do(Undo())
    mine.do(Undo())
    assert state_of(kept) == state_of(mine)


def test_twice_is_refused_but_again_after_deleting_is_as_new() -> None:
    theirs, mine = drawn("smartpaint"), empty()
    mine.do(adoption(theirs.table, "a", "annotate.1/1"))
    with pytest.raises(Refused, match="'lesion 1' was taken over already"):
        mine.do(adoption(theirs.table, "a", "annotate.1/1"))
    there, on = at(2, 3, 8), plane("axial")
    for entry in (ChooseTool("smartpaint"), Press(at(2, 3, 3), on), Drag((there,), on), Release(there, on)):
        mine.do(entry)
    mine.do(Delete("a"))
    mine.do(adoption(theirs.table, "a", "annotate.1/1"))
    assert state_of(mine) == state_of(theirs)
    for _ in range(4):
        mine.do(Undo())
    assert not mine.table.objects


def test_what_does_not_fit_is_refused() -> None:
    entry = adoption(drawn("smartpaint").table, "a", "annotate.1/1")
    small = Easel(lambda uid: VOLUME[:4])
    small.do(Show(SERIES))
    with pytest.raises(Refused, match="a different grid"):
        small.do(entry)
    assert not small.table.objects and not small.table.history.fields
    for shape in ("", "?", entry.shape[:-8], entry.shape[:40] + "AAAA" + entry.shape[44:]):
        with pytest.raises(BadJournal, match="adoption"):
            empty().do(Adopt("a", SERIES, shape, "annotate.1/1"))


def test_what_lies_on_another_series_does_not_turn_to_it() -> None:
    late = VOLUME.copy()
    late.frame.attrs["series_uid"] = "1.2.9"
    theirs, mine = drawn("smartpaint"), Easel(lambda uid: VOLUME if uid == SERIES else late)
    mine.do(Show("1.2.9"))
    mine.do(adoption(theirs.table, "a", "annotate.1/1"))
    assert mine.table.series_uid == "1.2.9" and mine.table.objects["a"].series_uid == SERIES
    assert mine.table.volume_mm3("a") == theirs.table.volume_mm3("a") > 0


def test_a_snapshot_has_the_same_bytes_at_any_time(monkeypatch):
    import time

    import numpy as np

    from eci_annotate.tools.editing.npz import Shelf

    def closed():
        shelf = Shelf()
        return shelf.closed({"field": shelf.put(np.arange(12).reshape(3, 4))})

    now = closed()
    later = time.localtime(time.time() + 86_400)
    monkeypatch.setattr(time, "localtime", lambda *_: later)
    assert closed() == now
