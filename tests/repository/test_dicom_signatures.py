"""What is signed carries a DICOM digital signature over all of its content (PS3.15 annex C)."""

from __future__ import annotations

import struct
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

import eci_annotate as eci
from eci_annotate.dicom.digital_signature import Signatory, add_signature, signatures_in
from eci_annotate.dicom.rtstruct import outlines
from eci_annotate.dicom.rtstruct.dataset import structure_set
from eci_annotate.errors import DamagedFile
from eci_annotate.imaging.volume import grid_of, series_uid_of
from eci_annotate.repository.keys.dicom_signatures import signature_checks
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.trust.certificates import Authority, der_of
from eci_annotate.workflow.trust.rsa_keys import PrivateKey
from tests.counts import examples
from tests.dicom.peers import dciodvfy_errors, program
from tests.repository.repository_world import anchor
from tests.repository.test_offline import exported
from tests.test_cli import run

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority that is trusted."""
    return Authority.found("Institution", NOW)


@pytest.fixture(scope="module")
def signatory(authority: Authority) -> Signatory:
    """A signer whom it certified."""
    key = PrivateKey.generate(2048)
    return Signatory(der_of(authority.issue("anna", key.rsa.public_key(), NOW)), key.sign_bytes)


def drawn(folder: Path, annotations: Any) -> bytes:
    """A structure set on a phantom."""
    eci.write_phantom(folder)
    volume = eci.load_series(folder)
    return structure_set(annotations(volume), sorted(folder.iterdir()), signer="anna", when=NOW, meaning="I read it.")


def boxes(volume: Any) -> list[eci.Box]:
    grid = grid_of(volume)
    centre = tuple(grid.reference_from_image(np.array(grid.shape) // 2))
    where = {"series_uid": series_uid_of(volume), "frame_uid": grid.frame_of_reference_uid}
    return [eci.Box(centre, (20.0, 20.0, 20.0), label="größer", uid="2.25.5", **where)]


def long(volume: Any) -> list[eci.Contours]:
    """An outline that has no explicit form, since it is longer than 65,534 bytes."""
    grid = grid_of(volume)
    middle = np.array(grid.shape) // 2
    turn = np.linspace(0, 2 * np.pi, 9000, endpoint=False)
    reach = np.where(np.arange(9000) % 2, 3.0, 6.0)  # a star
    ring = [middle + (0, r * np.sin(angle), r * np.cos(angle)) for r, angle in zip(reach, turn, strict=True)]
    where = {"series_uid": series_uid_of(volume), "frame_uid": grid.frame_of_reference_uid}
    rings = (np.array([grid.reference_from_image(point) for point in ring]),)
    return [eci.Contours(rings, grid.spacing_mm[0], label="long", uid="2.25.6", **where)]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, signatory: Signatory) -> bytes:
    """A signed structure set."""
    return add_signature(drawn(tmp_path_factory.mktemp("ct"), boxes), signatory, NOW)


def passes(content: bytes, authority: Authority) -> bool:
    (check,) = signature_checks(content, [authority.certificate])
    return check.passed


def test_a_version_is_signed_inside_its_files_too(repo: Repository, folder: Path, tmp_path: Path, capsys: Any) -> None:
    trusted, place = anchor(folder), exported(repo, tmp_path / "out")
    (tmp_path / "ca.pem").write_text(trusted)
    files = sorted(place.glob("*.dcm"))
    assert len(files) == 2
    for path in files:
        (check,) = eci.digital_signatures(path, tmp_path / "ca.pem")
        assert (check.signer, check.purpose, check.passed, check.detail) == ("anna", "Author's signature", True, "")
        code, out, _ = run(capsys, "verify", path, "--trust", tmp_path / "ca.pem")
        assert code == 0 and "1 checks" in out
        assert not signature_checks(path.read_bytes(), [Authority.found("other", NOW).certificate])[0].passed


def test_every_element_is_covered(signed: bytes, authority: Authority) -> None:
    """Each value changed, each element removed, each level given one more: found, wherever it is."""
    assert passes(signed, authority)
    places = list(elements(dcmread(BytesIO(signed))))
    assert len(places) > 100 and any(len(place) > 5 for place in places), "nested ones are among them"
    for place in places[:: max(1, len(places) // examples(120, 100_000))]:
        for change in (altered, removed, added):
            content = changed(signed, place, change)
            assert content is None or not passes(content, authority), (place, change.__name__)


def elements(dataset: Dataset, above: tuple[Any, ...] = ()) -> Any:
    """The path of each element but those of the signature itself and of file meta information."""
    for element in dataset:
        if element.tag in (0x4FFE0001, 0xFFFAFFFA):
            continue
        yield (*above, element.tag)
        for number, item in enumerate(element.value if element.VR == "SQ" else ()):
            yield from elements(item, (*above, element.tag, number))


def changed(content: bytes, place: tuple[Any, ...], change: Any) -> bytes | None:
    dataset = dcmread(BytesIO(content))
    item = dataset
    for tag, number in zip(place[:-1:2], place[1:-1:2], strict=True):
        item = item[tag].value[number]
    if not change(item, place[-1]):
        return None
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def altered(item: Dataset, tag: Any) -> bool:
    element = item[tag]
    if element.VR == "SQ":
        element.value = [*list(element.value), Dataset()]
    elif element.VR == "DS" and element.VM > 1:
        element.value = [*list(element.value)[:-1], "123.5"]
    elif element.VR in ("IS", "US", "DS"):
        element.value = 7 if not element.value else int(float(np.ravel(element.value)[0])) + 1
    else:
        element.value = "1.2.3" if element.VR == "UI" else "20010203" if element.VR in ("DA", "TM") else "OTHER"
    return True


def removed(item: Dataset, tag: Any) -> bool:
    del item[tag]
    return True


def added(item: Dataset, tag: Any) -> bool:
    if 0x00104000 in item:
        return False
    item.add_new(0x00104000, "LT", "more")
    return True


@pytest.mark.parametrize("explicit", [True, False])
def test_a_file_may_be_stored_again(signed: bytes, authority: Authority, explicit: bool) -> None:
    dataset = dcmread(BytesIO(signed))
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    for element in dataset.iterall():
        str(element.value)  # pydicom holds values now, and writes them again
    out = BytesIO()
    dataset.save_as(out, implicit_vr=False)
    assert passes(out.getvalue() if explicit else signed, authority)


def test_an_outline_of_any_length_is_covered(
    tmp_path: Path, signatory: Signatory, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlines, "MOST_BYTES", 10**9)  # it would be cut into parts
    content = drawn(tmp_path, long)
    assert dcmread(BytesIO(content)).file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    good = add_signature(content, signatory, NOW)
    assert passes(good, authority)
    bad = bytearray(good)
    place = good.index(struct.pack("<HH", 0x3006, 0x0050)) + 60_000
    bad[place] = ord("1") if bad[place] != ord("1") else ord("2")
    assert not passes(bytes(bad), authority)


def test_what_is_not_a_signature_is_named(signed: bytes, signatory: Signatory, authority: Authority) -> None:
    dataset = dcmread(BytesIO(signed))
    dataset.DigitalSignaturesSequence[0].CertificateOfSigner = b"no certificate"
    assert "certificate" in signature_checks(saved(dataset), [authority.certificate])[0].detail
    dataset = dcmread(BytesIO(signed))
    dataset.MACParametersSequence[0].MACAlgorithm = "MD5"
    assert "no longer safe" in signature_checks(saved(dataset), [authority.certificate])[0].detail
    dataset = dcmread(BytesIO(signed))
    dataset.MACParametersSequence = []
    with pytest.raises(DamagedFile):
        signatures_in(saved(dataset))
    unsigned = dcmread(BytesIO(signed))
    del unsigned[0x4FFE0001], unsigned[0xFFFAFFFA]
    old = add_signature(saved(unsigned), signatory, datetime(2056, 1, 1, tzinfo=UTC))
    assert "not valid" in signature_checks(old, [authority.certificate])[0].detail


def saved(dataset: Dataset) -> bytes:
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


@pytest.mark.needs_debian
def test_dcmsign_and_dciodvfy_agree(signed: bytes, authority: Authority, tmp_path: Path) -> None:
    """DCMTK 3.6.7 reads 16 kB of a sequence only: a small file is compared."""
    path, trusted = tmp_path / "signed.dcm", tmp_path / "ca.pem"
    path.write_bytes(signed)
    trusted.write_text(authority.certificate)
    assert len(signed) < 16_000 and dciodvfy_errors(path) == []
    command = [program("dcmsign"), "--verify", "+cf", str(trusted), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Signature Verification : OK" in done.stderr
