"""Series that a hanging protocol asks for and a study lacks, computed from others when images are taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import isclose
from typing import Any

from eci_annotate.archive.protocol import Study, hanging_headers, image_series_in
from eci_annotate.dicom.image_references import ReferencedImages, one_stack_of
from eci_annotate.dicom.uids import subtraction_uid
from eci_annotate.errors import BadImages, BadVolume, FrameMismatch
from eci_annotate.repository.admin.import_scan import ODD
from eci_annotate.repository.admin.ingest_subject import sign_ingest
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.volumes.volume_cache import files_of_instances
from eci_annotate.workflow.series.header_values import number_of
from eci_annotate.workflow.series.series_facts import facts_among
from eci_annotate.workflow.usecase.usecase import UseCase

ALIKE = ("EchoTime", "RepetitionTime", "FlipAngle")  # of both, if their difference is to be the contrast agent alone
SAME = 0.01  # relative
MEANING = "Subtractions computed, which the hanging protocol asks for and the study lacks"


def add_subtractions(backend: LocalBackend, project: str, subject: str) -> dict[str, int]:
    """Compute series for slots that the protocol states as `computed` and nothing fits; sign the ingest again.

    Returns
    -------
    dict
        How many series were made for slots of each title.
    """
    context, case = backend.context, backend.account.use_case(project)
    if not any("computed" in slot for slot in case.hanging["slots"]):
        return {}
    studies = context.volumes.stacks.studies(subject)
    made = [each for study in studies for each in _computed(context, subject, study, case)]
    if made:
        context.archive.store(subject, [content for _, files in made for content in files])
        sign_ingest(backend, project, subject, MEANING)
    return dict(Counter(title for title, _ in made))


def _computed(context: Context, subject: str, study: Study, case: UseCase) -> Iterator[tuple[str, list[bytes]]]:
    """Give the title of each slot that can be filled, and the files for it."""
    if not image_series_in(study):
        return
    headers = hanging_headers([study])
    placed = {each.slot: each.series_uid for each in case.hang(headers).placed}
    facts = {str(each["series_uid"]): each for each in facts_among(headers)}
    there = {uid for uid, each in facts.items() if str(each.get("SeriesDescription", "")).endswith(" computed")}
    slots = [slot for slot in case.hanging["slots"] if "computed" in slot]
    if any(placed.get(slot["name"]) not in {None, *there} for slot in slots):  # the scanner made some
        return
    for slot in slots:  # also those computed before, perhaps from fewer series than there are now
        post, pre = (placed.get(slot["computed"][name], "") for name in ("from", "minus"))
        if not post or not pre or not _differ_by_contrast(facts[post], facts[pre]):
            continue
        if (uid := subtraction_uid(post, pre)) in there:
            continue
        with suppress(BadImages, BadVolume, FrameMismatch, *ODD):  # the slot stays empty, as the protocol says in words
            yield str(slot["title"]), _subtraction(context, subject, post, pre, len(there) + 1)
            there.add(uid)


def _differ_by_contrast(post: Mapping[str, Any], pre: Mapping[str, Any]) -> bool:
    """Whether two series are known to be of one sequence, after and before contrast agent."""
    after = post.get("contrast") == "with" or (number_of(post.get("dynamic_position")) or 0) > 1
    before = pre.get("contrast") == "without" or number_of(pre.get("dynamic_position")) == 1
    pairs = [(number_of(post.get(name)), number_of(pre.get(name))) for name in ALIKE]
    return after and before and all(a is None or b is None or isclose(a, b, rel_tol=SAME) for a, b in pairs)


def _subtraction(context: Context, subject: str, post: str, pre: str, number: int) -> list[bytes]:
    from eci_annotate.dicom.subtraction import subtract, subtraction_files

    volume = subtract(context.volumes.read(subject, post), context.volumes.read(subject, pre))
    return list(subtraction_files(volume, _images(context, subject, post), _images(context, subject, pre), number))


def _images(context: Context, subject: str, uid: str) -> ReferencedImages:
    return one_stack_of(files_of_instances(context.archive, context.volumes.instances(subject, uid)), uid)
