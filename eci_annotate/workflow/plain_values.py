"""What clients send must be storable and readable again by every program: checked before anything is stored.

JSON may hold more: lone surrogates and NUL (no UTF-8, no database text), NaN and infinities, nesting that no parser
follows, integers that other programs round.
"""

from __future__ import annotations

import re
from math import isfinite

from eci_annotate.errors import BadRequest

DEEPEST, LARGEST_NUMBER, LONGEST_TEXT = 32, 2**53, 20_000
_UNSEEN = re.compile("[\u200b\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]")  # reorders, or hides that texts differ
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check_plain(value: object, longest: int = LONGEST_TEXT, deepest: int = DEEPEST) -> None:
    """Check a JSON value.

    Parameters
    ----------
    value
        The value, as `json.loads` or `to_json` returns it.
    longest
        Largest number of characters of a text.
    deepest
        Largest number of levels.

    Raises
    ------
    BadRequest
        A text, a number or the nesting cannot be stored.
    """
    match value:
        case str():
            _check_text(value, longest)
        case bool() | None:
            pass
        case int() | float():
            if not isfinite(value) if isinstance(value, float) else abs(value) > LARGEST_NUMBER:
                raise BadRequest("A number is too large, or is none.", "Give a finite number.")
        case dict() | list() | tuple():
            if not deepest:
                raise BadRequest("The values are nested too deeply.", "Use a client of the same release.")
            for each in (*value, *value.values()) if isinstance(value, dict) else value:
                check_plain(each, longest, deepest - 1)
        case _:
            raise BadRequest("A value is of an unknown kind.", "Use a client of the same release.")


def check_command(values: object) -> None:
    """Check the values of a command: plain ones (`check_plain`), whose texts are seen as they are (`check_visible`)."""
    check_plain(values)
    check_visible(values)


def check_visible(value: object) -> None:
    """Check that all texts of a command are seen as they are: an audit trail quotes them, and people compare them.

    Raises
    ------
    BadRequest
        A text has a character that reverses the order of others, or is not seen.
    """
    match value:
        case str():
            if _UNSEEN.search(value):
                raise BadRequest("A text has an invisible character.", "Type the text again without it.")
        case dict() | list() | tuple():
            for each in (*value, *value.values()) if isinstance(value, dict) else value:
                check_visible(each)


def _check_text(text: str, longest: int) -> None:
    if len(text) > longest:
        raise BadRequest("A text is too long.", f"Use at most {longest:,} characters.")
    if _UNPRINTABLE.search(text):
        raise BadRequest("A text has a character that cannot be stored.", "Type the text again without it.")
