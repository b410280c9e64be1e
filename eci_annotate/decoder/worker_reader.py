"""Reads files in workers: for a process that holds keys. What a worker answers is checked before it is believed.

A file that ends a worker, or needs too much time or memory, is a `DecoderFailed`, and costs nothing but itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from eci_annotate import errors
from eci_annotate.decoder.channel import Channel, lost, open_content
from eci_annotate.decoder.file_reader import (
    DecodedSeries,
    File,
    FileDigests,
    Keep,
    PatientClaim,
    PixelRule,
    VolumeContent,
)
from eci_annotate.decoder.worker_pool import WorkerPool
from eci_annotate.deid.policy import Policy
from eci_annotate.dicom.images.files import Content
from eci_annotate.dicom.images.headers import SALT, Found
from eci_annotate.dicom.images.study import StackHeader
from eci_annotate.errors import BadImages, DecoderFailed, NoImages, Tampered
from eci_annotate.workflow.codec import from_json, to_json

T = TypeVar("T")
USUAL_S, EACH_S = 120.0, 2.0  # at most, and more for each file that is decoded
MOST_VALUES = 16 << 30
_TYPES = {"|u1", "|i1", "<i2", "<u2", "<i4", "<u4", "<f4", "<f8"}


class WorkerReader:
    """See `FileReader`.

    Parameters
    ----------
    pool
        Gives workers.
    seconds
        How long a job without decoding may take, and any job more than its files need.
    """

    def __init__(self, pool: WorkerPool | None = None, seconds: float = USUAL_S) -> None:
        self._pool, self._seconds = pool or WorkerPool(), seconds

    def header(self, file: File, *, bounded: bool = False) -> Found:
        """See `FileReader`."""
        found = self._light("header", file, bounded=bounded)
        return _checked(lambda: _found(found, file if isinstance(file, Path) else Path()))

    def identity(self, file: File) -> PatientClaim:
        """See `FileReader`."""
        found = self._light("identity", file)
        return _checked(lambda: from_json(PatientClaim, found))

    def residue(self, file: File, policy: Policy) -> tuple[str, str, str, tuple[str, ...]]:
        """See `FileReader`."""
        try:
            found = self._light("residue", file, policy=to_json(policy))
        except DecoderFailed:
            return "", "", "", ("a file that cannot be read",)
        return _checked(lambda: _residue(found))

    def digests(self, file: File, rule: PixelRule) -> FileDigests:
        """See `FileReader`."""
        if rule is PixelRule.NONE:
            found = self._light("digests", file, rule=str(rule))
        else:
            found = self._series("digests", [file], rule=str(rule))
        return _checked(lambda: from_json(FileDigests, found))

    def damage(self, file: File) -> BadImages | None:
        """See `FileReader`."""
        try:
            found = self._series("damage", [file])
        except BadImages as error:
            return error
        return None if found is None else _error(found)

    def stacks(self, files: Sequence[File]) -> list[StackHeader]:
        """See `FileReader`."""
        found = self._series("stacks", files)
        return _checked(lambda: _stacks(found))

    def decode(self, files: Sequence[File], keep: Keep) -> DecodedSeries:
        """See `FileReader`."""
        found = self._series("decode", files, keep)
        return _checked(lambda: _decoded(found))

    def volume(self, files: Sequence[File], stack_uid: str, keep: Keep) -> None:
        """See `FileReader`."""
        self._series("volume", files, keep, stack_uid=stack_uid)

    def _light(self, what: str, file: File, **more: Any) -> Any:
        """Do a job; once more in a new worker if the first one ended, since an earlier file may have damaged it."""
        try:
            with self._pool.light(self._seconds) as channel:
                head = _exchange(channel, what, [file], _nothing, more)
        except DecoderFailed:
            with self._pool.light(self._seconds, fresh=True) as channel:
                head = _exchange(channel, what, [file], _nothing, more)
        return _result(head)

    def _series(self, what: str, files: Sequence[File], keep: Keep | None = None, **more: Any) -> Any:
        with self._pool.heavy(self._seconds + EACH_S * len(files), viewed=what == "volume") as channel:
            head = _exchange(channel, what, files, keep or _nothing, more)
        return _result(head)


def _nothing(content: VolumeContent) -> None:
    raise lost()


def _exchange(channel: Channel, what: str, files: Sequence[File], keep: Keep, more: dict[str, Any]) -> dict[str, Any]:
    """Ask for a job, hand out the files it wants, keep the volumes it sends, and return its last head."""
    channel.send({"do": what, "files": len(files), "salt": SALT.hex(), **more})
    while True:
        head = channel.receive()
        if "read" in head:
            _hand_out(channel, files, head["read"])
        elif "volume" in head:
            content = _checked(lambda head=head: _volume(channel, head))  # type: ignore[misc]
            keep(content)
            for _ in content.blocks:  # what was not wanted
                pass
        else:
            return head


def _hand_out(channel: Channel, files: Sequence[File], number: Any) -> None:
    if type(number) is not int or not 0 <= number < len(files):
        raise lost()
    file = files[number]
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC) if isinstance(file, Path) else _handle(file())
    except FileNotFoundError:
        raise NoImages(f"File {number + 1} does not exist.", "Check the path.") from None
    try:
        channel.send_file(handle)
    finally:
        os.close(handle)


def _handle(content: Content) -> int:
    if isinstance(content, bytes):
        return open_content(content)
    with content:
        return os.dup(content.fileno())


def _result(head: dict[str, Any]) -> Any:
    if "error" in head:
        raise _error(head)
    if "answer" not in head:
        raise lost()
    return head["answer"]


def _error(head: Any) -> BadImages:
    """Return the error that a worker names; only errors about images are believed."""
    try:
        kind = getattr(errors, str(head["error"]), None)
        if isinstance(kind, type) and issubclass(kind, BadImages):
            return kind(str(head["what"]), str(head["remedy"]))
    except (KeyError, TypeError):
        pass
    return lost()


def _checked(made: Callable[[], T]) -> T:
    """Return what is made of an answer; an answer of another shape is the end of its worker."""
    try:
        return made()
    except (Tampered, KeyError, TypeError, ValueError, AttributeError):
        raise lost() from None


def _found(answer: Any, path: Path) -> Found:
    values = {field.name: answer[field.name] for field in fields(Found)} | {"path": path}
    made = Found(**{**values, "person": tuple(values["person"])})
    uids = (made.study_uid, made.series_uid, made.sop_uid, made.sop_class_uid, made.modality, made.patient_key)
    texts = (*uids, made.series_description, made.study_description, made.study_date, made.issuer_key, *made.person)
    numbers = (made.rows, made.columns, made.series_number or 0, made.instance_number or 0)
    if not all(isinstance(each, str) for each in texts) or not all(type(each) is int for each in numbers):
        raise lost()
    said = (made.identity_removed, made.names_nobody)
    if not isinstance(made.header, dict) or not all(type(each) is bool for each in said):
        raise lost()
    return made


def _digests(answer: Any) -> dict[str, str]:
    if not all(isinstance(each, str) for pair in answer.items() for each in pair):
        raise lost()
    return dict(answer)


def _decoded(answer: Any) -> DecodedSeries:
    return DecodedSeries(_digests(answer["pixels"]), _digests(answer["headers"]), _stacks(answer["stacks"]))


def _stacks(answer: Any) -> list[StackHeader]:
    made = [StackHeader(each["uid"], each["title"], each["images"], each["header"]) for each in answer]
    kinds = ((str, str, int, dict) == tuple(map(type, (s.uid, s.title, s.images, s.header))) for s in made)
    if not isinstance(answer, list) or not all(kinds):
        raise lost()
    return made


def _residue(answer: Any) -> tuple[str, str, str, tuple[str, ...]]:
    patient, series_uid, sop_uid, names = answer
    if not all(isinstance(each, str) for each in (patient, series_uid, sop_uid, *names)):
        raise lost()
    return patient, series_uid, sop_uid, tuple(names)


def _volume(channel: Channel, head: dict[str, Any]) -> VolumeContent:
    header, dtype, shape = head["volume"], head["dtype"], head["shape"]
    proper = len(shape) in (3, 4) and all(type(each) is int and each > 0 for each in shape)
    if not isinstance(header, dict) or dtype not in _TYPES or not proper:
        raise lost()
    size = prod(shape) * int(dtype[-1])
    if size > MOST_VALUES:
        raise DecoderFailed("A volume is too large.", "Send fewer or smaller images in one series.")
    return VolumeContent(header, dtype, tuple(shape), channel.blocks(size))
