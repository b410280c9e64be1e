"""A Merkle mountain range (RFC 6962's trees, kept by their peaks): one root over a log, extended from what is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from eci_annotate.workflow.codec import digest


@dataclass(frozen=True)
class Range:
    """The log's first `size` leaves, by the peaks of the perfect trees that they make: one for each bit of `size`."""

    size: int = 0
    peaks: tuple[str, ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> Range:
        """The range with more leaves behind."""
        return reduce(_with_leaf, leaves, self)

    @property
    def root(self) -> str:
        """One digest over all leaves and their number, as 64 hexadecimal digits."""
        return digest(b"\x02" + f"{self.size};{';'.join(self.peaks)}".encode())


def _with_leaf(state: Range, leaf: bytes) -> Range:
    peaks, new, size = list(state.peaks), digest(b"\x00" + leaf), state.size
    while size & 1:
        new = digest(b"\x01" + bytes.fromhex(peaks.pop()) + bytes.fromhex(new))
        size >>= 1
    return Range(state.size + 1, (*peaks, new))
