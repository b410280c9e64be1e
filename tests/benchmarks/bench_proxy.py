"""A hospital's proxy: C-STORE intake beside DCMTK's storescp, de-identification from the spool by 1 and 2 processes."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.bench_dicom import make
from tests.benchmarks.measuring import Table
from tests.ports import free_port

RUNS, SENDERS = 5, (1, 4)
_RECEIVER = """
import sys, time
from pathlib import Path
from eci_annotate.proxy.configuration import ReceiverSettings, Sender
from eci_annotate.proxy.event_log import log_to_stderr
from eci_annotate.proxy.receive.store_scp import Receiver
from eci_annotate.proxy.spool import Spool
settings = ReceiverSettings("SCP", int(sys.argv[1]), (Sender("SCU", "127.0.0.1"),), "127.0.0.1")
log_to_stderr()
receiver = Receiver(settings, Spool(Path(sys.argv[2])))
receiver.start()
time.sleep(3600)
"""


@contextmanager
def running(words: list[str], port: int) -> Iterator[None]:
    environment = os.environ | {"TCP_NODELAY": "1"}  # DCMTK waits 40 ms for each answer otherwise
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    echo = ["echoscu", "-aet", "SCU", "-aec", "SCP", "127.0.0.1", str(port)]
    while subprocess.run(echo, capture_output=True).returncode and process.poll() is None:
        time.sleep(0.1)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def send(root: Path, port: int, senders: int) -> float:
    """Seconds until so many senders, each with its own part, have sent everything."""
    files = sorted(map(str, (root / "ct").iterdir()))
    words = ["storescu", "-aet", "SCU", "-aec", "SCP", "127.0.0.1", str(port)]
    begin = time.perf_counter()
    environment = os.environ | {"TCP_NODELAY": "1"}
    parts = [[*words, *files[n::senders]] for n in range(senders)]
    processes = [subprocess.Popen(part, stderr=subprocess.PIPE, env=environment) for part in parts]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    return time.perf_counter() - begin


def intake(root: Path) -> Table:
    count = len(list((root / "ct").iterdir()))
    table = Table("Receiving 200 CT slices by C-STORE", ["senders", "", "least, s", "median, s", "images/s", "share"])
    for senders in SENDERS:
        best = {}
        for name in ("DCMTK storescp", "eci-proxy"):
            port, inbox = free_port(), root / "inbox"
            inbox.mkdir()
            dcmtk = ["storescp", "--fork", "-aet", "SCP", "-od", str(inbox), "+B", "--max-pdu", "131072", str(port)]
            ours = [sys.executable, "-c", _RECEIVER, str(port), str(inbox)]
            with running(dcmtk if name.startswith("DCMTK") else ours, port):
                times = [send(root, port, senders) for _ in range(RUNS)]
            assert len([path for path in inbox.rglob("*") if path.is_file()]) == count
            shutil.rmtree(inbox)
            best[name] = count / min(times)
            share = f"{best[name] / best['DCMTK storescp']:.2f}"
            table.rows.append([senders, name, min(times), statistics.median(times), best[name], share])
    table.note = (
        "Sender: DCMTK's storescu. eci-proxy answers after the file is on the disk (fsync); storescp "
        "does not wait for the disk. DCMTK runs with TCP_NODELAY=1, without which it waits 40 ms for each answer. "
        "`share`: of storescp's images per second."
    )
    return table


def treatment(root: Path) -> Table:
    table = Table("De-identifying 200 CT slices from the spool", ["processes", "least, s", "median, s", "speed-up"])
    first = 0.0
    for processes in (1, 2):
        times = [_treated(root, processes) for _ in range(RUNS)]
        first = first or min(times)
        table.rows.append([processes, min(times), statistics.median(times), f"{first / min(times):.2f}"])
    table.note = "Registering, de-identifying, and writing each result durably (fsync, one transaction per batch)."
    return table


def _treated(root: Path, processes: int) -> float:
    from eci_annotate.proxy.proxy_service import Proxy
    from eci_annotate.proxy.receive.file_sources import take_paths
    from tests.proxy.proxy_world import configured

    shutil.rmtree(root / "site", ignore_errors=True)
    proxy = Proxy(configured(root / "site", processes=processes))
    take_paths(proxy.spool, [root / "ct"], lambda *_: None)
    with proxy.deidentifier() as worker:
        worker.warm_up()
        begin = time.perf_counter()
        while worker.step():
            pass
        spent = time.perf_counter() - begin
    assert proxy.queue.counts() == {"de-identified": len(list((root / "ct").iterdir()))}
    proxy.close()
    return spent


def tables() -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        return [intake(Path(folder)), treatment(Path(folder))]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
