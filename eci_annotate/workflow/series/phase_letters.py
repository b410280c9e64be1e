"""Phases that a study names by letters, as "Abdomen A", "Abdomen V" and "Abdomen D", or "Liver AP" and "Liver PP".

Letters say nothing alone. Of series whose descriptions differ in them only, numbers apart, they name the phases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

LETTERS = {"n": "native", "a": "arterial", "v": "portal", "d": "late"}
ARTERIAL, VENOUS, EITHER = "a", "v", "p"  # P is plain beside V, else portal
CODES = {
    "nc": "native", "ps": "native", "bk": "native",
    "ap": "arterial", "ha": "arterial", "hap": "arterial", "af": "arterial", "la": "arterial", "dm": "arterial",
    "pp": "portal", "vp": "portal", "vf": "portal", "pvf": "portal", "mm": "portal",
    "ep": "late", "lp": "late", "of": "late", "tp": "late", "dp": "late",
}  # fmt: skip
PAIR = ("ap", "pp")  # beside each other nothing else: AP alone may be abdomen and pelvis
NUMBERS = re.compile(r"\d+\w*|[b-s]{1,2}\d+\w*")
REPEATED = re.compile(r"(a|ap|ha|dm)[123]")

Siblings = dict[tuple[str, ...], dict[str, set[str]]]


def phases_by_letter(descriptions: Sequence[str], phases: Sequence[str] = ()) -> list[str]:
    """Return the phase of each series of a study that its letters name; empty where none do.

    Parameters
    ----------
    descriptions
        Words of the series' descriptions, separated by blanks (`words_of`).
    phases
        The phases that these words name, or empty.

    Examples
    --------
    >>> phases_by_letter(["abd a 1 5", "abd v 1 5", "thorax", "abd a p"])
    ['arterial', 'portal', '', '']
    >>> phases_by_letter(["liver ap 3mm", "liver pv", "chest ap"], ["", "portal", ""])
    ['arterial', '', '']
    """
    stated = phases or [""] * len(descriptions)
    texts = [_telling(words) for words in descriptions]
    siblings: Siblings = {}
    for words, phase in zip(texts, stated, strict=True):
        for place, word in enumerate(words):
            named = phase or CODES.get(word, "")
            siblings.setdefault(_around(words, place), {}).setdefault(word, set()).add(named)
    pair = all(any(each in words for words in texts) for each in PAIR) and not any(set(PAIR) <= set(w) for w in texts)
    return ["" if phase else _phase(words, siblings, pair) for words, phase in zip(texts, stated, strict=True)]


def _telling(words: str) -> list[str]:
    """Return the words without numbers, their units, kernels, and the number of a repeated phase."""
    kept: list[str] = []
    before = ""
    for word in words.split():
        single = REPEATED.fullmatch(word)
        if single or not (NUMBERS.fullmatch(word) or (word == "mm" and before.isdigit())):
            kept.append(single[1] if single else word)
        before = word
    return kept


def _around(words: Sequence[str], place: int) -> tuple[str, ...]:
    return (*words[:place], "", *words[place + 1 :])


def _phase(words: Sequence[str], siblings: Siblings, pair: bool) -> str:
    """Return the phase that the only telling letters of a description name."""
    named = set()
    for place, word in enumerate(words):
        others = siblings.get(_around(words, place), {})
        named |= _by_letter(word, set(others)) | _by_sibling(word, others)
        if pair and CODES.get(word) and len(word) == len(PAIR[0]):
            named.add(CODES[word])
    return named.pop() if len(named) == 1 else ""


def _by_letter(word: str, others: set[str]) -> set[str]:
    letters = others & {*LETTERS, EITHER}
    if ARTERIAL in letters and len(letters) > 1 and word in letters:
        return {LETTERS.get(word, "native" if VENOUS in letters else "portal")}
    return set()


def _by_sibling(word: str, others: Mapping[str, set[str]]) -> set[str]:
    """Return the phase of a word beside which series of another phase, and of it no other, are named."""
    phase = CODES.get(word) or LETTERS.get(word, "")
    beside = set().union(*(phases for other, phases in others.items() if other != word)) - {""}
    enough = beside if phase == "native" else beside - {"native"}
    if word == PAIR[0]:
        enough = beside & {"portal"}
    alphabet = word in LETTERS and {"b", "c"} & set(others)
    return {phase} if phase and enough and phase not in beside and not alphabet else set()
