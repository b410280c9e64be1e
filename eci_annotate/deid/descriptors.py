"""Clean texts: only words of a vocabulary, short numbers and sizes stay."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from eci_annotate.deid.profile import DATA

Cleaner = Callable[[str], str]
REMOVED = "REMOVED"
_PIECES = re.compile(r"[^\W_]+(?:\.[0-9]+)?|[\W_]+")
_NUMBER = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,2})?(?:mm|cm|ml|s|ms|x)?")


@cache
def vocabulary() -> frozenset[str]:
    """Return the words that a cleaned text may keep, in lower case."""
    return frozenset((DATA / "vocabulary.txt").read_text(encoding="utf-8").split())


def cleaner(words: tuple[str, ...] = ()) -> Cleaner:
    """Return a function that keeps the vocabulary's and these words of a text.

    Examples
    --------
    >>> from eci_annotate.deid.descriptors import cleaner
    >>> cleaner()("CT abdomen for Ms Doe 5.0 mm")
    'CT abdomen 5.0 mm'
    """
    known = vocabulary() | {word.lower() for word in words}

    @lru_cache(maxsize=4096)
    def clean(text: str) -> str:
        pieces: list[str] = _PIECES.findall(text)
        kept: list[str] = []
        for piece in pieces:
            word = piece[0].isalnum()
            if word and (piece.lower() in known or _NUMBER.fullmatch(piece.lower())):
                kept.append(piece)
            elif not word and kept and kept[-1][0].isalnum():
                kept.append(_separator(piece))
        return "".join(kept).strip(" -_/,")

    return clean


def _separator(piece: str) -> str:
    found = next((char for char in piece if char in "_-/,"), "")
    return f"{found} " if found and " " in piece else found or " "
