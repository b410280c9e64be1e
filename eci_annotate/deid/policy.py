"""What a site removes, keeps and changes: one immutable value, and the statement that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from eci_annotate.deid.profile import Option

RISKY_MODALITIES = ("BI", "DG", "DOC", "ES", "GM", "IVUS", "OP", "OT", "SM", "TG", "US", "XC")
RISKY_IMAGE_TYPES = ("SCREEN SAVE", "SCREENSAVE", "SCREENSHOT", "SCREEN CAPTURE")


class Dates(StrEnum):
    """What happens to dates and times."""

    REMOVE = "remove"
    SHIFT = "shift"
    KEEP = "keep"


class Treatment(StrEnum):
    """What happens to texts, or to structured content."""

    REMOVE = "remove"
    CLEAN = "clean"


class Unknown(StrEnum):
    """What happens to objects of a SOP class that the tables do not list."""

    QUARANTINE = "quarantine"
    ACCEPT = "accept"


@dataclass(frozen=True)
class PrivateElements:
    """Private elements that are safe to keep: creator, group and the low bytes of the element numbers."""

    creator: str
    group: int
    elements: frozenset[int]


@dataclass(frozen=True)
class BurnedInRule:
    """Where a device writes into its pixels.

    Attributes
    ----------
    manufacturer, model
        Values of (0008,0070) and (0008,1090), compared without case; an empty text fits every device.
    rows, columns
        Size of the image; 0 fits every size.
    rectangles
        (first column, first row, last column, last row), from 0, inclusive.
    verified
        Somebody has verified that these rectangles hide all text: Burned In Annotation becomes NO.
    """

    manufacturer: str
    model: str
    rows: int
    columns: int
    rectangles: tuple[tuple[int, int, int, int], ...]
    verified: bool = False


@dataclass(frozen=True)
class Policy:
    """A site's de-identification policy; the default removes all but dates, which it shifts.

    Attributes
    ----------
    site
        Short name of the site, in the de-identification method.
    retain_uids, retain_device, retain_institution, retain_characteristics
        Options of PS3.15 E.3 to retain.
    dates
        Removed, shifted per subject by whole weeks, or kept.
    private
        Private elements to keep.
    descriptors, structured_content
        Removed, or cleaned: texts keep the words of a vocabulary.
    words
        Words added to the vocabulary.
    keep_graphics
        Keep overlays, curves and graphic annotations.
    burned_in
        Rectangles to blank, by device.
    risky_modalities, risky_image_types
        Objects to set aside, because their pixels often show names.
    unknown_objects
        What happens to objects of unknown SOP classes.
    find_text
        A site's proxy searches pixels for text with a program, and sets aside what may show some.

    Examples
    --------
    >>> from eci_annotate.deid.policy import Policy
    >>> print(Policy(site="KAU").conformance_statement().splitlines()[0])
    Basic Application Level Confidentiality Profile (PS3.15 E.2), site KAU.
    """

    site: str = "SITE"
    retain_uids: bool = False
    retain_device: bool = False
    retain_institution: bool = False
    retain_characteristics: bool = False
    dates: Dates = Dates.SHIFT
    private: tuple[PrivateElements, ...] = ()
    descriptors: Treatment = Treatment.REMOVE
    structured_content: Treatment = Treatment.REMOVE
    words: tuple[str, ...] = ()
    keep_graphics: bool = False
    burned_in: tuple[BurnedInRule, ...] = ()
    risky_modalities: tuple[str, ...] = RISKY_MODALITIES
    risky_image_types: tuple[str, ...] = RISKY_IMAGE_TYPES
    unknown_objects: Unknown = Unknown.QUARANTINE
    find_text: bool = False

    def options(self) -> tuple[Option, ...]:
        """Return the options of the profile that this policy uses."""
        chosen = {
            Option.GRAPHICS: self.keep_graphics,
            Option.STRUCTURED: self.structured_content is Treatment.CLEAN,
            Option.DESCRIPTORS: self.descriptors is Treatment.CLEAN,
            Option.FULL_DATES: self.dates is Dates.KEEP,
            Option.MODIFIED_DATES: self.dates is Dates.SHIFT,
            Option.CHARACTERISTICS: self.retain_characteristics,
            Option.DEVICE: self.retain_device,
            Option.UIDS: self.retain_uids,
            Option.PRIVATE: bool(self.private),
            Option.INSTITUTION: self.retain_institution,
        }
        return tuple(option for option, used in chosen.items() if used)

    def conformance_statement(self) -> str:
        """Return what an object says of itself after this policy, as lines of text."""
        lines = [f"Basic Application Level Confidentiality Profile (PS3.15 E.2), site {self.site}."]
        lines += [f"Option {CODES[option][1]} ({CODES[option][0]})." for option in self.options()]
        lines += [_DATES[self.dates], "Patient ID and UIDs: keyed pseudonyms (HMAC, SHA-512/256)."]
        if self.retain_uids:
            lines[-1] = "Patient ID: keyed pseudonym (HMAC, SHA-512/256). UIDs are kept."
        lines += [f"{len(self.burned_in)} rules blank pixels by device."] if self.burned_in else []
        lines += [f"{sum(len(p.elements) for p in self.private)} private elements are kept."] if self.private else []
        lines += ["The proxy searches pixels for text; it does not find all."] if self.find_text else []
        lines += ["Recognizable faces are not removed."]
        return "\n".join(lines)


_DATES = {
    Dates.REMOVE: "Dates and times are removed.",
    Dates.SHIFT: "Dates are shifted by a secret number of whole weeks per patient; times of day are kept.",
    Dates.KEEP: "Dates and times are kept.",
}
CODES: Mapping[Option, tuple[str, str]] = MappingProxyType(
    {
        Option.GRAPHICS: ("113103", "Clean Graphics Option"),
        Option.STRUCTURED: ("113104", "Clean Structured Content Option"),
        Option.DESCRIPTORS: ("113105", "Clean Descriptors Option"),
        Option.FULL_DATES: ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
        Option.MODIFIED_DATES: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
        Option.CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
        Option.DEVICE: ("113109", "Retain Device Identity Option"),
        Option.UIDS: ("113110", "Retain UIDs Option"),
        Option.PRIVATE: ("113111", "Retain Safe Private Option"),
        Option.INSTITUTION: ("113112", "Retain Institution Identity Option"),
    }
)
BASIC = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
