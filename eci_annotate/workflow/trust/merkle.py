"""A Merkle mountain range (RFC 6962 trees, kept as peaks): one root over a log, extended without the earlier leaves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from eci_annotate.workflow.codec import digest


@dataclass(frozen=True)
class Range:
    """The first `size` leaves of the log as the peaks of their perfect trees: one for each set bit of `size`."""

    size: int = 0
    peaks: tuple[str, ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> Range:
        """Return the range with more leaves appended."""
        return reduce(_with_leaf, leaves, self)

    @property
    def root(self) -> str:
        """Return one digest over all leaves and their number, as 64 hexadecimal digits."""
        return digest(b"\x02" + f"{self.size};{';'.join(self.peaks)}".encode())


def _with_leaf(state: Range, leaf: bytes) -> Range:
    peaks, new, size = list(state.peaks), digest(b"\x00" + leaf), state.size
    while size & 1:
        new = digest(b"\x01" + bytes.fromhex(peaks.pop()) + bytes.fromhex(new))
        size >>= 1
    return Range(state.size + 1, (*peaks, new))
