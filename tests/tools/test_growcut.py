"""GrowCut as a tool: seeds are kept, results are suggested, accepted, undone, replayed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eci_annotate.errors import BadJournal, Refused
from eci_annotate.imaging.distances import dice
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import like, volume_from_array
from eci_annotate.tools import replay, save, to_line
from eci_annotate.tools.cut_sides import cut_sides
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Accept, Add, Delete, SetOption, Show, Undo
from eci_annotate.tools.gestures import ALT, Drag, Press, Release
from eci_annotate.tools.growcut import grow
from eci_annotate.tools.growcut.growcut import BACKGROUND, FIRST
from eci_annotate.tools.growcut.growth_request import Gardener, growth_request
from eci_annotate.tools.protocol import HALF, SEEDS
from tests.grids import FRAME, SERIES
from tests.tools.scenes import GRID, SHAPE, VOLUME, at, easel, plane

SEED_UID = f"{SEEDS}{SERIES}"


def stroke(*points, modifiers=frozenset()):
    return [
        Press(points[0], plane("axial"), modifiers=modifiers),
        Drag(points, plane("axial"), modifiers=modifiers),
        Release(points[-1], plane("axial"), modifiers=modifiers),
    ]


def inside():
    return stroke(at(4, 9, 9), at(4, 9, 11))


def around():
    corners = [at(4, 2, 3), at(4, 2, 20), at(4, 17, 20), at(4, 17, 3)]
    return [SetOption("erase", True), *stroke(*corners, corners[0]), SetOption("erase", False)]


def done(e, *entries):
    for entry in entries:
        e.do(entry)
    return e


def seeded(**options):
    return done(easel("growcut", radius_mm=1.0, **options), *inside(), *around())


def suggestion(e, gardener=None):
    return (gardener or Gardener()).suggest(growth_request(e.table), lambda share: True)


def test_seeds_of_object_and_background_give_the_lesion():
    e = seeded()
    found = suggestion(e)
    (part,) = found.parts
    mask = np.zeros(SHAPE, bool)
    mask[part.where] = part.voxels
    blob = np.asarray(VOLUME) > 85
    assert part.uid == "a" and 2 * (mask & blob).sum() / (mask.sum() + blob.sum()) > 0.75
    seeds = np.asarray(e.table.field(SEED_UID))
    where = part.where
    same = grow(e.table.sheet.smooth[where], seeds[where], margin=None)
    assert (mask[where] == (same == 2)).all()


def test_it_says_what_to_add_while_seeds_are_too_few():
    e = easel("growcut", radius_mm=1.0)
    assert growth_request(e.table) is None
    done(e, *inside())
    assert suggestion(e) == "Now paint the background around lesion 1 (X), or seeds of another annotation."
    e.do(Undo())
    assert suggestion(e) == ""
    done(e, *around())
    assert suggestion(e) == "Paint seeds inside the lesion."


def test_accepting_is_one_undo_item_that_brings_the_seeds_back():
    e = seeded()
    before = e.table.field(SEED_UID).copy()
    e.do(acceptance(suggestion(e), SHAPE))
    assert not e.table.field(SEED_UID).any() and (e.table.field("a") >= HALF).sum() > 50
    assert e.table.undo_name == "Undo GrowCut result for lesion 1"
    assert [each.label for each in e.table.annotations()] == ["lesion 1"]
    e.do(Undo())
    assert not e.table.field("a").any()
    np.testing.assert_array_equal(e.table.field(SEED_UID), before)


def test_a_replay_gives_the_same_bits_and_grows_nothing():
    e = easel("growcut", radius_mm=1.0)
    start = save(e)
    entries = [*inside(), *around()]
    done(e, *entries)
    entries.append(acceptance(suggestion(e), SHAPE))
    done(e, entries[-1])
    again = replay(lambda uid: VOLUME, start, [to_line(entry) for entry in entries])
    np.testing.assert_array_equal(again.table.field("a"), e.table.field("a"))
    from_snapshot = replay(lambda uid: VOLUME, save(e), [])
    np.testing.assert_array_equal(from_snapshot.table.field("a"), e.table.field("a"))
    assert from_snapshot.table.undo_name == e.table.undo_name


def test_seeds_survive_a_snapshot():
    e = seeded()
    again = replay(lambda uid: VOLUME, save(e), [])
    np.testing.assert_array_equal(again.table.field(SEED_UID), e.table.field(SEED_UID))
    assert (suggestion(again).parts[0].voxels == suggestion(e).parts[0].voxels).all()


def test_two_annotations_grow_together_and_share_no_voxel():
    e = done(easel("growcut", radius_mm=1.0), *inside(), Add("b", "growcut", "lesion 2", (0, 255, 0), SERIES))
    done(e, *stroke(at(4, 2, 20), at(4, 17, 20)))
    found = suggestion(e)
    assert [part.uid for part in found.parts] == ["a", "b"] and found.name == "GrowCut result for 2 annotations"
    assert not (found.parts[0].voxels & found.parts[1].voxels).any()
    done(e, Delete("b"))
    assert suggestion(e).startswith("Now paint the background around lesion 1")


def test_alt_and_the_eraser_of_a_pen_remove_seeds():
    e = done(easel("growcut", radius_mm=1.0), *inside())
    assert e.table.field(SEED_UID).any()
    done(e, *stroke(at(4, 9, 9), at(4, 9, 11), modifiers=frozenset({ALT})))
    assert not e.table.field(SEED_UID).any() and e.table.undo_name == "Undo removal of GrowCut seeds"
    done(e, Undo(), Press(at(4, 9, 9), plane("axial"), button=5), Release(at(4, 9, 9), plane("axial")))
    assert e.table.undo_name == "Undo removal of GrowCut seeds"


def test_one_more_stroke_gives_what_a_fresh_run_gives():
    e, gardener = seeded(), Gardener()
    suggestion(e, gardener)
    for entries in (stroke(at(4, 9, 14), at(4, 12, 14)), [SetOption("erase", True)], stroke(at(4, 9, 13))):
        done(e, *entries)
        kept, fresh = suggestion(e, gardener), suggestion(e)
        mask, other = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
        mask[kept.parts[0].where], other[fresh.parts[0].where] = kept.parts[0].voxels, fresh.parts[0].voxels
        inner = fresh.parts[0].where
        np.testing.assert_array_equal(mask[inner], other[inner])


def test_a_cancelled_run_gives_nothing_and_the_next_one_everything():
    e, gardener = seeded(), Gardener()
    whole = suggestion(e)
    assert gardener.suggest(growth_request(e.table), lambda share: True) is not None
    assert (suggestion(e, gardener).parts[0].voxels == whole.parts[0].voxels).all()


def test_padding_is_left_out():
    values = np.asarray(VOLUME).copy()
    values[:, 9, 10] = -2000
    volume = like(VOLUME, values)
    volume.attrs["padding"] = (-2000, -2000)
    e = done(Easel(lambda uid: volume), Show(SERIES), Add("a", "growcut", "lesion 1", (255, 0, 0), SERIES))
    done(e, SetOption("radius_mm", 1.0), *inside(), *around())
    (part,) = suggestion(e).parts
    mask = np.zeros(SHAPE, bool)
    mask[part.where] = part.voxels
    assert mask[4, 9, 9] and not mask[:, 9, 10].any()


def test_a_result_that_reaches_the_edge_of_its_region_says_so():
    e = done(easel("growcut", radius_mm=1.0, dimension=2), *inside(), SetOption("erase", True))
    done(e, *stroke(at(4, 9, 14)))
    note = suggestion(e).note
    assert note.startswith("lesion 1 reaches the edge of the region toward the ") and "background" in note


@pytest.mark.parametrize(
    ("towards", "patient", "picture"),
    [
        ((0, 0, -1), "the feet", "the first picture"), ((0, 0, 1), "the head", "the last picture"),
        ((0, -1, 0), "anterior", "the first row"), ((0, 1, 0), "posterior", "the last row"),
        ((-1, 0, 0), "the right", "the first column"), ((1, 0, 0), "the left", "the last column"),
    ],
)  # fmt: skip
def test_it_says_toward_which_side_of_the_patient_or_of_a_picture(towards, patient, picture):
    region = (slice(2, 5), slice(2, 7), slice(2, 8))
    voxels = np.zeros((3, 5, 6), bool)
    place = [0 if t < 0 else -1 if t else 1 for t in reversed(towards)]
    voxels[tuple(place)] = True
    for flip in (1, -1):  # also of a series whose axes run against those of the patient
        grid = Grid.from_arrays((0, 0, 0), flip * np.eye(3)[::-1], (3, 1, 1), (9, 9, 9), FRAME)
        seen = voxels if flip > 0 else np.flip(voxels)
        assert cut_sides(seen, region, grid, False) == [patient]
        assert cut_sides(seen, (slice(0, 3), slice(0, 5), slice(0, 6)), replace(grid, shape=(3, 5, 6)), False) == []
    assert cut_sides(
        voxels, region, Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (9, 9, 9), FRAME), True
    ) == [picture]


def test_an_acceptance_needs_its_annotation_and_its_grid():
    e = seeded()
    accept = acceptance(suggestion(e), SHAPE)
    done(e, Delete("a"))
    for wrong, says in ((accept, "no longer exists"), (acceptance(suggestion(seeded()), (1, 2, 3)), "different grid")):
        with pytest.raises(Refused, match=says):
            e.do(wrong)
    with pytest.raises(BadJournal):
        e.do(Accept(SERIES, "no zip", "growcut/1", "x"))
    assert GRID.shape == SHAPE


def test_noise_disturbs_less_because_it_grows_on_smoothed_values():
    k, j, i = np.indices((20, 50, 50))
    ball = ((k - 10) * 2) ** 2 + (j - 25) ** 2 + (i - 25) ** 2 < 14**2
    noise = np.random.default_rng(1).normal(0, 25, ball.shape)
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (2.0, 1.0, 1.0), ball.shape, FRAME)
    e = Easel.for_volume(volume_from_array(np.where(ball, 110, 60) + noise.astype(np.int16), grid, series_uid=SERIES))
    e.do(Add("a", "growcut", "lesion 1", (255, 0, 0), SERIES))
    e.table.history.open_field(SEED_UID, ball.shape)
    seeds = np.zeros(ball.shape, np.uint16)
    seeds[8:13, 20:31, 20:31] = FIRST
    seeds[:, [4, -5]] = seeds[:, :, [4, -5]] = seeds[[1, -2]] = BACKGROUND
    request = growth_request(e.table)
    assert request is not None
    (part,) = Gardener().suggest(replace(request, seeds=seeds), lambda share: True).parts
    raw = grow(e.table.sheet.values[part.where], seeds[part.where], margin=None) == FIRST
    assert dice(part.voxels, ball[part.where]) > max(0.9, dice(raw, ball[part.where]) + 0.05)


def test_it_is_said_what_an_annotation_would_lose():
    e = seeded()
    e.do(acceptance(suggestion(e), SHAPE))
    done(e, *inside(), *around())
    same = suggestion(e)
    assert "accepting removes it" not in same.note
    before = int((e.table.field("a") >= HALF).sum())
    done(e, SetOption("erase", True), *stroke(at(4, 8, 7), at(4, 10, 7)), SetOption("erase", False))
    found = suggestion(e)
    (part,) = found.parts
    lost = int(((e.table.field("a") >= HALF)[part.where] & ~part.voxels).sum())
    size = lost * float(np.prod(GRID.spacing_mm)) / 1000
    assert 0 < lost < before and f"{size:.2f} ml that lesion 1 has now is outside the result" in found.note
