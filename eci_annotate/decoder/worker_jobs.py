"""What a worker does for a service: one job after the other, each answered with plain values or a named error."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO

from eci_annotate.decoder.channel import Channel
from eci_annotate.decoder.direct_reader import DirectReader
from eci_annotate.decoder.file_reader import File, Keep, PixelRule, VolumeContent
from eci_annotate.deid.policy import Policy
from eci_annotate.errors import DamagedFile, DecoderFailed, EciError
from eci_annotate.workflow.codec import from_json, to_json

_LARGE = "An image needs more memory than a decoder may use."


def serve(end: socket.socket) -> None:
    """Do the jobs that come over a connection, until it ends."""
    channel = Channel(end)
    while True:
        try:
            job = channel.receive()
        except DecoderFailed:
            return
        try:
            answer: dict[str, Any] = {"answer": to_json(_done(channel, job))}
        except Exception as error:
            answer = _named(_as_named(error))
        channel.send(answer)


def _as_named(error: BaseException) -> EciError:
    """Return the named error for whatever was raised; the text of others may hold values."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return DecoderFailed(_LARGE, "Send fewer or smaller images in one series.")
        cause = cause.__cause__
    if isinstance(error, EciError):
        return error
    return DamagedFile("A file is damaged or truncated.", "Copy it again from its archive.")


def _named(error: EciError) -> dict[str, Any]:
    return {"error": type(error).__name__, "what": error.what, "remedy": error.remedy}


def _done(channel: Channel, job: dict[str, Any]) -> object:
    reader = DirectReader(bytes.fromhex(job["salt"]))
    files = [partial(_opened, channel, number) for number in range(job["files"])]
    return _JOBS[job["do"]](reader, files, job, partial(_send_volume, channel))


def _opened(channel: Channel, number: int) -> BinaryIO:
    channel.send({"read": number})
    return os.fdopen(channel.receive_file(), "rb")


def _send_volume(channel: Channel, content: VolumeContent) -> None:
    channel.send({"volume": content.header, "dtype": content.dtype, "shape": list(content.shape)})
    for block in content.blocks:
        channel.send_block(block)


def _damage(reader: DirectReader, file: File) -> dict[str, Any] | None:
    found = reader.damage(file)
    return None if found is None else _named(found)


_Job = Callable[[DirectReader, Sequence[File], dict[str, Any], Keep], object]
_JOBS: dict[str, _Job] = {
    "header": lambda reader, files, job, _: {
        **to_json(reader.header(files[0], bounded=job["bounded"])),
        "path": "",
    },
    "identity": lambda reader, files, job, _: reader.identity(files[0]),
    "residue": lambda reader, files, job, _: reader.residue(files[0], from_json(Policy, job["policy"])),
    "digests": lambda reader, files, job, _: reader.digests(files[0], PixelRule(job["rule"])),
    "damage": lambda reader, files, job, _: _damage(reader, files[0]),
    "stacks": lambda reader, files, job, _: reader.stacks(files),
    "decode": lambda reader, files, job, keep: reader.decode(files, keep),
    "volume": lambda reader, files, job, keep: reader.volume(files, job["stack_uid"], keep),
}
