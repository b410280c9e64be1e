"""Who may write to a draft: the newest fence, while the draft is open. For the stores of drafts."""

from __future__ import annotations

from collections.abc import Sequence

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.store.protocols import DraftPart, DraftStore, Holder


def check_fence(holder: Holder | None, fence: int) -> Holder:
    """Return `holder` if `fence` is the newest; raises LeaseLost otherwise."""
    if holder is None or holder.fence != fence:
        raise lost(holder, fence)
    return holder


def check_open(holder: Holder | None, fence: int) -> None:
    """Raise LeaseLost unless `fence` is the newest, and the draft is open."""
    if check_fence(holder, fence).closed:
        raise lost(holder, fence)


def lost(holder: Holder | None, fence: int) -> LeaseLost:
    """Return the error for an older fence, or for a draft that is closed."""
    if holder is not None and holder.fence == fence:
        return LeaseLost("This task is signed.", "Start its next version to go on.")
    return LeaseLost("This task was taken over.", "Start it again; your last work is kept as a draft.")


def append_each(drafts: DraftStore, parts: Sequence[DraftPart]) -> list[EciError | None]:
    """Implement `DraftStore.append_many` for stores that gain nothing from batches."""
    return [_refusal_of(drafts, part) for part in parts]


def _refusal_of(drafts: DraftStore, part: DraftPart) -> EciError | None:
    try:
        drafts.append(part.address, part.fence, part.entries)
        drafts.sync(part.address, part.fence)
    except LeaseLost as refusal:
        return refusal
    return None
