"""An exported version verifies without its repository, against an authority that comes from elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import BadSecret, NotFound, Refused, Untrusted
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.key_rotation import adopt, fingerprint_of, rotate
from eci_annotate.repository.keys.repository_folder import credential
from eci_annotate.repository.keys.signing_keys import change_secret
from eci_annotate.repository.local import sign as signing
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.software import pack_wheel, write_software
from eci_annotate.repository.task import Signed
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.workflow.subject.commands import RevokeCertificate, TrustAuthority
from eci_annotate.workflow.trust.certificates import Authority
from eci_annotate.workflow.trust.rsa_keys import PrivateKey
from tests.counts import examples
from tests.repository.repository_world import ANSWERS, MEANING, P, S, anchor, certified, lines, local
from tests.test_cli import run


def exported(repo: Repository, out: Path) -> Path:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING).export(out)
    return out


def test_every_file_and_the_signature_are_checked_offline(repo: Repository, folder: Path, tmp_path: Path) -> None:
    trusted, out = anchor(folder), exported(repo, tmp_path / "out")
    shutil.rmtree(folder)
    checks = verify_exported(out, [trusted])
    assert all(check.passed for check in checks)
    names = {check.check for check in checks}
    assert names == {
        "seal",
        "certificate",
        "signature",
        "rtstruct",
        "sr",
        "report",
        "annotations",
        "instances",
        "fidelity",
        "measurements",
        "active_time",
        "digital signature of RTSTRUCT",
        "digital signature of SR",
    }


def test_a_file_that_looks_signed_and_belongs_to_no_version_is_named(
    repo: Repository, folder: Path, tmp_path: Path
) -> None:
    trusted, out = anchor(folder), exported(repo, tmp_path / "out")
    for name in ("rtstruct_2.dcm", "journal.json", "provenance.json"):
        path = out / f"{S}_annotate_v0001_{name}"
        other = out / f"{S}_annotate_v0002_{name}".replace("v0002_rtstruct_2", "v0001_rtstruct_2")
        if name != "provenance.json":
            shutil.copy(out / f"{S}_annotate_v0001_rtstruct_1.dcm", other)
            failed = [check.detail for check in verify_exported(out, [trusted]) if not check.passed]
            assert failed == [f"{other.name} belongs to no signed version here."]
            other.unlink()
        else:  # of a second version whose provenance was deleted
            shutil.copytree(out, tmp_path / "more")
            path.unlink()
            checks = verify_exported(tmp_path, [trusted])
            assert {c.subject for c in checks if not c.passed} == {"out"} and any(c.passed for c in checks)
    shutil.copy(tmp_path / "more" / f"{S}_annotate_v0001_rtstruct_1.dcm", tmp_path / "more" / "kinetics.csv")
    assert all(check.passed for check in verify_exported(tmp_path / "more", [trusted]))


def test_the_software_beside_an_export_is_compared_with_its_list(
    repo: Repository, folder: Path, tmp_path: Path
) -> None:
    trusted, out = anchor(folder), exported(repo, tmp_path / "out" / S).parent
    write_software(out)
    bare = verify_exported(out, [trusted])
    assert all(each.passed for each in bare) and [each.check for each in bare].count("software") == 1
    names = sorted(path.name for path in write_software(out, with_wheel=True))
    wheel, lock, about = (out / "software" / name for name in names)

    def failed() -> list[str]:
        return [each.detail for each in verify_exported(out, [trusted]) if not each.passed]

    assert failed() == []
    for path, edit in ((wheel, packed_without_a_file), (lock, lambda old: old[:-2]), (about, lambda old: b"{}")):
        good = path.read_bytes()
        path.write_bytes(edit(good))
        what = "damaged" if path is about else "changed"
        assert failed() == [f"software/{path.name} {'is' if path is about else 'was'} {what}."]
        path.unlink()
        assert failed() == [f"software/{path.name} is missing."]
        path.write_bytes(good)
    (out / "software" / "more.txt").touch()
    assert failed() == ["software/more.txt is not in the list of software.json."]
    (out / "software" / "more.txt").unlink()
    other = packed_without_a_file(wheel.read_bytes())  # and the list says so: the digest of the package does not
    wheel.write_bytes(other)
    listed = json.loads(about.read_bytes())
    listed["files"][wheel.name] = hashlib.sha256(other).hexdigest()
    about.write_text(json.dumps(listed))
    assert failed() == [f"software/{wheel.name} was changed."]
    write_software(out)
    assert failed() == [] and [path.name for path in (out / "software").iterdir()] == ["software.json"]


DROPPED = "eci_annotate/cli/__main__.py"


def packed_without_a_file(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return pack_wheel(
            {name: archive.read(name) for name in archive.namelist() if not name.endswith((DROPPED, "/RECORD"))}
        )


def test_any_changed_byte_is_found_or_means_the_same(repo: Repository, folder: Path, tmp_path: Path) -> None:
    trusted, out = anchor(folder), exported(repo, tmp_path / "out")
    dice = random.Random(7)
    for path in sorted(out.iterdir()):
        good = path.read_bytes()
        for place in dice.sample(range(len(good)), min(len(good), examples(60, 10_000))):
            bad = bytearray(good)
            bad[place] ^= 1 << dice.randrange(8)
            path.write_bytes(bytes(bad))
            if all(check.passed for check in verify_exported(out, [trusted])):
                assert path.suffix == ".json" and json.loads(bad) == json.loads(good)
        path.write_bytes(good)


def test_another_authority_and_none_at_all_are_refused(repo: Repository, folder: Path, tmp_path: Path) -> None:
    out = exported(repo, tmp_path / "out")
    create_repository(tmp_path / "other", project=P, member="anna", site="KAU")
    failed = [c for c in verify_exported(out, [anchor(tmp_path / "other")]) if not c.passed]
    assert [c.check for c in failed] == ["certificate"] and "another authority" in failed[0].detail
    with pytest.raises(NotFound, match="--trust"):
        verify_exported(out, [])
    inside = repo.backend.trail.verify(P, S, (anchor(tmp_path / "other"),))
    assert {c.check for c in inside if not c.passed} == {"signature"}


def test_signing_asks_for_the_secret_and_the_seal_says_so(repo: Repository, folder: Path) -> None:
    backend = local(repo)
    change_secret(backend.context.layout, "anna", credential(backend.context.layout), "", "blue liver")
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    assert task.asks_secret
    for secret, why in (("", "Signing needs your secret"), ("red liver", "does not open")):
        with pytest.raises(BadSecret, match=why):
            task.sign(MEANING, secret=secret)
    assert task.sign(MEANING, secret="blue liver").event.factor == "secret"
    stored = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"blue liver" not in stored and (folder / "members/anna.signing").stat().st_mode & 0o77 == 0
    assert eci.open(folder).verify().passed


def test_what_was_signed_before_a_revocation_counts_and_later_not(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(repo, tmp_path / "out")
    key = repo.signed(S, "annotate", 1).event.key
    repo.backend.do(RevokeCertificate(P, "anna", key, "the laptop was stolen"))
    assert repo.verify().passed
    task = repo.start(S, "annotate", rerun=True)
    with pytest.raises(Refused, match=r"is not valid here now\. .* revoked"):
        task.sign(MEANING)
    ((certificate, _),) = local(repo).context.streams.projects()[P].members["anna"].certificates
    monkeypatch.setattr(signing, "_certificate", lambda *_: certificate)  # as one who has the key and another program
    task.sign(MEANING)
    failed = [c for c in repo.backend.trail.verify(P, S) if not c.passed]
    assert {(c.version, c.check) for c in failed} == {(2, "signature")} and "revoked" in failed[0].detail


def test_a_key_is_rotated_and_revoked_and_old_signatures_stay(repo: Repository, folder: Path) -> None:
    backend = local(repo)

    def sign(rerun: bool) -> Signed:
        task = repo.start(S, "annotate", rerun=rerun)
        task.save(lines(task))
        task.answer(ANSWERS)
        return task.sign(MEANING)

    old = sign(False).event.key
    (mark,) = rotate(backend, credential(backend.context.layout), [P])
    assert mark != old
    second = sign(True)
    assert second.event.key == mark and repo.verify().passed
    backend.do(RevokeCertificate(P, "anna", fingerprint_of(backend, P, "anna", old[:12]), "left on a train"))
    assert repo.verify().passed
    backend.do(RevokeCertificate(P, "anna", mark, "and this one too"))
    with pytest.raises(Untrusted):
        local(repo).context.streams.projects()[P].check_signed(replace(second.event, at=datetime.now(UTC)))
    with pytest.raises(Refused, match="had been revoked"):
        sign(True)
    with pytest.raises(NotFound, match="No single key"):
        fingerprint_of(backend, P, "anna", "zz")


def test_an_institutions_certificate_signs_and_is_verified_against_the_institution(
    repo: Repository, folder: Path, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    institution, stranger = Authority.found("University Hospital", now), Authority.found("Somebody", now)
    key, backend = PrivateKey.generate(2048), local(repo)
    whose = (backend, credential(backend.context.layout), [P])
    issued = institution.issue("Dr. Anna A.", key.rsa.public_key(), now)
    with pytest.raises(Untrusted):
        list(adopt(*whose, issued, key))
    backend.do(TrustAuthority(P, institution.certificate))
    with pytest.raises(Refused, match="does not belong"):
        list(adopt(*whose, issued, PrivateKey.generate(2048)))
    assert list(adopt(*whose, f"Subject: Dr. Anna\n{issued}", key)) == [key.fingerprint]
    out = exported(repo, tmp_path / "out")
    assert repo.signed(S, "annotate", 1).event.key == key.fingerprint and repo.verify().passed
    assert all(check.passed for check in verify_exported(out, [institution.certificate]))
    for other in (anchor(folder), stranger.certificate):
        assert [c.check for c in verify_exported(out, [other]) if not c.passed] == ["certificate"]
    weak = PrivateKey.generate(1024)
    with pytest.raises(Refused, match="1024 bits"):
        list(adopt(*whose, institution.issue("Anna", weak.rsa.public_key(), now), weak))


def test_the_command_line_takes_an_institutions_key_with_its_passphrase(
    repo: Repository, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, key = certified(tmp_path, "Anna", "open sesame")
    assert run(capsys, "key", "trust", folder, tmp_path / "ca.pem")[0] == 0
    for name, passphrase in (("key.pem", "wrong"), ("nothing.pem", "open sesame")):
        words = ("key", "adopt", folder, tmp_path / "person.pem", tmp_path / name, "--passphrase", passphrase)
        code, _, said = run(capsys, *words)
        assert code == 1 and "PEM" in said
    done = run(
        capsys, "key", "adopt", folder, tmp_path / "person.pem", tmp_path / "key.pem", "--passphrase", "open sesame"
    )
    assert done[0] == 0 and "You now sign" in done[1]
    again = eci.open(folder)
    task = again.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    assert task.sign(MEANING).event.key == key.fingerprint and again.verify().passed
