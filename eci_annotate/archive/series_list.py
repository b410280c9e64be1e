"""Studies and series of a subject, made of the headers of its instances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from eci_annotate.archive.protocol import Series, Study
from eci_annotate.dicom.images.headers import Found, study_date_of


def studies_of(found: Sequence[Found]) -> list[Study]:
    """Return the studies that these instances make, oldest first."""
    uids = sorted({each.study_uid for each in found}, key=lambda uid: _study_key(uid, found))
    return [_study([each for each in found if each.study_uid == uid]) for uid in uids]


def _study_key(uid: str, found: Sequence[Found]) -> tuple[str, str]:
    return study_date_of(each.study_date for each in found if each.study_uid == uid), uid


def _study(found: Sequence[Found]) -> Study:
    first = found[0]
    series = tuple(sorted(_series(found), key=lambda each: (each.number, each.series_uid)))
    return Study(
        first.study_uid, study_date_of(each.study_date for each in found), first.study_description or "", series
    )


def _series(found: Sequence[Found]) -> Iterator[Series]:
    for uid in dict.fromkeys(each.series_uid for each in found):
        own = sorted((each for each in found if each.series_uid == uid), key=attrgetter("sop_uid"))
        first = own[0]
        number, description = int(first.series_number or 0), first.series_description or ""
        header = {**first.header, "series_uid": uid, "slices": len(own)}
        yield Series(first.study_uid, uid, first.modality, number, description, len(own), header)
