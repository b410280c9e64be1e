"""Forms with file uploads: files are written into a folder as they arrive, and never kept in memory.

Each file is stored under a number of ours; file names sent by a browser are not used.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import ClientDisconnect, Request

from eci_annotate.errors import BadRequest, Refused, StoreUnavailable
from eci_annotate.store.disk_reserve import require_space

INCOMING, DAY_S = "incoming", 86_400
MOST_FILES, MOST_FIELDS, LONGEST_FIELD, LONGEST_HEADER = 50_000, 100, 64 << 10, 8 << 10
_DAMAGED = ("The form arrived incomplete.", "Send it again.")


class Arrived:
    """The contents of a form.

    Parameters
    ----------
    below
        Folder in which a new folder is created for the form.

    Attributes
    ----------
    fields
        Its values.
    files
        Location of its files until `forget`.
    taken
        Whether another object uses the files, and will delete them.
    """

    def __init__(self, below: Path) -> None:
        below.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(dir=below, ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self.fields: list[tuple[str, str | UploadFile]] = []
        self.files: list[Path] = []
        self.taken = False

    @property
    def form(self) -> FormData:
        """Return the values in the format of other forms."""
        return FormData(self.fields)

    def forget(self) -> None:
        """Delete the files."""
        self._folder.cleanup()


def sweep(below: Path) -> None:
    """Delete what a killed service left behind: folders unchanged for a day."""
    for folder in below.glob("*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > DAY_S:
                shutil.rmtree(folder)


class _Parts:
    """Receives and stores what the parser finds."""

    def __init__(self, arrived: Arrived) -> None:
        self._arrived = arrived
        self._header, self._value, self._text = bytearray(), bytearray(), bytearray()
        self._disposition, self._name = b"", ""
        self._file: IO[bytes] | None = None

    def on_part_begin(self) -> None:
        """Start a part."""
        self._text.clear()
        self._disposition = b""

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """Receive a piece of a header's name."""
        self._grow(self._header, data[start:end], LONGEST_HEADER)

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """Receive a piece of a header's value."""
        self._grow(self._value, data[start:end], LONGEST_HEADER)

    def on_header_end(self) -> None:
        """Finish a header."""
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def on_headers_finished(self) -> None:
        """Decide from the headers whether the part is a file."""
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        named = options.get(b"filename")
        if len(self._arrived.files) >= MOST_FILES or len(self._arrived.fields) >= MOST_FIELDS:
            raise Refused(
                "The form contains too much data.", f"Send at most {MOST_FILES} files at once, or a zip of them."
            )
        if named:  # a field without a chosen file has an empty name
            path = self._arrived.folder / f"{len(self._arrived.files)}.dcm"
            self._file = path.open("wb")
            self._arrived.files.append(path)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Receive a piece of the part."""
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])
        else:
            self._grow(self._text, data[start:end], LONGEST_FIELD)

    def on_part_end(self) -> None:
        """Finish the part."""
        if self._file is None:
            self._arrived.fields.append((self._name, self._text.decode(errors="replace")))
        self.close()

    def close(self) -> None:
        """Close the file being written, if any."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @staticmethod
    def _grow(kept: bytearray, piece: bytes, most: int) -> None:
        if len(kept) + len(piece) > most:
            raise BadRequest("A field of the form is too long.", "Reload the page.")
        kept += piece


async def received(request: Request, below: Path) -> Arrived:
    """Read a form of the type ``multipart/form-data``; its files go into a new folder below `below`.

    Raises
    ------
    BadRequest
        If it is not such a form, or was interrupted.
    Refused
        If it contains too many files.
    StoreUnavailable
        If there is not enough space.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise BadRequest("This form contains no files.", "Reload the page.")
    arrived = Arrived(below)
    parts = _Parts(arrived)
    try:
        await _read(request, options[b"boundary"], parts, arrived.folder)
    except BaseException as error:
        parts.close()
        arrived.forget()
        raise _told(error) from error
    return arrived


async def _read(request: Request, boundary: bytes, parts: _Parts, folder: Path) -> None:
    names = ("part_begin", "part_data", "part_end", "header_field", "header_value", "header_end", "headers_finished")
    callbacks: Any = {f"on_{name}": getattr(parts, f"on_{name}") for name in names}
    parser = MultipartParser(boundary, callbacks)
    async for piece in request.stream():
        if piece:
            require_space(folder, len(piece))
            await run_in_threadpool(parser.write, piece)
    parser.finalize()


def _told(error: BaseException) -> BaseException:
    """Return this package's error for what went wrong."""
    if isinstance(error, FormParserError | ClientDisconnect):
        return BadRequest(*_DAMAGED)
    if isinstance(error, OSError):
        return StoreUnavailable(
            "Not enough disk space for these files.", "Send fewer files at once, or tell the hub's administrator."
        )
    return error
