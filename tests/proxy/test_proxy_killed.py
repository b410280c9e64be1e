"""SIGKILL of the proxy and of the service at any moment, while images travel: each arrives once, nothing else does."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from eci_annotate.proxy.instance_queue import InstanceQueue
from tests.benchmarks.load import hub, start_service
from tests.counts import count
from tests.patience import listens, until
from tests.ports import free_port
from tests.proxy.proxy_world import centre, planted, write_configuration
from tests.service.site_world import owner, token

KILLS, INSTANCES, PATIENTS = count(3, 200), count(40, 1000), count(3, 20)
PROGRAM = Path(sys.executable).parent / "eci-proxy"


def start_proxy(path: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen([PROGRAM, "-c", path, "run"], stdout=out, stderr=out)


def image_of(number: int) -> Dataset:
    """One image; each patient has a study and a series of their own."""
    patient = number % PATIENTS
    dataset = planted(number, f"Kanarie{patient}")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.33.1.{patient}", f"1.2.33.2.{patient}"
    return dataset


def send_all(port: int, numbers: list[int]) -> None:
    """Send as a modality does: again until success was answered."""
    entity = AE("CT1")
    entity.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = 5
    while numbers:
        association = entity.associate("127.0.0.1", port, ae_title="ECIPROXY")
        while numbers and association.is_established:
            try:
                answer = association.send_c_store(image_of(numbers[0]))
            except RuntimeError:
                break
            if not answer or answer.Status != 0:
                break
            numbers.pop(0)
            time.sleep(0.02)
        association.abort()
        time.sleep(0.1)


def archived(folder: Path) -> list[str]:
    archive = owner(folder).context.archive
    subjects = [name for _, name in owner(folder).context.streams.subjects() if name != "ECI_KAU_S0001"]
    found = [(name, s.series_uid) for name in subjects for study in archive.studies(name) for s in study.series]
    return [sha256(archive.read(each)).hexdigest() for name, uid in found for each in archive.instances(name, uid)]


@pytest.mark.soak
def test_each_instance_arrives_once_whatever_is_killed(folder: Path, tmp_path: Path) -> None:
    rng, port, receive = random.Random(7), free_port(), free_port()
    senders = [{"ae_title": "CT1", "address": "127.0.0.1"}]
    with hub() as api:
        service = start_service(folder, port, api)
        path = write_configuration(
            tmp_path / "site",
            centre=centre(tmp_path / "site", f"http://127.0.0.1:{port}/services/eci", token(folder)),
            receive={"ae_title": "ECIPROXY", "host": "127.0.0.1", "port": receive, "senders": senders},
        )
        proxy = start_proxy(path, tmp_path / "log")
        numbers = list(range(INSTANCES))
        sender = threading.Thread(target=send_all, args=(receive, numbers))
        sender.start()
        for _ in range(KILLS):
            if rng.random() < 0.8:  # the others are killed while they start
                assert until(lambda: listens(receive))
            time.sleep(rng.uniform(0.0, 1.2))
            proxy.kill()
            proxy.wait()
            if rng.random() < 0.5:
                service.kill()
                service.wait()
                service = start_service(folder, port, api)
            proxy = start_proxy(path, tmp_path / "log")
        sender.join()
        queue = InstanceQueue(tmp_path / "site" / "spool" / "queue.sqlite")
        until(lambda: queue.counts().get("confirmed", 0) >= INSTANCES, pause_s=0.2)
        proxy.terminate()
        assert proxy.wait(30) == 0
        service.terminate()
        service.wait(20)
    counts = queue.counts()
    assert counts.pop("duplicate", 0) >= 0 and counts == {"confirmed": INSTANCES}
    stored = archived(folder)
    assert len(stored) == len(set(stored)) == INSTANCES
    subjects = [name for _, name in owner(folder).context.streams.subjects()]
    images = [name for name in subjects if owner(folder).context.archive.studies(name)]
    assert len(images) == 1 + PATIENTS
    log = (tmp_path / "log").read_text()
    assert "Kanarie" not in log and "Traceback" not in log
