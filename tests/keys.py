"""Signing keys that were made before: to make one takes a quarter of a second, and most tests need several."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from eci_annotate.workflow.trust.rsa_keys import PrivateKey

DATA = Path(__file__).parent / "data"
_END = "-----END PRIVATE KEY-----\n"
_BITS = 3072


@cache
def kept(name: str) -> tuple[PrivateKey, ...]:
    """Return the keys of a file."""
    text = (DATA / f"{name}.pem").read_text()
    return tuple(PrivateKey.from_kept(f"{each}{_END}".encode()) for each in text.split(_END)[:-1])


def giver(left: Iterator[PrivateKey], made: Callable[[int], PrivateKey]) -> Callable[[int], PrivateKey]:
    """Return what gives each key that is left once, and makes keys when none is left, or others are asked for."""

    def give(bits: int = _BITS) -> PrivateKey:
        return (next(left, None) if bits == _BITS else None) or made(bits)

    return give
