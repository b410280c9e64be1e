"""Only the history writes: it applies edits, merges a stroke into one named item, undoes and redoes.

Undoing everything restores the initial state bit for bit, redoing everything the final state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from eci_annotate.imaging.blocks import Block, union, within
from eci_annotate.tools.appearance import has_shape, looks_same
from eci_annotate.tools.protocol import HALF, ArrayEdit, Edit, Fields, Object, ObjectEdit, is_series_field

MOST_BYTES = 256 * 2**20  # older items are discarded beyond this


@dataclass(frozen=True, eq=False)
class Change:
    """What changed: which annotation, and in which voxels (None: all of it)."""

    uid: str
    where: Block | None


@dataclass(frozen=True, eq=False)
class Item:
    """One undoable change with a name."""

    name: str
    edits: tuple[Edit, ...]

    @property
    def size(self) -> int:
        """Number of bytes it occupies."""
        return sum(e.before.nbytes + e.after.nbytes for e in self.edits if isinstance(e, ArrayEdit))

    @cached_property
    def is_visible(self) -> bool:
        """Whether any annotation looks different; a faint dab may change a field but no voxel of the mask."""
        return any(_is_visible(edit) for edit in self.edits)


def _is_visible(edit: Edit) -> bool:
    if isinstance(edit, ObjectEdit):
        return not looks_same(edit.before, edit.after)
    if is_series_field(edit.uid):
        return True
    return not np.array_equal(edit.before >= HALF, edit.after >= HALF)


def _visible_step(items: Sequence[Item]) -> int:
    """Return how many items, from the last one, reach the next visible one; all if none is visible."""
    return next((n for n, item in enumerate(reversed(items), 1) if item.is_visible), len(items))


class History:
    """Owns objects and fields of one easel."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}
        self._order: dict[str, None] = {}  # of every annotation that ever existed
        self._revisions: Counter[str] = Counter()
        self._fields: dict[str, Fields] = {}
        self.done: list[Item] = []
        self.undone: list[Item] = []
        self.stroke: list[Edit] = []

    @property
    def objects(self) -> Mapping[str, Object]:
        """Annotations by uid, in the order in which they were added; read-only."""
        return MappingProxyType(self._objects)

    @property
    def order(self) -> list[str]:
        """uids of all annotations in the order in which they were added, deleted ones included."""
        return list(self._order)

    def keep_order(self, uids: Iterable[str]) -> None:
        """Set the order of annotations, as from a snapshot."""
        self._order = dict.fromkeys([*uids, *self._order])

    @property
    def fields(self) -> Mapping[str, Fields]:
        """Fields of painted annotations and of series by uid, uint16 (k, j, i); the mapping is read-only."""
        return MappingProxyType(self._fields)

    def open_field(self, uid: str, shape: tuple[int, ...]) -> Fields:
        """Return the field of a painted annotation; zeros if it had none."""
        return self._fields.setdefault(uid, np.zeros(shape, np.uint16))

    def place(self, thing: Object, field: Fields | None = None) -> None:
        """Add a finished annotation, as from a file or snapshot; this is not an undo item."""
        self._put(thing.uid, thing)
        if field is not None:
            self.place_field(thing.uid, field)

    def place_field(self, uid: str, field: Fields) -> None:
        """Add a finished field; it may belong to a deleted annotation that undo can restore."""
        self._fields[uid] = field
        self._revisions[uid] += 1

    def revision(self, uid: str) -> int:
        """Return a number that grows with each change of an annotation."""
        return self._revisions[uid]

    @property
    def in_stroke(self) -> bool:
        """Whether edits are waiting to be committed or rolled back."""
        return bool(self.stroke)

    def apply(self, edits: Iterable[Edit]) -> tuple[Change, ...]:
        """Apply edits as part of the running stroke."""
        found = tuple(edits)
        self.stroke.extend(found)
        return self._write(found)

    def is_vain(self, further: Iterable[Edit] = ()) -> bool:
        """Whether the running stroke, with further edits, changes nothing: at most it adds what has no shape."""
        edits = (*self.stroke, *further)
        if any(isinstance(e, ArrayEdit) and not np.array_equal(e.before, e.after) for e in edits):
            return False
        before: dict[str, Object | None] = {}
        after: dict[str, Object | None] = {}
        for edit in edits:
            if isinstance(edit, ObjectEdit):
                before.setdefault(edit.uid, edit.before)
                after[edit.uid] = edit.after
        return all(
            looks_same(was, after[uid]) or (was is None and not has_shape(after[uid])) for uid, was in before.items()
        )

    @property
    def added(self) -> frozenset[str]:
        """uids of the annotations that the running stroke added."""
        return frozenset(e.uid for e in self.stroke if isinstance(e, ObjectEdit) and e.before is None)

    def commit(self, name: str) -> None:
        """Close the running stroke as one item; a stroke that changed nothing leaves none."""
        merged = tuple(self._merged())
        self.stroke.clear()
        if merged:
            self.done.append(Item(name, merged))
            self.undone.clear()
            self._forget()

    def rollback(self) -> tuple[Change, ...]:
        """Revert the running stroke."""
        changes = self._write([e.inverse() for e in reversed(self.stroke)])
        self.stroke.clear()
        return changes

    @property
    def undo_steps(self) -> int:
        """Number of items to undo until something looks different; 0 if there is none."""
        return _visible_step(self.done)

    @property
    def redo_steps(self) -> int:
        """Number of items to redo: up to the next visible one, and the invisible ones that follow it."""
        first = _visible_step(self.undone)
        rest = self.undone[: len(self.undone) - first]
        return first + next((n for n, item in enumerate(reversed(rest)) if item.is_visible), len(rest))

    def undo(self) -> tuple[Change, ...]:
        """Undo the last item; does nothing if there is none."""
        if not self.done:
            return ()
        item = self.done.pop()
        self.undone.append(item)
        return self._write([e.inverse() for e in reversed(item.edits)])

    def redo(self) -> tuple[Change, ...]:
        """Redo the last undone item; does nothing if there is none."""
        if not self.undone:
            return ()
        item = self.undone.pop()
        self.done.append(item)
        return self._write(item.edits)

    def _write(self, edits: Sequence[Edit]) -> tuple[Change, ...]:
        return tuple(self._write_one(e) for e in edits)

    def _write_one(self, edit: Edit) -> Change:
        self._revisions[edit.uid] += 1
        if isinstance(edit, ArrayEdit):
            self._fields[edit.uid][edit.where] = edit.after
            return Change(edit.uid, edit.where)
        if edit.after is None:
            self._objects.pop(edit.uid, None)
        else:
            self._put(edit.uid, edit.after)
        return Change(edit.uid, None)

    def _put(self, uid: str, thing: Object) -> None:
        """Set an object; one that was deleted returns to its position."""
        self._order.setdefault(uid)
        came_back = uid not in self._objects
        self._objects[uid] = thing
        if came_back and uid != next(reversed(self._order)):
            ordered = {each: self._objects[each] for each in self._order if each in self._objects}
            self._objects.clear()
            self._objects.update(ordered)

    def _merged(self) -> Iterable[Edit]:
        for uid in dict.fromkeys(e.uid for e in self.stroke):
            mine = [e for e in self.stroke if e.uid == uid]
            yield from self._merged_objects([e for e in mine if isinstance(e, ObjectEdit)])
            yield from self._merged_arrays(uid, [e for e in mine if isinstance(e, ArrayEdit)])

    def _merged_objects(self, edits: list[ObjectEdit]) -> Iterable[Edit]:
        if edits and edits[0].before is not edits[-1].after:
            yield ObjectEdit(edits[0].uid, edits[0].before, edits[-1].after)

    def _merged_arrays(self, uid: str, edits: list[ArrayEdit]) -> Iterable[Edit]:
        if not edits:
            return
        where = union(*(e.where for e in edits))
        after = self._fields[uid][where].copy()
        before = after.copy()
        for edit in reversed(edits):
            before[within(edit.where, where)] = edit.before
        if not np.array_equal(before, after):
            yield ArrayEdit(uid, where, before, after)

    def forget_items(self) -> None:
        """Drop everything that could be undone or redone; annotations stay as they are."""
        self.done.clear()
        self.undone.clear()

    def _forget(self) -> None:
        while len(self.done) > 1 and sum(item.size for item in self.done) > MOST_BYTES:
            self.done.pop(0)
