"""The reference stores: plain dictionaries under one lock. What they do is right; the others must do the same."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock

from eci_annotate.errors import Conflict, LeaseLost, NotFound
from eci_annotate.store.protocols import Address, Entry, Holder, Record, check_digest, check_fence, check_stream
from eci_annotate.workflow.codec import digest


class MemoryEvents:
    """EventStore in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: list[Entry] = []

    def append(self, stream: str, records: Sequence[Record], expected: int) -> None:
        check_stream(stream)
        with self._lock:
            have = len(self._of(stream))
            if have != expected:
                raise Conflict("Somebody else was faster.", "Read again and retry.")
            for number, record in enumerate(records, 1):
                position = len(self._entries) + 1
                self._entries.append(Entry(position, stream, have + number - 1, copy.deepcopy(record)))

    def _of(self, stream: str) -> list[Entry]:
        return [entry for entry in self._entries if entry.stream == stream]

    def read(self, stream: str, after: int = 0) -> list[Record]:
        check_stream(stream)
        return [copy.deepcopy(entry.record) for entry in self._of(stream)[after:]]

    def feed(self, after: int = 0) -> list[Entry]:
        return copy.deepcopy(self._entries[after:])

    def streams(self, prefix: str = "") -> list[str]:
        return sorted({entry.stream for entry in self._entries if entry.stream.startswith(prefix)})


class MemoryBlobs:
    """BlobStore in memory."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        key = digest(content)
        self._content[key] = bytes(content)
        return key

    def get(self, digest: str) -> bytes:
        try:
            return self._content[check_digest(digest)]
        except KeyError:
            raise NotFound("There is no blob with this digest.", "Check the digest.") from None


class MemoryDrafts:
    """DraftStore in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holders: dict[Address, Holder] = {}
        self._journals: dict[Address, dict[int, tuple[Holder, list[Record]]]] = {}

    def open(self, address: Address, holder: Holder) -> None:
        with self._lock:
            now = self._holders.get(address)
            if now is not None and now.fence >= holder.fence:
                check_fence(now, holder.fence)
                return
            self._holders[address] = holder
            journals = self._journals.setdefault(address, {})
            own = (holder.owner, holder.version)
            past = [f for f, (h, _) in journals.items() if (h.owner, h.version) == own]
            carried = copy.deepcopy(journals[max(past)][1]) if past else []
            journals[holder.fence] = (holder, carried)

    def holder(self, address: Address) -> Holder | None:
        return self._holders.get(address)

    def renew(self, address: Address, fence: int, until: datetime) -> None:
        with self._lock:
            self._holders[address] = replace(check_fence(self._holders.get(address), fence), until=until)

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        with self._lock:
            check_fence(self._holders.get(address), fence)
            self._journals[address][fence][1].extend(copy.deepcopy(list(entries)))

    def sync(self, address: Address, fence: int) -> None:
        if fence not in self._journals.get(address, {}):
            raise LeaseLost("There is no such draft.", "Start the task again.")

    def read(self, address: Address, fence: int) -> list[Record]:
        with self._lock:
            journal = self._journals.get(address, {}).get(fence)
            return copy.deepcopy(journal[1]) if journal else []
