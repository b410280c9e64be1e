"""Codes of choices: `x-code` of an option, from SNOMED CT, RadLex, LOINC, DICOM or a scheme of one's own.

A code says what an answer means outside this form. An option without one says ``none``: nothing is made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any

NONE = "none"
SNOMED, LOINC, RADLEX = "SCT", "LN", "RADLEX"
# designators of coding schemes (PS3.16, chapter 8) that name findings, anatomy, diseases and the like
SCHEMES = frozenset(
    (SNOMED, LOINC, RADLEX, "DCM", "SRT", "SNM3", "UMLS", "NCIt", "FMA", "UBERON", "MSH", "ICDO3", "I9", "I9C", "I10")
    + ("I10P", "I11", "RADELEMENT", "PATHLEX", "UCUM", "IBSI", "ACR", "MDC", "NEU", "BI", "CTCAE", "HPO", "OMIM")
)
OWN_SCHEME = "99"

# multiplication in the dihedral group D5, and the permutation of Verhoeff's check digit
_TIMES = tuple(tuple((a + (b if a < 5 else -b)) % 5 + 5 * ((a < 5) != (b < 5)) for b in range(10)) for a in range(10))
_SHIFT = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


@dataclass(frozen=True)
class AnswerCode:
    """A coded meaning.

    Parameters
    ----------
    scheme
        Coding scheme designator (PS3.16 chapter 8): ``SCT``, ``RADLEX``, ``LN``, ``DCM`` …
    value
        The code.
    meaning
        Its meaning in the scheme, in English.
    """

    scheme: str
    value: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


def codes_from(options: list[Mapping[str, Any]]) -> tuple[tuple[Any, AnswerCode], ...]:
    """Return the codes of those options that have one, by the value of the option."""
    return tuple(
        (option["const"], AnswerCode(code["scheme"], code["value"], code["meaning"]))
        for option in options
        if isinstance(code := option.get("x-code"), Mapping)
    )


def code_findings(title: str, options: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each problem of the codes of one question, and its remedy."""
    silent = [str(option.get("title", option["const"])) for option in options if "x-code" not in option]
    if silent and len(silent) < len(options):
        yield (
            f"{title!r} has codes, but {', '.join(map(repr, silent))} states none.",
            f'Give it a code, or "x-code": "{NONE}".',
        )
    known: dict[str, Any] = {}
    for value, code in codes_from(options):
        if str(code) in known:
            yield f"{title!r} has the code {code} twice.", "Give each choice its own code, or none."
        known[str(code)] = value
        if code.scheme not in SCHEMES and not code.scheme.startswith(OWN_SCHEME):
            yield (
                f"{title!r} has a code of the scheme {code.scheme!r}, which DICOM does not designate.",
                f"Write {SNOMED}, {RADLEX}, {LOINC}, DCM …; one of your own begins with {OWN_SCHEME}.",
            )
        if not is_well_formed(code):
            yield f"{title!r} has {code.value!r}, which is no code of {code.scheme}.", "Look it up again."


def is_well_formed(code: AnswerCode) -> bool:
    """Whether the code can be one of its scheme: form and check digit of SNOMED CT and LOINC, form of RadLex."""
    match code.scheme:
        case "SCT":
            return bool(re.fullmatch(r"[1-9]\d{5,15}", code.value)) and _verhoeff(code.value) == 0
        case "LN":
            return bool(re.fullmatch(r"\d{1,7}-\d", code.value)) and _mod10(code.value[:-2]) == int(code.value[-1])
        case "RADLEX":
            return bool(re.fullmatch(r"RID\d+", code.value))
    return True


def _verhoeff(digits: str) -> int:
    """Return Verhoeff's checksum, 0 for digits that end with their check digit."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        permuted = int(digit)
        for _ in range(place % 8):
            permuted = _SHIFT[permuted]
        check = _TIMES[check][permuted]
    return check


def _mod10(digits: str) -> int:
    """Return the check digit of LOINC: every other digit, from the last, is doubled (Luhn)."""
    doubled = [int(d) * factor for d, factor in zip(reversed(digits), cycle((2, 1)), strict=False)]
    return -sum(sum(divmod(each, 10)) for each in doubled) % 10
