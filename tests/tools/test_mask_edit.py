"""Operations on annotations: suggested, accepted as one undo item, never applied by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.entries import Add, Undo
from eci_annotate.tools.mask_edit import Combination, MaskEdit, MaskOperation, others_of, suggested_edit
from eci_annotate.tools.protocol import FULL, HALF, ArrayEdit
from tests.grids import SERIES
from tests.tools.scenes import SHAPE, easel


def filled(e, uid, where):
    after = np.full(e.table.field(uid)[where].shape, FULL, np.uint16)
    e.table.history.apply([ArrayEdit(uid, where, e.table.field(uid)[where].copy(), after)])
    e.table.history.commit("filling")


BLOCK = (slice(2, 5), slice(5, 12), slice(6, 14))
OTHER = (slice(4, 7), slice(9, 16), slice(10, 20))


@pytest.fixture
def e():
    made = easel("smartpaint")
    filled(made, "a", BLOCK)
    made.do(Add("b", "smartpaint", "lesion 2", (0, 255, 0), SERIES))
    filled(made, "b", OTHER)
    return made


def mask(e, uid):
    return np.asarray(e.table.field(uid)) >= HALF


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (Combination.UNION, lambda a, b: a | b),
        (Combination.SUBTRACT, lambda a, b: a & ~b),
        (Combination.INTERSECT, lambda a, b: a & b),
    ],
)
def test_two_annotations_are_combined(e, what, expected):
    a, b = mask(e, "a"), mask(e, "b")
    found = suggested_edit(e.table, MaskEdit("a", what, "b"))
    np.testing.assert_array_equal(mask(e, "a"), a)
    e.do(acceptance(found, SHAPE))
    np.testing.assert_array_equal(mask(e, "a"), expected(a, b))
    np.testing.assert_array_equal(mask(e, "b"), b)
    assert e.table.undo_name == f"Undo “{what.lower()} lesion 2” on lesion 1"
    e.do(Undo())
    np.testing.assert_array_equal(mask(e, "a"), a)


@pytest.mark.parametrize("what", [MaskOperation.GROW, MaskOperation.SHRINK])
def test_margins_change_the_size(e, what):
    before = mask(e, "a").sum()
    e.do(acceptance(suggested_edit(e.table, MaskEdit("a", what)), SHAPE))
    after = mask(e, "a").sum()
    assert after > before if what is MaskOperation.GROW else after < before


def test_a_copy_is_a_new_annotation(e):
    copy = Annotation(label="lesion 3", colour=(1, 2, 3), uid="c", series_uid=SERIES)
    e.do(acceptance(suggested_edit(e.table, MaskEdit("a", MaskOperation.COPY), copy), SHAPE))
    np.testing.assert_array_equal(mask(e, "c"), mask(e, "a"))
    assert e.table.active == "c" and e.table.objects["c"].label == "lesion 3"
    e.do(Undo())
    assert "c" not in e.table.objects


def test_each_gap_between_slices_is_a_choice(e):
    e.do(Add("d", "smartpaint", "lesion 4", (0, 255, 0), SERIES))
    for k in (0, 2, 6):
        filled(e, "d", (slice(k, k + 1), slice(5, 12), slice(6, 14)))
    found = suggested_edit(e.table, MaskEdit("d", MaskOperation.INTERPOLATE))
    assert [title for title, _ in found.choices] == ["Gap 1 of 2 (1 slice)", "Gap 2 of 2 (3 slices)"]
    whole, first = found.parts[0].voxels, found.choices[0][1].voxels
    assert whole.any((1, 2))[:7].all() and first.any((1, 2))[:7].tolist() == [
        True,
        True,
        True,
        False,
        False,
        False,
        True,
    ]


def test_what_cannot_be_done_is_said(e):
    with pytest.raises(Refused, match="nothing would change"):
        suggested_edit(e.table, MaskEdit("a", MaskOperation.FILL))
    e.do(Add("box", "box", "box 1", (0, 0, 0), SERIES))
    with pytest.raises(Refused, match="painted annotations"):
        suggested_edit(e.table, MaskEdit("box", MaskOperation.FILL))
    e.do(Add("empty", "smartpaint", "lesion 9", (0, 0, 0), SERIES))
    with pytest.raises(Refused, match="is empty"):
        suggested_edit(e.table, MaskEdit("empty", MaskOperation.SMOOTH))
    assert others_of(e.table, "a") == {"b": "lesion 2", "empty": "lesion 9"} and others_of(e.table, "box") == {}
