"""What tells the stacks of one series apart, besides geometry: one row per attribute, in the order that counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.multival import MultiValue

from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.images.dicom_frames import ALSO, OF_THE_FILE, Frame
from eci_annotate.dicom.images.element_values import numbers, value_of

B_VALUES = (0x0019100C, 0x00431039, 0x20011003)  # Siemens, GE, Philips
DIRECTION = 0x0019100E  # Siemens
GE_DIRECTION = (0x001910BB, 0x001910BC, 0x001910BD)
CREATORS = {0x0019100C: "SIEMENS", 0x0019100E: "SIEMENS", 0x00431039: "GEMS_PARM", 0x20011003: "PHILIPS IMAGING"}
CREATORS |= {0x0019100A: "SIEMENS", 0x00651050: "IMAGE PRIVATE HEADER"} | dict.fromkeys(GE_DIRECTION, "GEMS_ACQU")
BLOCKS = range(0x10, 0x20)  # where private creators usually reserve their elements
COMMENTS = 0x00204000  # ImageComments
CANON = ("TOSHIBA", "CANON")
CANON_COMMENT = re.compile(r"b=([0-9.]+)\(([-0-9.]+),([-0-9.]+),([-0-9.]+)\)")  # what they say in ImageComments
GE_B_OFFSET = 1_000_000_000  # GE adds this to b-values since release DV26
ANY = "any modality"
# PS3.3 C.11.1.1.2; a CT that states nothing is in Hounsfield units (C.8.2.1)
CT_UNITS = {"": "HU", "HU": "HU", "MGML": "mg/ml", "ED": "10²³/ml", "EDW": "N/Nw", "PCT": "%", "US": ""}


@dataclass(frozen=True)
class Attribute:
    """One attribute by which stacks may differ.

    Attributes
    ----------
    read
        Gives a frame's value: a number, some numbers or a text; None if it has none. A `partial` reads one element.
    name
        Gives the name of a stack, from the value, its place among the values (from 1) and their number.
    interleaved
        Modalities in which it also separates stacks that share no position; an empty text for none.
    """

    read: Callable[[Frame], Any]
    name: Callable[[Any, int, int], str]
    interleaved: str = ANY


def _number(keyword: str) -> Callable[[Frame], Any]:
    return partial(Frame.number_of, keyword=keyword)


def _text(keyword: str) -> Callable[[Frame], Any]:
    return partial(lambda frame, keyword: frame.text(keyword) or None, keyword=keyword)


def _unit(text: str) -> Callable[[Any, int, int], str]:
    return lambda value, place, of: text.format(f"{value:g}")


def _place(text: str) -> Callable[[Any, int, int], str]:
    return lambda value, place, of: f"{text} {place} of {of}"


def _word(value: Any, place: int, of: int) -> str:
    return str(value).lower()


def flavour(frame: Frame) -> tuple[str, ...]:
    """Return what kind of picture ImageType says it is: AXIAL, LOCALIZER, WATER, ADC, MIP …"""
    return tuple(filter(None, frame.image_types[2:]))


def units_of(frame: Frame) -> str:
    """Return what values are measured in, as far as the header says: of CT the rescale type, of PET its units."""
    if frame.modality == "PT":
        return frame.text("Units")
    stated = frame.text("RescaleType").strip().upper() if frame.modality == "CT" else "US"
    mapped = "RealWorldValueSlope" in frame.groups or value_of(frame.dataset, "RealWorldValueMappingSequence")
    if not stated and mapped:
        return ""  # not applied: it may give other units than HU
    return CT_UNITS.get(stated, stated)


def _origin(frame: Frame) -> Any:
    value = frame.get("ImageType")
    return "\\".join(str(part) for part in value[:2]) if isinstance(value, (MultiValue, list, tuple)) else None


def private_value(frame: Frame, tag: int) -> Any:
    """Return the value of a tag, from the functional groups or the file; bytes as text."""
    value = frame.groups.get(f"{tag:08X}")
    if value is None and (placed := _in_its_block(frame.dataset, tag)):
        value = _top_level(frame.dataset, placed)
    if isinstance(value, bytes):
        value = _from_bytes(value)
    return value if value not in (None, "", b"") else None


def _in_its_block(dataset: Dataset, tag: int) -> int:
    """Return the tag in the block that its creator reserved; 0 if others have the block; itself if nobody says."""
    group = tag >> 16
    there = [block for block in BLOCKS if (group << 16 | block) in dataset._dict]
    if not there:
        return tag
    creators = {block: str(_top_level(dataset, group << 16 | block) or "").upper() for block in there}
    block = next((block for block, name in creators.items() if name.startswith(CREATORS[tag])), 0)
    if block:
        return group << 16 | block << 8 | tag & 0xFF
    return 0 if creators.get(tag >> 8 & 0xFF) else tag


def _canon(frame: Frame) -> list[float]:
    """Return b-value and direction, as Canon and Toshiba write them in a comment; nothing if there is none."""
    if COMMENTS not in frame.dataset._dict or not frame.text("Manufacturer").upper().startswith(CANON):
        return []
    found = CANON_COMMENT.search(frame.text("ImageComments"))
    try:
        return [] if found is None else [float(part) for part in found.groups()]
    except ValueError:
        return []


def _top_level(dataset: Dataset, tag: int) -> Any:
    if tag not in dataset._dict:
        return None
    try:
        return dataset[tag].value
    except Exception:  # a malformed private element says nothing
        return None


def _from_bytes(value: bytes) -> Any:
    """Read an element of unknown VR: text of numbers, or binary ones."""
    try:
        text = value.decode("ascii").strip(" \0")
        if text and all(c in "0123456789+-.eE\\ " for c in text):
            return text.split("\\")
    except UnicodeDecodeError:
        pass
    for size, kind in ((8, "<f8"), (4, "<f4")):
        if len(value) % size == 0 and len(value):
            found = np.frombuffer(value, kind)
            if np.isfinite(found).all() and (np.abs(found) < 1e7).all():
                return found.tolist()
    return None


def b_value(frame: Frame) -> float | None:
    """Return the diffusion weighting, s/mm²: standard, Siemens, GE or Philips element, or Canon's comment."""
    if (value := frame.number_of("DiffusionBValue")) is not None:
        return value
    for tag in B_VALUES:
        try:
            found = numbers(value, "b-value") if (value := private_value(frame, tag)) is not None else None
        except Exception:  # a malformed private element says nothing
            continue
        if found is not None:
            return float(found[0] % GE_B_OFFSET if tag == 0x00431039 else found[0])
    return next(iter(_canon(frame)), None)


