"""Who may write to a draft: the newest fence, while the draft is open. For the stores of drafts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.store.protocols import DraftPart, DraftStore, Holder, busy


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


HeadsOf = Callable[[Sequence[str]], dict[str, int]]


def no_heads(streams: Sequence[str]) -> dict[str, int]:
    """Return the heads of streams where there are none."""
    return {}


def append_each(drafts: DraftStore, parts: Sequence[DraftPart], heads_of: HeadsOf) -> list[EciError | None]:
    """Implement `DraftStore.append_many` for stores that gain nothing from batches; `heads_of` as of an EventStore."""
    return [_refusal_of(drafts, part, heads_of) for part in parts]


def _refusal_of(drafts: DraftStore, part: DraftPart, heads_of: HeadsOf) -> EciError | None:
    if part.behind and heads_of([part.behind.stream]).get(part.behind.stream, 0) != part.behind.records:
        return busy()
    try:
        drafts.append(part.address, part.fence, part.entries)
        drafts.sync(part.address, part.fence)
    except LeaseLost as refusal:
        return refusal
    return None
