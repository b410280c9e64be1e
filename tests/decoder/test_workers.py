"""Workers read files as this process does; whatever becomes of one of them costs its files and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from eci_annotate.decoder.direct_reader import DirectReader
from eci_annotate.decoder.file_reader import File, FileReader, PixelRule, VolumeContent
from eci_annotate.decoder.worker_pool import WorkerPool
from eci_annotate.decoder.worker_reader import WorkerReader
from eci_annotate.deid.policy import Policy
from eci_annotate.dicom.images.study import StackHeader
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import DecoderFailed, EciError, NoImages, NotDicom
from tests.dicom.colour_maker import KINDS, colour_file
from tests.patience import until

SMALL = 400 << 20


@pytest.fixture(scope="module")
def reader() -> WorkerReader:
    return WorkerReader()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return sorted(map(Path, write_phantom(tmp_path / "dicom", "tiny")))


def volumes(do: Callable[[Callable[[VolumeContent], None]], object]) -> tuple[object, list[Any]]:
    """What a reader answers, and the volumes that it gives."""
    kept: list[Any] = []

    def keep(content: VolumeContent) -> None:
        kept.append((content.header, content.dtype, content.shape, b"".join(map(bytes, content.blocks))))

    return do(keep), kept


def said(ask: Callable[[], object]) -> object:
    """What is answered, or the error that is raised."""
    try:
        return ask()
    except EciError as error:
        return type(error), error.what, error.remedy


def everything(reader: FileReader, files: list[Path]) -> Iterator[object]:
    """All that can be asked of a reader, of paths and of what gives content."""
    given: list[File] = [*(partial(path.read_bytes) for path in files[::2]), *files[1::2]]
    for file in given:
        yield reader.header(file), reader.header(file, bounded=True), reader.identity(file)
        yield reader.residue(file, Policy())
        yield [reader.digests(file, rule) for rule in PixelRule], reader.damage(file)
    yield reader.stacks(given)
    yield volumes(partial(reader.decode, given))
    stack: StackHeader
    for stack in reader.stacks(given):
        yield volumes(partial(reader.volume, given, stack.uid))


@pytest.mark.parametrize("kind", ["tiny", "oblique", *KINDS])
def test_a_worker_answers_as_this_process_does(reader: WorkerReader, tmp_path: Path, kind: str) -> None:
    if kind in KINDS:
        colour_file(tmp_path / "a.dcm", kind, frames=2)
    else:
        write_phantom(tmp_path, kind)
    files = sorted(tmp_path.glob("*.dcm"))[:9]
    assert list(everything(reader, files)) == list(everything(DirectReader(), files))


def test_every_encoding_is_decoded_as_here(reader: WorkerReader, shared_data: Path) -> None:
    found = sorted((shared_data / "ct_transfer_syntaxes").glob("*.dcm"))
    assert len(found) > 10
    for path in found:
        assert said(partial(reader.digests, path, PixelRule.CURRENT)) == said(
            partial(DirectReader().digests, path, PixelRule.CURRENT)
        )
        assert said(partial(reader.decode, [path], lambda _: None)) == said(
            partial(DirectReader().decode, [path], lambda _: None)
        )


@pytest.mark.parametrize("spoil", [b"", b"no DICOM at all", None])
def test_errors_are_named_as_here(reader: WorkerReader, files: list[Path], spoil: bytes | None) -> None:
    files[0].write_bytes(files[0].read_bytes()[:900] if spoil is None else spoil)
    for ask in (lambda each: each.header(files[0]), lambda each: each.decode(files, lambda _: None)):
        assert said(partial(ask, reader)) == said(partial(ask, DirectReader()))
    with pytest.raises(EciError):
        reader.decode(files, lambda _: None)
    with pytest.raises(NoImages):
        reader.header(files[0].with_name("absent.dcm"))
    assert reader.header(files[1]) == DirectReader().header(files[1])


def worker(pool: WorkerPool) -> int:
    """The process that works now: the host's youngest child."""
    assert pool._host is not None
    host = pool._host.pid
    return max(map(int, Path(f"/proc/{host}/task/{host}/children").read_text().split()))


