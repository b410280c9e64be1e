"""Names of series, and the stacks of those that have several: time points, b-values, echoes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from eci_annotate.archive.protocol import Study, image_series_in

StackNames = tuple[tuple[str, str], ...]


def stacks_by_series(studies: Sequence[Study]) -> dict[str, StackNames]:
    """Return, by the UID of each stack, all stacks of its series in order: UID and title."""
    found: dict[str, list[tuple[str, str]]] = {}
    for series in (each for study in studies for each in study.series):
        if "stack_of" in series.header:
            name = (series.series_uid, str(series.header["stack"]))
            found.setdefault(str(series.header["stack_of"]), []).append(name)
    groups = [tuple(group) for group in found.values() if len(group) > 1]
    return {uid: group for group in groups for uid, _ in group}


def titles_of(studies: Sequence[Study]) -> dict[str, str]:
    """Return what to call each series of images, by its UID; a stack has its own name too."""
    found = {}
    for series in (each for study in studies for each in image_series_in(study)):
        stack = str(series.header["stack"]) if "stack_of" in series.header else ""
        words = series.description or f"{series.modality} {series.number}"
        stack = "" if words.endswith(stack) else stack  # the archive names stacks so already
        found[series.series_uid] = " · ".join(word for word in (words, stack) if word)
    return found
