"""Find the patient's own data where no table expects them: names, numbers and birth dates that recur in free texts.

Texts are compared as characters without case, accents, width and invisible characters (`folded`), and as bytes in the
usual encodings, since texts are not always in the character set that the object names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import permutations, product

SHORTEST_NUMBER, SHORTEST_PHONE = 4, 7
_SHORTEST_NAME, _SHORTEST_INSIDE = 3, 6
_SHORTEST_AMONG_NUMBERS = 6  # shorter ones may be measured values
_SHORTEST_IN_BYTES = 5  # shorter ones occur by chance
_PRINTABLE = re.compile(rb"[ -~]{8,}")
_ENCODINGS = ("utf-8", "latin-1", "iso8859_2", "iso8859_5", "gb18030", "shift_jis", "euc_kr", "iso8859_7")
WORDS = re.compile(r"[^\W\d_]+")
_APOSTROPHES = re.compile(r"[^\W\d_]+(?:['’`´][^\W\d_]+)+")
_MOST_KNOWN = 4096
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})
_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_HIRAGANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}  # to katakana
_MONTHS = (
    "jan|jän|ene|gen", "feb|fév|fev", "mar|mär|mrz", "apr|avr|abr", "may|mai|mag", "jun|juin|giu", "jul|juil|lug",
    "aug|août|ago|aou", "sep|set", "oct|okt|ott|out", "nov", "dec|dez|déc|dic",
)  # fmt: skip


def folded(text: str) -> str:
    """Return a text without case, accents, width and invisible characters."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = (char for char in plain if unicodedata.category(char) not in ("Mn", "Cf"))
    return "".join(kept).translate(_LETTERS).translate(_HIRAGANA)


