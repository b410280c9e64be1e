"""Signing keys that the service holds: an institution's, a new one, and what takes the place of a revoked one."""

from __future__ import annotations

import hmac
from hashlib import sha256
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import Refused
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.keys.service_keys import service_signing_key
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.service.local_service import open_service
from eci_annotate.repository.service.protocol import Purpose
from eci_annotate.repository.task import Signed
from eci_annotate.repository.verify_export import verify_exported
from tests.repository.repository_world import ANSWERS, MEANING, S, anchor, certified, lines
from tests.test_cli import run


def signed_on_the_hub(folder: Path, name: str) -> Signed:
    """A version that the service signs for a member, as its page does when the person has confirmed it."""
    service = open_service(folder)
    backend = service.backend(HubIdentity(name, "page", service.members.signer(name, "pin")))
    task = Repository(backend, backend.images).start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    return task.sign(MEANING)


def test_the_services_own_keys_are_those_of_earlier_releases(folder: Path) -> None:
    """Else sessions would end, and requests that wait would be void, at an upgrade."""
    service, secret = open_service(folder), find(folder).service_secret.read_bytes()
    assert {purpose: service.secret(purpose) for purpose in Purpose} == {
        Purpose.COMMAND: hmac.digest(secret, b"command request", "sha256"),
        Purpose.SIGNATURE: hmac.digest(secret, b"signature request", "sha256"),
        Purpose.BROWSER: sha256(b"eci-annotate browser 1\n" + secret).digest(),
    }


def test_the_service_signs_with_an_institutions_key(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    institution, key = certified(tmp_path, "Dr. Ben B.", "open sesame")
    files = [tmp_path / "person.pem", tmp_path / "key.pem"]
    words = ["member", "adopt", folder, "ben", *files, "--passphrase", "open sesame"]
    code, _, said = run(capsys, *words)
    assert code == 1 and "another authority" in said
    assert service_signing_key(find(folder), "ben").fingerprint != key.fingerprint
    assert run(capsys, "key", "trust", folder, tmp_path / "ca.pem")[0] == 0
    assert run(capsys, *words)[0] == 0
    assert run(capsys, "member", "admit", folder)[0] == 0  # again, for all: it keeps what is certified
    signed_on_the_hub(folder, "ben").export(tmp_path / "out")
    assert eci.open(folder).verify().passed
    assert all(check.passed for check in verify_exported(tmp_path / "out", [institution.certificate]))
    own = [check.check for check in verify_exported(tmp_path / "out", [anchor(folder)]) if not check.passed]
    assert own == ["certificate"]


def test_a_key_of_the_service_is_changed_and_the_old_one_verifies(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = service_signing_key(find(folder), "ben")
    assert signed_on_the_hub(folder, "ben").event.key == old.fingerprint
    code, out, _ = run(capsys, "member", "rotate", folder, "ben")
    new = service_signing_key(find(folder), "ben")
    assert code == 0 and new.fingerprint[:16] in out and new.fingerprint != old.fingerprint
    assert eci.open(folder).verify().passed


def test_who_is_admitted_again_after_a_revocation_signs_with_a_new_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = service_signing_key(find(folder), "ben").fingerprint
    words = ("key", "revoke", folder, old, "--member", "ben", "--reason", "the machine was stolen")
    assert run(capsys, *words)[0] == 0
    with pytest.raises(Refused, match=r"had been revoked.* key rotate"):
        signed_on_the_hub(folder, "ben")
    assert run(capsys, "member", "admit", folder, "ben")[0] == 0
    assert signed_on_the_hub(folder, "ben").event.key != old and eci.open(folder).verify().passed
