"""Text in pixels: searched by a program if the policy asks for it; what it finds, or cannot search, is set aside."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import BadConfiguration
from eci_annotate.proxy import pixel_text
from eci_annotate.proxy.instance_queue import QueueState
from eci_annotate.proxy.picture import png_of
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import take_paths
from tests.deid.test_decoder_input import colours, compressed
from tests.proxy.proxy_world import configured, planted

HEAD = "level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext\n"


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, output: str, status: int = 0) -> None:
    """Put a program in place of tesseract that prints this."""
    folder.mkdir(exist_ok=True)
    (folder / "output").write_text(output)
    path = folder / "tesseract"
    path.write_text(f"#!/bin/sh\ncat > /dev/null\ncat {folder / 'output'}\nexit {status}\n")
    path.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def row(confidence: float, text: str) -> str:
    return f"{HEAD}5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t{confidence}\t{text}\n"


@pytest.mark.parametrize(
    ("output", "status", "found"),
    [
        (HEAD, 0, False),
        (row(91.5, "MUSTER"), 0, True),
        (row(91.5, "Ås1"), 0, True),
        (row(91.5, "--|"), 0, False),
        (row(30.0, "MUSTER"), 0, False),
        (HEAD, 1, True),
        (row(0, "x").replace("\t0\tx", "\tnone\tx"), 0, True),
    ],
)
def test_words_count_and_what_cannot_be_searched_may_show_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, status: int, found: bool
) -> None:
    program(tmp_path / "bin", monkeypatch, output, status)
    assert pixel_text.may_show_text(planted()) is found


def test_a_frame_that_cannot_be_decoded_may_show_text_and_an_object_without_pixels_does_not() -> None:
    broken = planted()
    broken.PixelData = b"x"
    assert pixel_text.may_show_text(broken) and not pixel_text.may_show_text(Dataset())


def test_what_may_show_text_is_set_aside_until_a_person_releases_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", monkeypatch, row(90, "MUSTER"))
    planted().save_as(tmp_path / "a.dcm", enforce_file_format=True)
    configuration = configured(tmp_path / "site")
    configuration.policy_path.write_text("site: KAU\nquarantine: {find_text: true}\n")
    proxy = Proxy(configuration)
    take_paths(proxy.spool, [tmp_path / "a.dcm"], lambda *_: None)
    proxy.drain(lambda *_: None)
    assert proxy.queue.causes() == {Cause.TEXT: 1}
    assert not list((proxy.spool.root / "outgoing").rglob("*.dcm"))
    (one,) = proxy.queue.waiting(QueueState.QUARANTINED)
    proxy.queue.retry([one.id], {one.id: Cause.TEXT.name})
    proxy.drain(lambda *_: None)
    assert proxy.queue.counts() == {"de-identified": 1}


def test_a_policy_that_asks_for_the_program_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = configured(tmp_path / "site")
    configuration.policy_path.write_text("site: KAU\nquarantine: {find_text: true}\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadConfiguration, match="tesseract is not installed"):
        configuration.policy()


@pytest.mark.parametrize("header", [{"PlanarConfiguration": 1}, {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}])
def test_jpeg_with_a_wrong_header_is_searched_and_shown_as_it_is(header: dict[str, int]) -> None:
    right, wrong = (compressed("JPEG", colours()) for _ in range(2))
    for keyword, value in header.items():
        setattr(wrong, keyword, value)
    assert png_of(wrong) == png_of(right) is not None
    searched, wanted = [*pixel_text._pictures(wrong)], [*pixel_text._pictures(right)]
    assert len(searched) == 3 and all((a == b).all() for a, b in zip(searched, wanted, strict=True))


@pytest.mark.parametrize("header", [{"Rows": 12}, {"NumberOfFrames": 1}])
def test_jpeg_that_contradicts_its_header_may_show_text_and_has_no_picture(header: dict[str, int]) -> None:
    wrong = compressed("JPEG", colours(), **header)
    assert pixel_text.may_show_text(wrong) and png_of(wrong) is None


@pytest.mark.needs_debian
@pytest.mark.parametrize("text", ["", "MUSTER ERIKA"])
def test_the_program_itself_finds_a_name_and_none_in_an_image_without(text: str) -> None:
    dataset, size = planted(), 128
    image = Image.new("L", (size, size))
    ImageDraw.Draw(image).text((4, 4), text, fill=255, font=ImageFont.load_default(12))
    dataset.Rows = dataset.Columns = size
    dataset.PixelData = (np.asarray(image, "<u2") * 8 + 100).tobytes()
    assert pixel_text.may_show_text(dataset) is bool(text)
