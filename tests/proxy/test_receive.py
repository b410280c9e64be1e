"""C-STORE: what is answered with success is on the disk; strangers, floods, slow and oversize senders are refused."""

from __future__ import annotations

import errno
import resource
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, dimse_messages
from pynetdicom.sop_class import Verification

from eci_annotate.proxy.configuration import ReceiverSettings, Sender
from eci_annotate.proxy.receive.store_scp import Receiver
from eci_annotate.proxy.spool import Spool
from tests.patience import until
from tests.proxy.proxy_world import planted

LOCAL = Sender("CT1", "127.0.0.0/8")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 4 << 20)


@pytest.fixture
def receiver(spool: Spool) -> Iterator[Receiver]:
    made = Receiver(ReceiverSettings("ECIPROXY", 0, (LOCAL,), "127.0.0.1", patience_s=1.0), spool)
    made.start()
    yield made
    made.stop()


def associated(receiver: Receiver, title: str = "CT1", called: str = "ECIPROXY"):
    entity = AE(title)
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.add_requested_context(Verification)
    return entity.associate("127.0.0.1", receiver.port, ae_title=called)


def echoes(receiver: Receiver) -> bool:
    association = associated(receiver)
    if not association.is_established:
        return False
    status = association.send_c_echo().Status
    association.release()
    return bool(status == 0)


def pdu(kind: int, content: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBL", kind, 0, len(content) if length is None else length) + content


def test_what_is_answered_with_success_is_on_the_disk(receiver: Receiver, spool: Spool) -> None:
    association = associated(receiver)
    assert association.send_c_echo().Status == 0
    for number in range(3):
        assert association.send_c_store(planted(number)).Status == 0
        assert len(list(spool.received())) == number + 1
    association.release()
    (first,) = [dcmread(path) for path in spool.received() if dcmread(path).InstanceNumber == 1]
    assert first.PatientID == "KanariePID77" and first.PixelData == planted(1).PixelData
    assert not list(spool.parts.iterdir()) and oct(next(spool.received()).stat().st_mode)[-3:] == "600"


def test_places_are_free_again_however_an_association_ends(receiver: Receiver) -> None:
    for number in range(12):
        association = associated(receiver)
        assert association.is_established and association.send_c_echo().Status == 0, number
        association.release() if number % 2 else association.abort()
        until(lambda: not receiver.connections())


def test_strangers_are_rejected(receiver: Receiver, spool: Spool) -> None:
    assert associated(receiver, "OTHER").is_rejected and associated(receiver, called="OTHER").is_rejected
    elsewhere = Receiver(ReceiverSettings("ECIPROXY", 0, (Sender("CT1", "10.1.2.3"),), "127.0.0.1"), spool)
    elsewhere.start()
    assert not associated(elsewhere).is_established
    elsewhere.stop()
    pair = (Sender("CT1", "10.1.2.3"), Sender("MR1", "127.0.0.1"))
    mixed = Receiver(ReceiverSettings("ECIPROXY", 0, pair, "127.0.0.1"), spool)
    mixed.start()
    assert associated(mixed).is_rejected and associated(mixed, "MR1").is_established
    mixed.stop()


def test_hostile_senders_are_refused_and_the_others_go_on(receiver: Receiver, spool: Spool, caplog) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hostile = [
        pdu(1, b"", 0xFFFFFFFF),  # a PDU of 4 GiB
        pdu(1, b"Kanarie" * 100),  # nonsense
        pdu(4, b"\0" * 64),  # data before an association
        pdu(9, b""),  # no such PDU
        b"GET / HTTP/1.1\r\n\r\n",
    ]
    for content in hostile:
        with socket.create_connection(("127.0.0.1", receiver.port), 5) as line:
            line.sendall(content)
            line.settimeout(5)
            with suppress(ConnectionResetError):
                while line.recv(4096):
                    pass
    assert associated(receiver).send_c_echo().Status == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    assert "Kanarie" not in caplog.text and not list(spool.received())


def test_slow_senders_are_cut_off_and_a_flood_is_limited(receiver: Receiver) -> None:
    lines = [socket.create_connection(("127.0.0.1", receiver.port), 5) for _ in range(30)]
    lines[0].sendall(b"\1\0\0\0\1\0abc")  # the rest never comes
    assert until(lambda: not echoes(receiver))  # four wait already
    assert until(lambda: echoes(receiver))
    for line in lines:
        line.close()


def test_an_object_that_is_too_large_is_refused(receiver: Receiver, spool: Spool) -> None:
    dataset = planted(1)
    dataset.PixelData = bytes(6 << 20)
    association = associated(receiver)
    assert not association.send_c_store(dataset) or association.is_aborted
    assert not list(spool.received())
    assert associated(receiver).send_c_store(planted(2)).Status == 0


@pytest.mark.parametrize("uid", ["../../../etc/passwd", "1.2.3/../../x", "", "9" * 64])
def test_uids_lead_nowhere(receiver: Receiver, spool: Spool, uid: str) -> None:
    dataset = planted(1)
    dataset.SOPInstanceUID = uid
    association = associated(receiver)
    with suppress(ValueError, AttributeError):  # pynetdicom itself refuses to send some
        association.send_c_store(dataset)
    association.abort()
    files = [path for path in spool.root.parent.rglob("*") if path.is_file()]
    assert all(path.parent in (spool.incoming, spool.parts) for path in files)


def test_tls_with_certificates_of_both_sides(spool: Spool, tmp_path: Path) -> None:
    import ssl

    for name in ("server", "client"):
        subject = f"/CN={name}"
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject]
        subprocess.run(
            [*words, "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"],
            check=True,
            capture_output=True,
        )
    files = {
        "certificate": tmp_path / "server.pem",
        "key": tmp_path / "server.key",
        "authority": tmp_path / "client.pem",
    }
    made = Receiver(ReceiverSettings("ECIPROXY", 0, (LOCAL,), "127.0.0.1", patience_s=2.0, **files), spool)
    made.start()
    context = ssl.create_default_context(cafile=tmp_path / "server.pem")
    context.check_hostname = False
    entity = AE("CT1")
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    assert not entity.associate("127.0.0.1", made.port, ae_title="ECIPROXY", tls_args=(context, None)).is_established
    context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    association = entity.associate("127.0.0.1", made.port, ae_title="ECIPROXY", tls_args=(context, None))
    assert association.send_c_store(planted(1)).Status == 0 and len(list(spool.received())) == 1
    association.release()
    made.stop()


def test_nothing_stays_of_an_object_that_was_cut_off_or_had_no_room(
    receiver: Receiver, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = planted(1)
    large.Rows = large.Columns = 1024
    large.PixelData = bytes(2 << 20)

    class Full:
        """A file on a disk that ends after a MiB."""

        def __init__(self, **named: object) -> None:
            self.file = tempfile.NamedTemporaryFile(**named)  # type: ignore[call-overload]  # noqa: SIM115

        def write(self, data: bytes) -> int:
            if self.file.tell() > 1 << 20:
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(self.file.write(data))

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    monkeypatch.setattr(dimse_messages, "NamedTemporaryFile", Full)
    association = associated(receiver)
    assert "Status" not in association.send_c_store(large)
    until(lambda: not receiver.connections())
    assert until(lambda: not list(spool.parts.iterdir()))
    monkeypatch.undo()
    association = associated(receiver)
    assert association.send_c_store(planted(2)).Status == 0
    association.release()
