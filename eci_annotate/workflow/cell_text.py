"""Text for terminals and spreadsheets: no control characters, and no cell that is taken for a formula."""

from __future__ import annotations

from unicodedata import category


def plain(value: object) -> str:
    """Return a value as text that a terminal only shows: control and direction characters are replaced."""
    return "".join(
        " " if char in "\n\t" else "\N{REPLACEMENT CHARACTER}" if category(char) in ("Cc", "Cf") else char
        for char in str(value)
    )


def csv_cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    return f"'{plain(value)}" if value.lstrip()[:1] in ("=", "+", "-", "@") else plain(value)
