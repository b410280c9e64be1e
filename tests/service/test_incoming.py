"""Forms that bring files: they go to the disk as they come, under our own names; of a broken one nothing is left."""

from __future__ import annotations

import asyncio
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from eci_annotate.errors import BadRequest, DamagedFile, EciError, Refused
from eci_annotate.hub.pages.intake import uploads as incoming
from eci_annotate.hub.pages.intake.add_subjects import unpack
from eci_annotate.hub.pages.intake.uploads import Arrived, received, sweep

BOUNDARY = "----eci"
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def read(pieces: Iterable[bytes], below: Path, kind: str = KIND) -> Arrived:
    """What the form becomes that comes in these pieces."""
    waiting = iter(pieces)

    async def receive() -> dict[str, object]:
        piece = next(waiting, None)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return asyncio.run(received(Request(scope, receive), below))


def form(files: dict[str, bytes], **fields: str) -> bytes:
    """A form as httpx, another implementation than ours, writes it."""
    boundary = {"Content-Type": KIND}
    parts = [("files", (name, content)) for name, content in files.items()]
    request = httpx.Request("POST", "http://x/", data=fields, files=parts or {"files": ("", b"")}, headers=boundary)
    return request.read()


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_form_is_the_same_in_whatever_pieces_it_comes(tmp_path: Path, size: int) -> None:
    files = {"../../etc/a.dcm": b"\r\n----ec\r\n--" * 9, "Jane Doe.dcm": bytes(range(256)), "empty.dcm": b""}
    body = form(files, site="GRZ", token="t\u00f6ken")
    arrived = read([*(body[at : at + size] for at in range(0, len(body), size)), b""], tmp_path)
    assert dict(arrived.form) == {"site": "GRZ", "token": "t\u00f6ken"}
    assert [path.read_bytes() for path in arrived.files] == list(files.values())
    assert [path.name for path in arrived.files] == ["0.dcm", "1.dcm", "2.dcm"]
    assert {path.parent.parent for path in arrived.files} == {tmp_path}
    arrived.forget()
    assert list(tmp_path.iterdir()) == []


def test_a_field_without_a_file_brings_none(tmp_path: Path) -> None:
    body = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--{BOUNDARY}--\r\n'
    assert read([body.encode(), b""], tmp_path).files == []


@pytest.mark.parametrize(
    ("pieces", "kind", "error"),
    [
        ([form({"a": b"x" * 500})[:300]], KIND, BadRequest),  # the browser went away
        ([b"--something else\r\n\r\n", b""], KIND, BadRequest),
        ([form({"a": b"x"}), b""], "application/x-www-form-urlencoded", BadRequest),
        ([form({"a": b"x"}, site="G" * (incoming.LONGEST_FIELD + 1)), b""], KIND, BadRequest),
        ([form({}, **{f"f{n}": "" for n in range(incoming.MOST_FIELDS + 2)}), b""], KIND, Refused),
    ],
)
def test_what_is_no_whole_form_is_named_and_leaves_nothing(
    tmp_path: Path, pieces: list[bytes], kind: str, error: type[EciError]
) -> None:
    with pytest.raises(error):
        read(pieces, tmp_path, kind)
    assert list(tmp_path.glob("*")) == []


def test_files_are_never_in_memory(tmp_path: Path) -> None:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'.encode()

    def pieces() -> Iterator[bytes]:
        for _ in range(400):
            yield head
            for _ in range(8):
                yield bytes(65_536)
            yield b"\r\n"
        yield f"--{BOUNDARY}--\r\n".encode()
        yield b""

    tracemalloc.start()
    arrived = read(pieces(), tmp_path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(path.stat().st_size for path in arrived.files) == 400 * 8 * 65_536 and most < 4 << 20, most


def test_what_a_killed_service_left_is_swept_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / "tmp0"
    left.mkdir()
    (left / "0.dcm").write_bytes(b"x")
    sweep(tmp_path)
    assert left.exists(), "it may be still in use"
    monkeypatch.setattr(incoming, "DAY_S", -1)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def packed(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_zips_are_replaced_by_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "0.dcm").write_bytes(b"plain")
    files = [
        tmp_path / "0.dcm",
        packed(tmp_path / "1.dcm", a=b"first", b=b"second"),
        packed(tmp_path / "2.dcm", a=b"3"),
    ]
    unpack(files, tmp_path)
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"3", b"first", b"plain", b"second"]


def test_a_zip_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    whole = packed(tmp_path / "0.dcm", a=bytes(range(256)) * 99).read_bytes()
    locked = bytearray(whole)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[whole.index(mark) + place] |= 1  # says that it is encrypted
    for content in (bytes(locked), whole[:60] + b"\0\0\0\0" + whole[64:]):
        (tmp_path / "0.dcm").write_bytes(content)
        with pytest.raises(DamagedFile, match="damaged or protected by a password"):
            unpack([tmp_path / "0.dcm"], tmp_path)


def test_a_zip_that_holds_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eci_annotate.hub.pages.intake.add_subjects.MOST_BYTES", 1000)
    path = packed(tmp_path / "0.dcm", bomb=bytes(1001))
    with pytest.raises(Refused, match="too much"):
        unpack([path], tmp_path)
    assert list(tmp_path.iterdir()) == [path]
