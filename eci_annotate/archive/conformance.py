"""What every `Archive` must do, as checks that run on any implementation with a few DICOM files of one series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from eci_annotate.archive.protocol import Archive, Instance, content_of
from eci_annotate.dicom.images.headers import scan
from eci_annotate.errors import BadImages, Conflict, EciError, NotFound, Refused

SUBJECT, OTHER = "ECI_KAU_S0001", "ECI_VIE_S0001"
Law = Callable[[Archive, Sequence[Path]], None]


def refuses(kind: type[EciError] | tuple[type[EciError], ...], act: Callable[[], object]) -> None:
    """AssertionError unless `act` raises that error."""
    try:
        act()
    except kind:
        return
    raise AssertionError(f"{kind} was not raised")


def what_is_stored_is_listed_and_comes_back(archive: Archive, files: Sequence[Path]) -> None:
    assert archive.studies(SUBJECT) == []
    stored = archive.store(SUBJECT, files)
    (study,) = archive.studies(SUBJECT)
    (series,) = study.series
    assert (series.instances, series.header["slices"]) == (len(files), len(files))
    assert sorted(archive.instances(SUBJECT, series.series_uid), key=_sop) == sorted(stored, key=_sop)
    assert [archive.read(each) for each in stored] == [path.read_bytes() for path in files]
    for each in stored:
        assert each.subject == SUBJECT
        assert archive.instance(SUBJECT, each.series_uid, each.sop_uid) == each


def paths_bytes_and_scanned_files_are_the_same(archive: Archive, files: Sequence[Path]) -> None:
    first = archive.store(SUBJECT, files)
    assert archive.store(SUBJECT, [path.read_bytes() for path in files]) == first
    assert archive.store(SUBJECT, scan(files)) == first
    assert archive.store(SUBJECT, []) == []


def another_file_of_the_same_uid_is_a_conflict(archive: Archive, files: Sequence[Path]) -> None:
    (kept,) = archive.store(SUBJECT, files[:1])
    content = files[0].read_bytes()
    other = content[:-1] + bytes([content[-1] ^ 1])  # still DICOM: some systems keep nothing else
    refuses(Conflict, lambda: archive.store(SUBJECT, [other]))
    assert archive.read(kept) == files[0].read_bytes()
    (replaced,) = archive.store(SUBJECT, [other], replace=True)
    assert archive.read(kept) == other
    assert replaced.stamp != kept.stamp and replaced.sop_uid == kept.sop_uid
    assert archive.instances(SUBJECT, kept.series_uid) == [replaced]


def what_is_no_dicom_is_refused_before_anything_is_kept(archive: Archive, files: Sequence[Path]) -> None:
    refuses(BadImages, lambda: archive.store(SUBJECT, [files[0], b"no dicom at all"]))
    assert archive.studies(SUBJECT) == []


def instances_are_found_by_their_uid_in_every_subject(archive: Archive, files: Sequence[Path]) -> None:
    first, second = archive.store(SUBJECT, files[:2]), archive.store(OTHER, files[1:3])
    uids = {each.sop_uid for each in (*first, *second)}
    found = archive.find([*uids, "1.2.3"])
    assert sorted(found, key=_place) == sorted((*first, *second), key=_place)
    assert archive.find([]) == [] == archive.find(["1.2.3"])
    archive.remove(OTHER)
    assert sorted(archive.find(uids), key=_place) == sorted(first, key=_place)


def what_is_removed_is_gone_and_may_come_again(archive: Archive, files: Sequence[Path]) -> None:
    stored = archive.store(SUBJECT, files)
    archive.store(OTHER, files)
    archive.remove(SUBJECT)
    archive.remove(SUBJECT)
    assert archive.studies(SUBJECT) == [] and len(archive.studies(OTHER)) == 1
    refuses(NotFound, lambda: archive.read(stored[0]))
    archive.store(SUBJECT, files[:1])
    assert [each.series[0].instances for each in archive.studies(SUBJECT)] == [1]


def what_does_not_exist_is_not_found(archive: Archive, files: Sequence[Path]) -> None:
    (kept,) = archive.store(SUBJECT, files[:1])
    refuses(NotFound, lambda: archive.instances(SUBJECT, "1.2"))
    refuses(NotFound, lambda: archive.instance(SUBJECT, kept.series_uid, "1.3"))
    refuses(NotFound, lambda: content_of(archive, OTHER, kept.series_uid, kept.sop_uid))


def names_cannot_lead_elsewhere(archive: Archive, files: Sequence[Path]) -> None:
    for subject in ("../x", "", "a/b", ".hidden"):
        refuses(Refused, lambda subject=subject: archive.studies(subject))  # type: ignore[misc]
        refuses(Refused, lambda subject=subject: archive.store(subject, files))  # type: ignore[misc]
    refuses((BadImages, NotFound), lambda: archive.instance(SUBJECT, "../..", "1.2"))
    refuses((BadImages, NotFound), lambda: archive.read(Instance(SUBJECT, "..", "..", "1.2", "")))


def _sop(instance: Instance) -> str:
    return instance.sop_uid


def _place(instance: Instance) -> tuple[str, str]:
    return instance.subject, instance.sop_uid


ARCHIVE_LAWS: Sequence[Law] = (
    what_is_stored_is_listed_and_comes_back,
    paths_bytes_and_scanned_files_are_the_same,
    another_file_of_the_same_uid_is_a_conflict,
    what_is_no_dicom_is_refused_before_anything_is_kept,
    instances_are_found_by_their_uid_in_every_subject,
    what_is_removed_is_gone_and_may_come_again,
    what_does_not_exist_is_not_found,
    names_cannot_lead_elsewhere,
)
