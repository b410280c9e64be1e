"""What readers see of a label: labels that look alike are one to them, and two to a program."""

from __future__ import annotations

import unicodedata


def visible_text(label: str) -> str:
    """Return a label without what readers do not see of it: case, blanks, and how Unicode composes its letters.

    Examples
    --------
    >>> visible_text(" Lesion  1") == visible_text("lesion 1")
    True
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
    spaced = "".join(" " if each.isspace() else each for each in text)
    return " ".join("".join(each for each in spaced if unicodedata.category(each) not in ("Cf", "Cc")).split())
