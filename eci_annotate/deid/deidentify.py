"""De-identify one dataset: set aside, or a new dataset without the patient's identity, and counts of what was done."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pydicom import config
from pydicom.dataset import Dataset

from eci_annotate.deid.descriptors import Cleaner, cleaner
from eci_annotate.deid.object_types import object_of
from eci_annotate.deid.patient.identify_patient import recurrence_of
from eci_annotate.deid.patient.patient_words import in_pixels
from eci_annotate.deid.pixel_data.pixel_masks import has_embedded_overlays, mask_pixels, rule_for
from eci_annotate.deid.policy import BurnedInRule, Policy
from eci_annotate.deid.profile import row_of
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import NEVER_ACCEPTED, Cause, causes, names_nobody, said
from eci_annotate.deid.quiet import quiet
from eci_annotate.deid.rules import Action, Rules
from eci_annotate.deid.stamps import file_meta, stamp
from eci_annotate.deid.walk import Seen, Walk, part_of

# pydicom's warnings and logs quote values
config.settings.reading_validation_mode = config.IGNORE
config.settings.writing_validation_mode = config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
_BAD_PIXELS = (ValueError, AttributeError, RuntimeError, NotImplementedError, TypeError)


@dataclass(frozen=True)
class Result:
    """What became of one object.

    Attributes
    ----------
    dataset
        The de-identified object; None if it was set aside.
    counts
        How many elements were treated in which way, by (action, tag); no values.
    causes
        Why it was set aside; empty if it was not.
    """

    dataset: Dataset | None = field(repr=False)
    counts: Mapping[tuple[Action, int], int] = field(default_factory=Counter, repr=False)
    causes: tuple[Cause, ...] = ()


def deidentify(
    dataset: Dataset,
    policy: Policy,
    pseudonymiser: Pseudonymiser,
    *,
    subject: str = "",
    seen_uid: Seen | None = None,
    accepted: Collection[Cause] = (),
    tags: Collection[int] | None = None,
) -> Result:
    """Return a de-identified copy of a dataset; the dataset itself keeps its values.

    Parameters
    ----------
    dataset
        As `pydicom.dcmread` gives it, or made in memory with file meta information.
    policy
        What is removed and kept.
    pseudonymiser
        The site's secret.
    subject
        Pseudonym of the patient; by default it follows from the patient ID and the secret.
    seen_uid
        Receives each UID and what replaces it.
    accepted
        Causes that a person looked at: they do not set the object aside. Those of `NEVER_ACCEPTED` always do.
    tags
        Return only these elements, as they are in the whole object; None for the whole object. All of the dataset is
        still asked for causes. Where pixels are changed, the whole object is returned.

    References
    ----------
    PS3.15 Annex E (Attribute Confidentiality Profiles).
    """
    with quiet():
        rule = rule_for(dataset, policy)
        blanked = bool(rule and rule.verified)
        found = causes(dataset, policy, blanked)
        patient, issuer = identity_of(dataset)
        found += () if patient or subject else (Cause.NO_PATIENT_ID,)
        if names_nobody(patient):
            found += () if subject else (Cause.NOBODY,)
            patient = "" if subject else patient
        found = tuple(cause for cause in found if cause not in accepted or cause in NEVER_ACCEPTED)
        if found:
            return Result(None, causes=found)
        walk = Walk(
            _rules(policy, object_of(said(dataset, "SOPClassUID"))),
            pseudonymiser,
            subject or pseudonymiser.patient_id(patient, issuer),
            pseudonymiser.shift_days(patient or subject, issuer if patient else ""),
            _cleaner(policy.words),
            recurrence_of(dataset, not policy.retain_institution),
            seen_uid or _ignore,
        )
        clear_bits = not policy.keep_graphics and has_embedded_overlays(dataset)
        if tags is not None and not rule and not clear_bits:
            return Result(walk.over(part_of(dataset, tags)), walk.counts)
        result = _carry_out(dataset, policy, walk, rule, clear_bits)
        named = walk.names_patient or (walk.echo is not None and in_pixels(dataset, walk.echo))
        return Result(None, causes=(Cause.WORDS,)) if named and Cause.WORDS not in accepted else result


def identity_of(dataset: Dataset) -> tuple[str, str]:
    """Return patient ID and issuer; the study in place of the issuer where the ID stands for nobody."""
    patient = said(dataset, "PatientID")
    if names_nobody(patient):
        return patient, f"study {said(dataset, 'StudyInstanceUID')}"
    return patient, said(dataset, "IssuerOfPatientID")


def _carry_out(dataset: Dataset, policy: Policy, walk: Walk, rule: BurnedInRule | None, clear_bits: bool) -> Result:
    made = walk.over(dataset)
    made.PatientID = made.PatientName = walk.pseudonym
    made.file_meta = file_meta(dataset, made)
    made.preamble = b"\0" * 128
    if rule or clear_bits:
        try:
            mask_pixels(made, rule, clear_bits)
        except _BAD_PIXELS:
            return Result(None, causes=(Cause.PIXELS,))
    stamp(made, policy, bool(rule and rule.verified))
    return Result(made, walk.counts)


@lru_cache(maxsize=256)
def _rules(policy: Policy, object_name: str) -> Rules:
    return Rules(policy, object_name)


@lru_cache(maxsize=16)
def _cleaner(words: tuple[str, ...]) -> Cleaner:
    return cleaner(words)


def _ignore(old: str, new: str) -> None:
    return None


def action_names(counts: Mapping[tuple[Action, int], int]) -> dict[tuple[str, str], int]:
    """Return counts by (action, attribute's name), for reports."""
    named: Counter[tuple[str, str]] = Counter()
    for (action, tag), count in counts.items():
        named[action.value, tag_name(tag)] += count
    return dict(named)


@lru_cache(maxsize=4096)
def tag_name(tag: int) -> str:
    """Return an attribute's keyword or name; private ones have no name of their own."""
    from pydicom.datadict import keyword_for_tag

    row = row_of(tag)
    if tag >> 16 & 1:
        return "private elements"
    return keyword_for_tag(tag) or (row.name if row else f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