class Recurrence:
    """What identifies the patient of one object, to be found in its texts.

    Parameters
    ----------
    names, numbers
        Person names as DICOM writes them, and identifiers.
    phones, phrases, births
        Telephone numbers, addresses of several words, and birth dates (YYYYMMDD).
    """

    def __init__(
        self,
        names: tuple[str, ...],
        numbers: tuple[str, ...] = (),
        phones: tuple[str, ...] = (),
        phrases: tuple[str, ...] = (),
        births: tuple[str, ...] = (),
    ) -> None:
        words = [word for name in names for word in WORDS.findall(name)]
        usual = [word for word in words if len(word) >= _SHORTEST_NAME or not word.isascii()]
        self._needles = _needles((*usual, *numbers, *births))
        self._numbers = _whole_numbers((*numbers, *births))
        self._bytes = _any_of({each for text in (*usual, *numbers) for each in _encoded(text)}, r"[^\W_]")
        self._parts = [part for name in names for part in _name_patterns(name)]
        self._parts += [pattern for number in numbers for pattern in _number_patterns(number)]
        self._parts += [_loose(digits[-SHORTEST_PHONE:]) + r"(?!\d)" for digits in map(digits_of, phones) if digits]
        self._parts += [pattern for each in phrases for pattern in _phrase_patterns(each)]
        self._parts += [pattern for birth in births for pattern in _birth_patterns(birth)]
        self._folded = re.compile("|".join(dict.fromkeys(self._parts))) if self._parts else None
        self._known: dict[str, bool] = {}

    def is_in(self, text: str) -> bool:
        """Whether a text, or bytes read as Latin-1, holds something of the patient."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[text] = self._is_in(text)
        return known

    def _is_in(self, text: str) -> bool:
        if self._bytes is not None and self._bytes.search(text):
            return True
        return self._folded is not None and any(self._folded.search(each) for each in _readings(text))

    def is_in_bytes(self, content: bytes) -> bool:
        """Whether a binary value holds something of the patient: anywhere if it is long, else in readable text."""
        if len(content) < _SHORTEST_IN_BYTES:
            return False
        lower = content.lower()
        if any(needle in lower for needle in self._needles):
            return True
        runs = _PRINTABLE.findall(content)
        return self._bytes is not None and any(self._bytes.search(run.decode("ascii")) for run in runs)

    def has_number(self, text: str) -> bool:
        """Whether one of the numbers of a numeric value is an identifier, or the birth date."""
        if not any(number in text for number in self._numbers):
            return False
        return any(_whole(part) in self._numbers for part in text.split("\\"))

    def without(self, text: str) -> str:
        """Return a text without what it holds of the patient; nothing of it if that cannot be cut out."""
        rest = " ".join(self._bytes.sub("", text).split()) if self._bytes is not None else text
        return "" if self._is_in(rest) else rest


def _needles(words: Iterable[str]) -> tuple[bytes, ...]:
    """Words as they stand in binary values, in lower case where bytes have one."""
    encoded = {each.encode("latin-1", "ignore") for word in words for each in _encoded(word)}
    long = [word for word in words if len(word) >= _SHORTEST_IN_BYTES]  # a table that counts up has "stu"
    encoded |= {word.encode(encoding, "ignore") for word in long for encoding in ("utf-16-le", "utf-16-be")}
    return tuple({each.lower() for each in encoded if len(each) >= _SHORTEST_IN_BYTES})


def _whole_numbers(numbers: Iterable[str]) -> frozenset[str]:
    found = {re.sub(r"[\W_]", "", number).lstrip("0") for number in numbers}
    return frozenset(
        each for each in found if len(each) >= _SHORTEST_AMONG_NUMBERS and each.isdigit() and each.isascii()
    )


def _whole(part: str) -> str:
    """A number without sign, leading zeros and empty decimals."""
    return re.sub(r"\.0*$", "", part.strip(" +-\0").lstrip("0"))


def _any_of(words: Iterable[str], boundary: str) -> re.Pattern[str] | None:
    choices = "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))
    return re.compile(rf"(?<!{boundary})(?:{choices})(?!{boundary})", re.IGNORECASE) if choices else None


def _encoded(word: str) -> Iterator[str]:
    """A word as characters, and as its bytes in the usual encodings read as Latin-1; bytes know no upper case."""
    yield word
    for encoding, cased in product(_ENCODINGS, (word, word.lower(), word.upper(), word.title())):
        try:
            yield cased.encode(encoding).decode("latin-1")
        except UnicodeEncodeError:
            continue


def _readings(text: str) -> Iterator[str]:
    """A text as it is; bytes read as Latin-1 also in the encodings that they fit."""
    yield folded(text)
    if text.isascii() and "\x1b" not in text:
        return
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        return
    for encoding in (*_ENCODINGS, "iso2022_jp", "iso2022_kr"):
        try:
            yield folded(raw.decode(encoding))
        except UnicodeDecodeError:
            continue


def _name_patterns(name: str) -> Iterator[str]:
    """Patterns of one name: its words, its parts written together, and family name with an initial."""
    for group in name.replace("\\", "=").split("="):
        parts = ["".join(WORDS.findall(part)) for part in group.split("^") if WORDS.search(part)]
        words = WORDS.findall(group)
        pairs = [first + second for first, second in permutations(parts[:3], 2)]
        joined = ["".join(WORDS.findall(each)) for each in _APOSTROPHES.findall(group)]
        shortened = [(one, other[0]) for one, other in permutations(parts[:2], 2)]
        initials = [each for word, initial in shortened for each in (word + initial, initial + word)]
        for text in (*words, *parts, *pairs, *joined):
            yield from map(_word_pattern, _spellings(text))
        for text in initials:
            yield from (_bounded(re.escape(each)) for each in _spellings(text) if len(each) >= _SHORTEST_INSIDE)
        for first, second in permutations([part for part in parts if len(part) < _SHORTEST_NAME], 2):
            yield _bounded(rf"{re.escape(folded(first))}[\W_]+{re.escape(folded(second))}")


def _spellings(word: str) -> set[str]:
    """A word without accents, and as it is spelled where they cannot be typed (ü as ue)."""
    return {folded(word), folded(unicodedata.normalize("NFC", word.lower()).translate(_SPELLED))}


def _word_pattern(word: str) -> str:
    """A pattern of a folded word: inside of others if it is long or needs no spaces, else by itself and inflected."""
    if not word.isascii() and unicodedata.name(word[0], "").startswith(("CJK", "HANGUL", "KATAKANA")):
        return re.escape(word) if len(word) > 1 else _bounded(re.escape(word))
    if len(word) >= _SHORTEST_INSIDE:
        return _loose(word, most=1)
    if len(word) >= SHORTEST_NUMBER:
        return _bounded(re.escape(word) + r"(?:['’]?s|[^\W\d_])?")
    return _bounded(re.escape(word)) if len(word) >= _SHORTEST_NAME or not word.isascii() else "(?!)"


def _bounded(pattern: str) -> str:
    return rf"(?<![^\W\d_]){pattern}(?![^\W\d_])"


def _loose(text: str, most: int = 2) -> str:
    """A pattern of characters with separators between them."""
    return rf"[\W_]{{0,{most}}}".join(map(re.escape, text))


def _number_patterns(number: str) -> Iterator[str]:
    """Patterns of an identifier however its groups are separated, also without leading zeros."""
    plain = re.sub(r"[\W_]", "", folded(number))
    for each in {plain, plain.lstrip("0")}:
        if len(each) >= SHORTEST_NUMBER:
            yield rf"(?<![^\W_]){_loose(each)}(?![^\W_])"


def digits_of(text: str) -> str:
    return re.sub(r"\D", "", text)


def _phrase_patterns(text: str) -> Iterator[str]:
    """Patterns of several words in a row, and of them without numbers."""
    for pieces in (re.findall(r"[^\W_]+", folded(text)), WORDS.findall(folded(text))):
        if len(pieces) > 1:
            yield _bounded(r"[\W_]+".join(map(re.escape, pieces)))


def _birth_patterns(birth: str) -> Iterator[str]:
    """Patterns of a birth date as people write it: numbers in any usual order, and the month as a word."""
    year, month, day = birth[:4], int(birth[4:6]), int(birth[6:8])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return
    y, m, d, gap = rf"(?:{year}|{year[2:]})", f"0?{month}", f"0?{day}", r"[\W_]{1,2}"
    orders = [gap.join(parts) for parts in ((y, m, d), (d, m, y), (m, d, y))]
    orders += [birth, f"{birth[6:]}{birth[4:6]}{year}", f"{birth[4:6]}{birth[6:]}{year}"]
    word, nth = rf"(?:{folded(_MONTHS[month - 1])})[^\W\d_]*", "(?:st|nd|rd|th)?"
    apart = r"[\W_]{0,3}"
    orders += [f"{d}{nth}{apart}(?:de )?{word}{apart}(?:de )?{y}", f"{word}{apart}{d}{nth}{apart}{y}"]
    yield from (rf"(?<![\d.]){order}(?!\.?\d)" for order in orders)
