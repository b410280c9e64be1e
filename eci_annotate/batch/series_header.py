"""De-identify the files of one series: each header once, all or none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.sidecar import FACT_KEYWORDS, facts_of_frames, facts_of_header, text_in
from eci_annotate.deid.deidentify import deidentify
from eci_annotate.deid.folder_run import encoded
from eci_annotate.deid.pixel_data.pixel_masks import rule_for
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.dicom.images.files import read, tag_of
from eci_annotate.dicom.images.image_files import release_pixels
from eci_annotate.dicom.patient_identity import claimed_risk
from eci_annotate.errors import MixedSeries, Refused

Keep = Callable[[str, bytes], None]


@dataclass
class SeriesHeader:
    """What the de-identified headers of a series say.

    Attributes
    ----------
    files
        Its files without copies, and what each says; large values are read again when they are used.
    facts
        What a sidecar says, by the SOP Instance UID in the source.
    frames
        What it says about each frame of a multi-frame file, likewise.
    sop_uids
        De-identified SOP Instance UID by that in the source.
    blanked
        Content of the files whose pixels were blanked, by their place in `files`.
    first
        Elements of the first de-identified file that name and describe the series, as text.
    copies
        Number of files that were left out, because they are copies.
    """

    files: list[tuple[Path, Any]] = field(default_factory=list, repr=False)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    frames: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)
    sop_uids: dict[str, str] = field(default_factory=dict, repr=False)
    blanked: dict[int, bytes] = field(default_factory=dict, repr=False)
    first: dict[str, str] = field(default_factory=dict, repr=False)
    copies: int = 0

    def facts_of(self, uid: str, number: int) -> dict[str, Any]:
        """Return what is known of a picture: its file's SOP Instance UID in the source, and its frame number or 0."""
        frames = self.frames.get(uid, [])
        return self.facts[uid] | (frames[number - 1] if 0 < number <= len(frames) else {})


def series_header(files: tuple[Path, ...], options: PrepareOptions, keep: Keep | None) -> SeriesHeader:
    """De-identify the files of a series.

    Parameters
    ----------
    files
        All files of the series.
    options
        Secret and policy; without a secret the files themselves must state that they are de-identified.
    keep
        Receives SOP Instance UID and content of each de-identified file.

    Raises
    ------
    Refused
        If a file still identifies its patient, or may do; with the reasons and the number of files.
    MixedSeries
        If two files have the same SOP Instance UID and other content.
    BadImages
        If a file cannot be read.
    """
    pseudonymiser, causes = options.pseudonymiser(), Counter[str]()
    found = SeriesHeader()
    paths: dict[str, Path] = {}
    for number, path in enumerate(files):
        original = read(path, number=number)
        uid = text_in(original, "SOPInstanceUID")
        if uid in paths:
            _require_copy(path, paths[uid])
            found.copies += 1
            continue
        paths[uid] = path
        made, why = _deidentified(original, options, pseudonymiser, whole=keep is not None)
        causes.update(why)
        if made is not None and not causes:
            blanked = bool(pseudonymiser and rule_for(original, options.rules()))
            content = bytes(encoded(made)) if blanked or (keep and pseudonymiser) else b""
            _add(found, uid, made, content if blanked else b"")
            if keep:
                keep(found.sop_uids[uid], content or path.read_bytes())
            release_pixels(original)
            found.files.append((path, original))
    if causes:
        told = "; ".join(f"{number} of {len(files)} files: {cause}" for cause, number in causes.most_common())
        raise Refused(f"The series may identify its patient. {told}.", "See docs/deid.md.")
    return found


def _require_copy(path: Path, first: Path) -> None:
    if path.read_bytes() != first.read_bytes():
        raise MixedSeries("Two files have the same SOP Instance UID and other content.", "Leave out the wrong one.")


def _deidentified(
    original: Any, options: PrepareOptions, pseudonymiser: Pseudonymiser | None, *, whole: bool
) -> tuple[Any, tuple[str, ...]]:
    """Return a de-identified dataset, or why there is none."""
    if pseudonymiser is None:
        risk = claimed_risk(original)
        return (None, (risk.value,)) if risk else (original, ())
    result = deidentify(original, options.rules(), pseudonymiser, tags=None if whole else _described_tags())
    return result.dataset, tuple(cause.value for cause in result.causes)


@lru_cache
def _described_tags() -> frozenset[int]:
    return frozenset(int(tag_of(keyword)) for keyword in {*FIRST, *FACT_KEYWORDS, "SOPInstanceUID"})


def _add(found: SeriesHeader, uid: str, made: Any, blanked: bytes) -> None:
    if blanked:
        found.blanked[len(found.files)] = blanked
    found.sop_uids[uid], found.facts[uid] = text_in(made, "SOPInstanceUID"), facts_of_header(made)
    if frames := facts_of_frames(made):
        found.frames[uid] = frames
    if not found.first:
        found.first = {name: text_in(made, name) for name in FIRST}


FIRST = (
    "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "StudyDate", "StudyTime", "PatientSex",
    "PatientAge",
)  # fmt: skip
