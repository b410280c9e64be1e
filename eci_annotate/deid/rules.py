"""A policy, compiled: what happens to an element, by tag, representation, enclosing sequence and kind of object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag

from eci_annotate.deid.object_types import letter_for
from eci_annotate.deid.patient.patient_words import is_compared
from eci_annotate.deid.policy import Dates, Policy
from eci_annotate.deid.profile import Option, Row, row_of

PATIENT_NAME, PATIENT_ID, ISSUER = 0x00100010, 0x00100020, 0x00100021
CONTENT_SEQUENCE, TEXT_VALUE = 0x0040A730, 0x0040A160


class Action(StrEnum):
    """What happens to one element; the names are those of the report."""

    KEEP = "kept"
    REMOVE = "removed"
    EMPTY = "emptied"
    DUMMY = "replaced by a dummy"
    UID = "UID replaced"
    DATE = "date shifted"
    DATETIME = "date and time shifted"
    TIME = "kept if well-formed"
    TEXT = "text cleaned"
    AGE = "age capped"
    PERSON = "pseudonym set"
    PRIVATE = "private element kept"
    ITEMS = "items searched"
    ECHO = "text compared with the patient's data"


Key = tuple[int, str | None]
_DATE_VR = {"DA", "DT", "TM"}
_TEXT_VR = {"LO", "LT", "SH", "ST", "UC", "UT"}
_DATES = (Option.FULL_DATES, Option.MODIFIED_DATES)
_TIMEZONE = "00080201"
_REFERENCES = ("00081111",)  # their dummy is the reference with its UIDs replaced
# UIDs of classes, coding schemes and the like name nobody, and readers need them
_CLASS = re.compile("SOPClass|TransferSyntax|CodingSchemeUID|ContextUID|MappingResourceUID|ExtensionCreatorUID")
_CODES = {0x00080100, 0x00080102, 0x00080103, 0x00080120, 0x00080119}
_EXTRA = {TEXT_VALUE: Row("0040A160", "Text Value", ("D",), {Option.DESCRIPTORS: "C"})}  # in cleaned content only
_BY_VR: Mapping[str, Action] = {"PN": Action.EMPTY, "UR": Action.EMPTY, "AS": Action.AGE, "SQ": Action.ITEMS}


class Rules:
    """The actions of one policy for one kind of object; each question is answered once and kept."""

    def __init__(self, policy: Policy, object_name: str) -> None:
        self.policy = policy
        self._object = object_name
        self._options = frozenset(policy.options())
        self._tables: dict[int, dict[Key, Action]] = {}

    def table(self, parent: int) -> dict[Key, Action]:
        """Return the answers so far for the items of a sequence, 0 for the top; `action` fills them."""
        return self._tables.setdefault(parent, {})

    def action(self, tag: int, vr: str | None, parent: int) -> Action:
        """Return what happens to an element, and keep the answer."""
        found = self._decide(tag, representation(tag, vr), parent)
        self.table(parent)[tag, vr] = found
        return found

    def _decide(self, tag: int, vr: str, parent: int) -> Action:
        if tag >> 16 & 1:
            return Action.PRIVATE if self.policy.private else Action.REMOVE
        if tag >> 24 in (0x50, 0x60) and self.policy.keep_graphics:
            return Action.TEXT if vr in _TEXT_VR else Action.ECHO if is_compared(tag, vr) else Action.KEEP
        if tag in (PATIENT_NAME, PATIENT_ID) and (parent == 0 or tag == PATIENT_ID):
            return Action.PERSON
        row = row_of(tag) or _EXTRA.get(tag)
        return self._listed(row, vr, parent) if row else self._unlisted(tag, vr)

    def _listed(self, row: Row, vr: str, parent: int) -> Action:
        temporal = vr in _DATE_VR or row.tag == _TIMEZONE
        letters = {row.options.get(option) for option in self._options if (option in _DATES) == temporal}
        found = None
        if letters & {"K", "C"}:
            found = self._temporal(vr) if temporal else _with_option("K" if "K" in letters else "C", vr)
        return found or self.basic(row, vr, parent)

    def _temporal(self, vr: str) -> Action:
        if vr not in ("DA", "DT") or self.policy.dates is Dates.KEEP:
            return Action.TIME
        return Action.DATE if vr == "DA" else Action.DATETIME

    def basic(self, row: Row, vr: str, parent: int) -> Action:
        """Return the action of the basic profile, without options."""
        letter = letter_for(row.letters, self._object, parent, int(row.tag, 16) if "X" not in row.tag else 0)
        if letter == "U" or (letter == "D" and (vr == "UI" or row.tag in _REFERENCES)):
            return Action.ITEMS if vr == "SQ" else Action.UID
        return {"X": Action.REMOVE, "Z": Action.EMPTY, "D": Action.DUMMY}[letter]

    def without_options(self, tag: int, vr: str | None, parent: int) -> Action:
        """Return the action where an option cannot be carried out, e.g. for a date that is none."""
        row = row_of(tag) or _EXTRA.get(tag)
        return self.basic(row, representation(tag, vr), parent) if row else Action.EMPTY

    def _unlisted(self, tag: int, vr: str) -> Action:
        if vr == "UN" or tag >> 24 in (0x50, 0x60) or tag < 0x00080000 or not dictionary_has_tag(tag):
            return Action.REMOVE  # an element that no edition knows, whatever it says of its representation
        if vr in _DATE_VR:
            return Action.EMPTY if self.policy.dates is Dates.REMOVE else self._temporal(vr)
        if vr == "UI":
            return Action.ECHO if self.policy.retain_uids or _CLASS.search(keyword_for_tag(tag)) else Action.UID
        if tag in _CODES:
            return Action.ECHO
        return _BY_VR.get(vr) or (Action.ECHO if vr in _TEXT_VR or is_compared(tag, vr) else Action.KEEP)


def _with_option(letter: str, vr: str) -> Action | None:
    """Return the action of an option other than dates: K or C; None where only the basic profile is possible."""
    if vr in ("SQ", "AS"):
        return Action.ITEMS if vr == "SQ" else Action.AGE
    if letter == "K":
        return Action.ECHO if vr in _TEXT_VR or is_compared(0, vr) else Action.KEEP
    return Action.TEXT if vr in _TEXT_VR or vr == "CS" else None


@lru_cache(maxsize=8192)
def representation(tag: int, vr: str | None) -> str:
    """Return the representation of an element: as written, or the dictionary's where the file does not say."""
    known = dictionary_VR(tag) if dictionary_has_tag(tag) else ""
    if vr in (None, "UN"):
        return known.split(" or ")[-1] if known else "UN"
    return str(vr)