def direction(frame: Frame) -> tuple[float, ...] | None:
    """Return the diffusion gradient direction; None for b = 0 and for traces."""
    values = [frame.get("DiffusionGradientOrientation"), private_value(frame, DIRECTION)]
    ge = [private_value(frame, tag) for tag in GE_DIRECTION]
    values.append(None if None in ge else [part[0] if isinstance(part, list) else part for part in ge])
    values.append(_canon(frame)[1:] or None)
    for value in values:
        if value is None:
            continue
        try:
            found = numbers(value, "direction")
        except Exception:  # a malformed private element says nothing
            continue
        if found.size == 3:
            return tuple(float(part) + 0.0 for part in found)
    return None


def seconds_of(frame: Frame) -> float | None:
    """Return when a frame was acquired, in seconds; with the date where the file gives it."""
    has_own = any(name in frame.groups for name in ("AcquisitionTime", *ALSO["AcquisitionTime"]))
    first = ("AcquisitionTime",) if has_own else ()  # of this frame, and not of the whole file
    for keyword in (*first, "AcquisitionDateTime", "AcquisitionTime", "ContentTime"):
        stated = frame.text(keyword)
        text = stated.split("+")[0].split("-")[0].strip()
        if (found := _seconds(text, dated=len(text.partition(".")[0]) > 6)) is not None:
            date = frame.text("AcquisitionDate") if keyword == "AcquisitionTime" else ""
            days = _days(date) if len(text.partition(".")[0]) <= 6 else 0
            return found + days * 86400 - _zone_s(stated)
    return None


def _zone_s(text: str) -> int:
    """Return the offset from UTC that a date and time ends with, in seconds."""
    found = re.search(r"([+-])(\d\d)(\d\d)\s*$", text)
    if found is None:
        return 0
    return (-1 if found[1] == "-" else 1) * (int(found[2]) * 3600 + int(found[3]) * 60)


def _days(date: str) -> int:
    from datetime import date as calendar

    try:
        return calendar(int(date[:4]), int(date[4:6]), int(date[6:8])).toordinal() if len(date) == 8 else 0
    except ValueError:
        return 0


