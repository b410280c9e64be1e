"""The laws of all tools: never write to inputs; undo all is the start bit for bit; redo all the end;
senseless gestures change nothing; a replayed journal gives the same bits."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eci_annotate.errors import BadJournal, EciError
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.tools import from_line, replay, save, to_line
from eci_annotate.tools.editing.entries import Redo, SetOption, Undo
from eci_annotate.tools.editing.npz import Shelf, opened
from eci_annotate.tools.editing.snapshot import load
from eci_annotate.tools.gestures import Cancel, Drag, Press, Release
from eci_annotate.tools.protocol import is_series_field
from eci_annotate.tools.registry import TOOLS
from tests.counts import examples
from tests.tools.scenes import ENTRIES, GESTURES, VOLUME, at, easel, plane


def state_of(e):
    """Everything that is drawn, comparable bit for bit."""
    found = {}
    for uid, thing in e.table.objects.items():
        body = [type(thing).__name__, thing.label, thing.colour]
        match thing:
            case Box():
                body += [thing.centre_lps, thing.size_mm, thing.axes_lps]
            case Contours():
                body += [tuple(r.tobytes() for r in thing.rings_lps)]
        field = e.table.history.fields.get(uid)
        found[uid] = (*body, None if field is None else field.tobytes())
    kept = {
        uid: field.tobytes() for uid, field in e.table.history.fields.items() if is_series_field(uid) and field.any()
    }
    return found | kept


def run(e, entries):
    for entry in entries:
        try:
            e.do(entry)
        except EciError:
            continue


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.soak
@settings(max_examples=examples(60, 5000))
@given(gestures=st.lists(GESTURES, max_size=30))
def test_a_tool_never_writes_to_its_inputs(tool, gestures):
    e = easel(tool)
    state = TOOLS[tool].idle
    scene = e._scene()
    before = state_of(e)
    for gesture in gestures:
        try:
            step = TOOLS[tool].handle(state, gesture, scene)
        except EciError:
            continue
        state = step.state
        assert state_of(e) == before
    with pytest.raises(ValueError, match="read-only"):
        scene.values[0, 0, 0] = 1


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.soak
@settings(max_examples=examples(80, 5000))
@given(entries=ENTRIES)
def test_undo_all_is_the_start_and_redo_all_the_end(tool, entries):
    e = easel(tool)
    while e.table.undo_name:
        e.do(Undo())
    start = state_of(e)
    while e.table.redo_name:
        e.do(Redo())
    run(e, entries)
    e.do(Undo())
    while e.table.redo_name:
        e.do(Redo())
    end = state_of(e)
    while e.table.undo_name:
        e.do(Undo())
    assert state_of(e) == start
    while e.table.redo_name:
        e.do(Redo())
    assert state_of(e) == end


def assert_replays_alike(tool, entries, cut):
    """A replay from the start, and one from a snapshot after `cut` entries, both give the bits that were drawn."""
    e = easel(tool)
    start = save(e)
    run(e, entries[:cut])
    middle = save(e)
    assert save(load(middle, lambda uid: VOLUME)) == middle
    run(e, entries[cut:])
    e.finish()
    lines = [to_line(x) for x in entries]
    for resumed in (replay(lambda uid: VOLUME, start, lines), replay(lambda uid: VOLUME, middle, lines[cut:])):
        assert state_of(resumed) == state_of(e)
        assert (resumed.table.undo_name, resumed.table.redo_name, resumed.table.active) == (
            e.table.undo_name,
            e.table.redo_name,
            e.table.active,
        )
        assert save(resumed) == save(e)


@pytest.mark.soak
@settings(max_examples=examples(80, 5000))
@given(tool=st.sampled_from(list(TOOLS)), entries=ENTRIES, cut=st.integers(0, 40))
def test_a_replayed_journal_gives_the_same_bits_with_and_without_a_snapshot(tool, entries, cut):
    assert_replays_alike(tool, entries, cut)


OUTSIDE, INSIDE = at(4, -8, -8), at(4, 9, 10)
AXIAL = replace(plane("axial"), origin_lps=INSIDE)
PATH = (at(4, 9, 14), at(4, 13, 14), at(4, 13, 9))
LIFTED = Release(PATH[-1], AXIAL)
CORNERS = [entry for point in (INSIDE, *PATH, INSIDE) for entry in (Press(point, AXIAL), Release(point, AXIAL))]
BOXED = [Press(INSIDE, AXIAL), Drag((at(5, 13, 14),), AXIAL), Release(at(5, 13, 14), AXIAL)]
OPENED: dict[str, list[Any]] = {
    "press outside, press inside": [Undo(), Redo(), Press(OUTSIDE, AXIAL), Press(INSIDE, AXIAL), LIFTED],
    "stroke from outside": [Press(OUTSIDE, AXIAL), Drag(PATH, AXIAL), LIFTED],
    "two presses": [Press(INSIDE, AXIAL), Press(PATH[1], AXIAL), Drag(PATH, AXIAL), LIFTED],
    "cancelled": [Press(INSIDE, AXIAL), Drag(PATH, AXIAL), Drag((INSIDE,), AXIAL), Cancel()],
    "broken off": [Press(INSIDE, AXIAL), Drag(PATH[:2], AXIAL), Drag(PATH[2:], AXIAL)],
    "polygon": [SetOption("pen", "polygon"), *CORNERS],
    "zone": [SetOption("zone", True), Press(OUTSIDE, AXIAL), Drag(PATH, AXIAL), LIFTED],
    "box moved": [*BOXED, Press(INSIDE, AXIAL), Drag(PATH, AXIAL), LIFTED],
    "box resized": [*BOXED, Press(at(4, 13, 14), AXIAL, reach_mm=3.0), Drag(PATH, AXIAL), LIFTED],
    "box rotated": [
        *BOXED,
        Press(at(4, 13, 14), AXIAL, reach_mm=3.0, modifiers=frozenset({"alt"})),
        Drag(PATH, AXIAL),
        LIFTED,
    ],
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("entries", OPENED.values(), ids=OPENED)
def test_a_snapshot_keeps_what_is_open(tool, entries):
    for cut in range(len(entries) + 1):
        assert_replays_alike(tool, entries, cut)


def test_the_examples_open_every_state_of_every_tool():
    reached = set()
    for tool in TOOLS:
        for entries in OPENED.values():
            e = easel(tool)
            for entry in entries:
                run(e, [entry])
                reached.add((tool, type(e.state)))
    stated = {(name, kind) for name, tool in TOOLS.items() for kind in tool.states.values()}
    assert reached == stated | {(name, type(tool.idle)) for name, tool in TOOLS.items()}


def test_a_snapshot_of_an_earlier_release_opens_idle():
    e = easel("smartpaint")
    run(e, [Press(INSIDE, AXIAL), Drag(PATH, AXIAL), LIFTED])
    body, arrays = opened(save(e))
    shelf = Shelf()
    shelf.arrays.update(arrays)
    del body["state"], body["stroke"]
    earlier = load(shelf.closed(body), lambda uid: VOLUME)
    assert state_of(earlier) == state_of(e)
    assert earlier.finish() == ()


@pytest.mark.soak
@settings(max_examples=examples(200, 5000))
@given(entries=ENTRIES)
def test_journal_lines_read_back_as_what_they_were(entries):
    for entry in entries:
        assert from_line(to_line(entry)) == entry
        assert "\n" not in to_line(entry)


@pytest.mark.parametrize("line", ["", "{}", '{"do":"fly"}', '{"do":"press"}', "[1]", '{"do":"add","uid":1}'])
def test_lines_that_are_no_entries_are_refused(line):
    with pytest.raises(BadJournal):
        from_line(line)


def test_a_snapshot_that_is_none_is_refused():
    with pytest.raises(BadJournal):
        replay(lambda uid: VOLUME, b"not a snapshot", [])


@pytest.mark.parametrize("tool", TOOLS)
def test_drags_and_releases_without_a_press_change_nothing(tool):
    e = easel(tool)
    before = state_of(e)
    e.do(Drag((at(4, 9, 10),), plane("axial")))
    e.do(Release(at(4, 9, 10), plane("axial")))
    e.do(Press(at(4, 9, 10), plane("axial"), button=2))
    e.do(Release(at(4, 9, 10), plane("axial")))
    assert state_of(e) == before


def test_undo_says_what_it_takes_back():
    e = easel("smartpaint")
    e.do(Press(at(4, 9, 10), plane("axial")))
    e.do(Drag((at(4, 9, 16),), plane("axial")))
    e.do(Release(at(4, 9, 16), plane("axial")))
    assert e.table.undo_name == "Undo SmartPaint stroke on lesion 1"
    e.do(Undo())
    assert e.table.redo_name == "Redo SmartPaint stroke on lesion 1"
    assert not e.table.field("a").any()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_stroke_that_broke_off_is_kept(tool):
    e = easel(tool)
    start = save(e)
    path = (at(4, 9, 12), at(4, 12, 15), at(4, 14, 10))
    entries = [Press(at(4, 9, 10), plane("axial")), Drag(path, plane("axial"))]
    run(e, [*entries, Release(path[-1], plane("axial"))])
    resumed = replay(lambda uid: VOLUME, start, [to_line(x) for x in entries])
    assert state_of(resumed) == state_of(e)
    assert resumed.table.undo_name == e.table.undo_name and resumed.table.undo_name.startswith("Undo ")
