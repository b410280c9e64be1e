"""Save drafts in batches: saves that arrive while others are being written are written next, together, in one thread.

Many annotators thus need few threads and few transactions; each save is answered when its own entries are on the disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace

from starlette.concurrency import run_in_threadpool

from eci_annotate.errors import Conflict, EciError
from eci_annotate.repository.service.person_backend import PersonBackend
from eci_annotate.store.protocols import DraftPart, busy

LANES, LARGEST = 4, 64


@dataclass(frozen=True)
class _Waiting:
    repo: PersonBackend
    part: DraftPart
    done: asyncio.Future[EciError | None]
    # so that a refusal is recorded for this request, not for the first one of the worker
    asked: Context = field(default_factory=copy_context)


class Saver:
    """Writes drafts for all sessions.

    Parameters
    ----------
    append
        Appends to several drafts; returns the refusal of each, or None.
    """

    def __init__(self, append: Callable[[Sequence[DraftPart]], Sequence[EciError | None]]) -> None:
        self._append = append
        self._waiting: deque[_Waiting] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def save(self, repo: PersonBackend, part: DraftPart) -> None:
        """Append to the draft that the session of `repo` holds; it is on the disk on return."""
        done: asyncio.Future[EciError | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(repo, part, done))
        if len(self._lanes) < LANES:
            lane = asyncio.create_task(self._write_all())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        if refusal := await done:
            raise refusal

    async def _write_all(self) -> None:
        while self._waiting:
            lot = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST))]
            try:
                told: Sequence[EciError | None] = await run_in_threadpool(self._write, lot)
            except Exception as error:  # each is reported in its own request
                _fail(lot, error)
                continue
            for each, refusal in zip(lot, told, strict=True):
                if not each.done.done():
                    each.done.set_result(refusal)

    def _write(self, lot: Sequence[_Waiting]) -> list[EciError | None]:
        """Save by the roles that were read last; what they do not allow, or no longer, is checked by those of now."""
        told: list[EciError | None] = [busy()] * len(lot)
        self._write_some(lot, told, {n: part for n, each in enumerate(lot) if (part := _behind(each))})
        unsure = [number for number, refusal in enumerate(told) if isinstance(refusal, Conflict)]
        for number in unsure:
            told[number] = _refused(lot[number])
        self._write_some(lot, told, {n: lot[n].part for n in unsure if told[n] is None})
        return told

    def _write_some(self, lot: Sequence[_Waiting], told: list[EciError | None], parts: Mapping[int, DraftPart]) -> None:
        if parts:
            for number, refusal in zip(parts, self._append(list(parts.values())), strict=True):
                told[number] = refusal


def _behind(each: _Waiting) -> DraftPart | None:
    try:
        head = each.asked.run(each.repo.drafts.head_if_held, each.part.address, each.part.fence)
    except EciError:  # is named when it is checked again
        return None
    return replace(each.part, behind=head) if head else None


def _refused(each: _Waiting) -> EciError | None:
    try:
        each.asked.run(each.repo.drafts.check_held, each.part.address, each.part.fence)
    except EciError as refusal:
        return refusal
    return None


def _fail(lot: Sequence[_Waiting], error: Exception) -> None:
    for each in lot:
        if not each.done.done():
            each.done.set_exception(error)