def _seconds(text: str, dated: bool) -> float | None:
    days = _days(text[:8]) if dated else 0
    clock = text[8:] if dated else text
    whole, _, rest = clock.replace(":", "").partition(".")
    if not whole.isdigit() or len(whole) not in (2, 4, 6) or (rest and not rest.isdigit()):
        return None
    parts = [int(whole[n : n + 2]) for n in range(0, len(whole), 2)] + [0, 0]
    return days * 86400.0 + parts[0] * 3600 + parts[1] * 60 + parts[2] + (float(f"0.{rest}") if rest else 0.0)


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute(_text("ConvolutionKernel"), lambda value, place, of: f"kernel {value}"),
    Attribute(_number("SliceThickness"), _unit("{} mm slices")),
    Attribute(_number("AcquisitionNumber"), _unit("acquisition {}"), "CT PT NM"),
    Attribute(_number("TemporalPositionIdentifier"), _place("phase")),
    Attribute(_number("NominalPercentageOfCardiacPhase"), _unit("{} % of the cardiac cycle")),
    Attribute(_number("TriggerTime"), _unit("trigger {} ms"), ""),
    Attribute(_number("EchoTime"), _unit("TE {} ms")),
    Attribute(_number("EchoNumbers"), _unit("echo {}")),
    Attribute(_number("InversionTime"), _unit("TI {} ms")),
    Attribute(b_value, _unit("b {}")),
    Attribute(direction, _place("direction")),
    Attribute(_origin, lambda value, place, of: str(value).replace("\\", " ").lower()),
    Attribute(_text("StackID"), lambda value, place, of: f"stack {value}"),
    *(Attribute(_text(key), _word, "") for key in ("ComplexImageComponent", "ASLContext", "AcquisitionContrast")),
    Attribute(_text("DataType"), _word, ""),  # of ultrasound volumes: tissue, flow
    Attribute(_number("FlipAngle"), _unit("flip angle {}"), ""),
    Attribute(_number("NominalRespiratoryTriggerDelayTime"), _unit("respiration {} ms"), ""),
    Attribute(_number("KVP"), _unit("{} kV"), ""),
    Attribute(_text("ReconstructionAlgorithm"), _word, ""),
)

# differ between the slices of one stack, or between files, and say nothing about what is shown
_OF_EACH_SLICE = re.compile(
    "Instance|Number$|Position|Location|Time|Date|Window|Pixel|Rescale|LUT|Lossy|Index|Comment|Exposure|Current|Overlay"
)
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}|[-+]?[0-9.]{1,12}(?:[eE][-+]?[0-9]+)?")  # of a code string, or a number
_CLOSED, _FREE = frozenset({"CS", "DS", "IS", "FD", "FL", "US", "SS", "UL", "SL"}), frozenset({"SH", "LO"})


@dataclass(frozen=True)
class OtherValue:
    """A value of an attribute that is in no table, in one frame; free text is compared, and never shown."""

    text: str
    is_closed: bool


def other_values(frame: Frame) -> dict[str, OtherValue]:
    """Return what else a frame states about itself, by the attribute's name; no time, place or name of a person."""
    if frame.groups:
        found = {key: value for key, value in frame.groups.items() if isinstance(value, str | int | float | MultiValue)}
        values = {key: OtherValue(str(value), not isinstance(value, str)) for key, value in found.items()}
    else:
        values = dict(_own_values(frame.dataset))
    shown = {key: value for key, value in values.items() if not _OF_EACH_SLICE.search(key)}
    indices = frame.groups.get("DimensionIndexValues")
    places = indices if isinstance(indices, MultiValue | list) else ()
    return shown | {f"Dimension {n}": OtherValue(str(place), True) for n, place in enumerate(places, 1)}


def _own_values(dataset: Dataset) -> Iterator[tuple[str, OtherValue]]:
    for tag, raw in list(dataset.items()):
        keyword = keyword_for_tag(tag)
        if not keyword or keyword in OF_THE_FILE or (raw.is_raw and raw.value is None):
            continue
        try:
            with quiet():
                element = dataset[tag]
        except Exception:  # a malformed element tells nothing apart
            continue
        if element.VR in _CLOSED | _FREE:
            yield keyword, OtherValue(str(element.value), element.VR in _CLOSED)


def other_name(keyword: str, value: OtherValue, place: int, of: int) -> str:
    """Return the name of a stack that another attribute sets apart."""
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", keyword).lower()
    shown = value.text.removesuffix(".0").lower()
    is_shown = value.is_closed and _CODE.fullmatch(value.text.strip()) is not None
    return f"{words} {shown}" if is_shown else f"{words} {place} of {of}"
