"""Pseudonyms: known answers, the same in every process, unlinkable with another secret; the secret stays hidden."""

from __future__ import annotations

import hashlib
import hmac
import pickle
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eci_annotate.deid.date_shift import capped_age, shifted_date, shifted_datetime
from eci_annotate.deid.pseudonymiser import (
    Domain,
    Pseudonymiser,
    create_key,
    is_dicom_uid,
    is_pseudonymous_uid,
    probe,
)
from eci_annotate.errors import BadSiteKey, NoKeyedDigest

KEY = b"\x07kanarie secret of thirty-two b\xff"
OURS = Pseudonymiser(KEY)


def test_the_digest_is_hmac_of_fips_180_4() -> None:
    expected = hmac.new(KEY, b"uid\x001.2.3", lambda data=b"": hashlib.new("sha512_256", data)).digest()
    assert OURS.digest(Domain.UID, " 1.2.3\0") == expected
    assert expected != hmac.digest(KEY, b"uid\x001.2.3", "sha512")[:32]


def test_a_missing_or_wrong_digest_is_refused_by_name() -> None:
    for digest in ("no such digest", "sha256"):
        with pytest.raises(NoKeyedDigest):
            probe(digest)


@given(st.text("0123456789.", min_size=1, max_size=64).filter(lambda uid: not is_dicom_uid(uid)))
def test_uids_are_valid_version_8_and_domains_differ(uid: str) -> None:
    mapped = OURS.uid(uid)
    assert len(mapped) <= 44 and is_pseudonymous_uid(mapped) and mapped != uid
    assert Pseudonymiser(bytes(32)).uid(uid) != mapped
    assert OURS.digest(Domain.UID, uid) != OURS.digest(Domain.PATIENT, uid)


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2", "1.2.840.10008.5.1.4.1.1.2", ""])
def test_dicoms_own_uids_stay(uid: str) -> None:
    assert OURS.uid(uid) == uid
    assert is_pseudonymous_uid(OURS.uid("1.2.840.10008.Doe")) and not is_pseudonymous_uid("2.25.1")


def test_another_process_gives_the_same() -> None:
    code = (
        "import sys; from eci_annotate.deid.pseudonymiser import Pseudonymiser as P;"
        "p = P(bytes.fromhex(sys.argv[1])); print(p.uid('1.2.3'), p.patient_id('A1'), p.shift_days('A1'))"
    )
    done = subprocess.run([sys.executable, "-c", code, KEY.hex()], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [OURS.uid("1.2.3"), OURS.patient_id("A1"), str(OURS.shift_days("A1"))]


def test_patients_are_told_apart_by_issuer_and_by_secret() -> None:
    other = Pseudonymiser(bytes(32))
    ids = {OURS.patient_id("A1"), OURS.patient_id("A1", "KAU"), OURS.patient_id("a1"), other.patient_id("A1")}
    assert len(ids) == 4 and OURS.patient_id(" A1 ") == OURS.patient_id("A1")
    shifts = {OURS.shift_days(f"P{n}") for n in range(200)}
    assert all(-521 * 7 <= days <= -7 and days % 7 == 0 for days in shifts) and len(shifts) > 100


def test_the_secret_is_shown_nowhere(tmp_path: Path) -> None:
    assert KEY.hex() not in repr(OURS) and "kanarie" not in repr(OURS) + str(vars(type(OURS)))
    with pytest.raises(TypeError):
        pickle.dumps(OURS)
    with pytest.raises(BadSiteKey) as caught:
        Pseudonymiser(KEY[:9])
    assert "kanarie" not in str(caught.value)
    path = tmp_path / "site.key"
    made = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_size == 32
    assert Pseudonymiser.from_file(path).fingerprint == made.fingerprint
    with pytest.raises(BadSiteKey, match="exists"):
        create_key(path)
    path.chmod(0o644)
    with pytest.raises(BadSiteKey, match="Others"):
        Pseudonymiser.from_file(path)


@given(st.dates(date(1900, 1, 1)), st.integers(-3647, -7))
def test_dates_keep_their_distances_and_their_precision(day: date, days: int) -> None:
    text = f"{day:%Y%m%d}".zfill(8)
    moved = shifted_date(text, days)
    assert moved is not None
    assert (date(int(moved[:4]), int(moved[4:6]), int(moved[6:])) - day).days == days
    assert shifted_datetime(f"{text}1015.", days) is None
    assert shifted_datetime(f"{text}101500.25-0330", days) == f"{moved}101500.25-0330"
    month = shifted_datetime(text[:6], days)
    assert month is not None and len(month) == 6


@pytest.mark.parametrize("text", ["", "yesterday", "20190231", "2019031", "20190317 Doe"])
def test_what_is_no_date_is_not_kept(text: str) -> None:
    assert shifted_date(text, -7) is None and shifted_datetime(text + "x", -7) is None


@pytest.mark.parametrize(
    ("age", "capped"),
    [("089Y", "089Y"), ("090Y", "090Y"), ("104Y", "090Y"), ("999W", "999W"), ("012M", "012M"), ("old", "")],
)
def test_ages_are_capped(age: str, capped: str) -> None:
    assert capped_age(age) == capped