def is_alive(process: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("sign", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_decoder_that_crashes_costs_its_series_only(files: list[Path], sign: signal.Signals) -> None:
    pool = WorkerPool()
    reader, killed = WorkerReader(pool), list[int]()

    def opened() -> bytes:  # asked for in the middle of the work
        killed.append(worker(pool))
        os.kill(killed[-1], sign)
        return files[0].read_bytes()

    for ask in (lambda: reader.decode([*files[1:], opened], lambda _: None), lambda: reader.stacks([opened, *files])):
        with pytest.raises(DecoderFailed, match="Copy it again"):
            ask()
    with pytest.raises(DecoderFailed):
        reader.header(opened)
    assert len(set(killed)) == 4  # a header is asked for once more: an earlier file may have spoilt the first worker
    assert isinstance(reader.damage(opened), DecoderFailed)
    assert reader.residue(opened, Policy())[3] == ("a file that cannot be read",)
    assert list(everything(reader, files)) == list(everything(DirectReader(), files))


def test_who_views_does_not_wait_for_what_is_taken_in(files: list[Path]) -> None:
    reader, begun, viewed = WorkerReader(), Event(), Event()

    def slow() -> bytes:
        begun.set()
        assert viewed.wait(60)
        return files[0].read_bytes()

    taken_in = [Thread(target=reader.damage, args=(slow,)) for _ in range(4)]
    for each in taken_in:
        each.start()
    assert begun.wait(60)
    _, kept = volumes(partial(reader.volume, files, ""))
    viewed.set()
    for each in taken_in:
        each.join()
    assert len(kept) == 1


def test_a_decoder_that_hangs_is_ended(files: list[Path]) -> None:
    pool = WorkerPool()
    reader, stopped = WorkerReader(pool, seconds=0.2), list[int]()
    WorkerReader(pool).header(files[0])  # the host has started

    def opened() -> bytes:
        stopped.append(worker(pool))
        os.kill(stopped[-1], signal.SIGSTOP)
        return files[0].read_bytes()

    with pytest.raises(DecoderFailed):
        reader.header(opened)
    assert len(stopped) == 2 and until(lambda: not any(map(is_alive, stopped)))


def bomb(path: Path, size: int) -> Path:
    """A deflated file of a thousandth of its size."""
    dataset = pydicom.dcmread(path)
    dataset.PixelData = bytes(size)
    dataset.Rows = dataset.Columns = int((size / 2) ** 0.5)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    assert path.stat().st_size < size / 500
    return path


def test_a_bomb_needs_no_more_than_a_worker_may_have(files: list[Path]) -> None:
    pool = WorkerPool(memory=SMALL)
    reader = WorkerReader(pool)
    bomb(files[0], SMALL)
    with pytest.raises(DecoderFailed, match="needs more memory"):
        reader.decode(files, lambda _: None)
    assert reader.residue(files[0], Policy())[3] == ("a file that cannot be read",)
    assert reader.decode(files[1:], lambda _: None) == DirectReader().decode(files[1:], lambda _: None)


def test_a_host_that_ended_is_started_again(files: list[Path]) -> None:
    pool = WorkerPool()
    reader = WorkerReader(pool)
    before = reader.header(files[0])
    assert pool._host is not None
    pool._host.kill()
    pool._host.wait()
    assert reader.header(files[0]) == before
    with pytest.raises(NotDicom):
        reader.header(lambda: b"x" * 200)


def test_workers_end_with_the_service(files: list[Path]) -> None:
    pool = WorkerPool()
    WorkerReader(pool).header(files[0])
    host, one = pool._host, worker(pool)
    assert host is not None and is_alive(one)
    del pool
    assert host.wait(20) == 0
    assert until(lambda: not is_alive(one))
