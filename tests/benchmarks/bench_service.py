"""The service under load: 10 to 400 annotators who save every second, 20 who open studies; streaming beside nginx."""

from __future__ import annotations

import asyncio
import gc
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.keys.service_keys import add_hub_member, service_signing_key
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.workflow.subject.commands import Enrol, Sign, Start
from tests.benchmarks.bench_scale import founded
from tests.benchmarks.load import PREFIX, P, Told, hub, start_all, start_service, under_load
from tests.benchmarks.measuring import Table
from tests.ports import free_port
from tests.postgres import running

SAMPLE = Path(__file__).parents[2] / "notebooks" / "sample" / "liver_ct_crlm_1004" / "ct"
CROWDS, SECONDS, OPENERS = {"folder": (10, 50, 100, 200, 400), "postgres": (50, 200)}, 15.0, 20


def prepared(folder: Path, many: int, dsn: str = "") -> list[tuple[str, str]]:
    """A repository in which each of so many annotators has a subject with the sample's images."""
    founded(folder, dsn)
    context = Context.from_layout(find(folder))
    signer = Signer(service_signing_key_of(context, "olga"), "pin")
    olga = LocalBackend(context, HubIdentity("olga", "prepare", signer))
    import_folders(olga, [SAMPLE], project=P, site="KAU")
    first = olga.subjects(P, SubjectQuery()).views[0].subject
    case, study = olga.account.use_case(P), next((folder / "archive" / first).iterdir())
    pairs = []
    for number in range(many):
        name, subject = f"annotator{number:04d}", f"ECI_KAU_L{number:04d}"
        add_hub_member(
            context, olga.account.actor, P, name, roles=("annotator",), site="KAU", sites=("*",), signs=False
        )
        (folder / "archive" / subject).mkdir(parents=True)
        (folder / "archive" / subject / study.name).symlink_to(study)
        olga.do(Enrol(P, subject, "KAU", case.digest, ()))
        olga.do(Start(P, subject, "ingest"))
        olga.do(Sign(P, subject, "ingest", 1, "taken in"))
        pairs.append((name, subject))
    context.stores.close()
    return pairs


def service_signing_key_of(context: Context, name: str):  # type: ignore[no-untyped-def]
    """The key that the service holds for a member; made when there is none."""
    from eci_annotate.repository.keys.service_keys import admit

    admit(context, LocalBackend(context, HubIdentity(name, "prepare")).account.actor, P, name)
    return service_signing_key(context.layout, name)


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A service for the repository: its port and process."""
    with hub() as api:
        port = free_port()
        process = start_service(folder, port, api)
        try:
            yield port, process
        finally:
            process.terminate()
            process.wait(20)


def memory_mb(process: int) -> float:
    """The most memory that a process had."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else 0.0


def loaded(folder: Path, pairs: list[tuple[str, str]], seconds: float = SECONDS) -> tuple[Told, float, float]:
    """One load: what came of it, the service's memory (MB), and the share of a core that it took."""
    with served(folder) as (port, process):
        fences = asyncio.run(start_all(port, pairs))
        warm = asyncio.run(under_load(port, pairs, fences, 4, OPENERS))
        assert not warm.errors, warm.errors[:3]
        gc.collect()
        gc.freeze()  # this process must not stand still: others' time would be measured
        before, begin = _cpu(process.pid), time.monotonic()
        again = {name: fences[name] for name, _ in pairs}
        told = asyncio.run(under_load(port, pairs, again, seconds, OPENERS))
        busy = (_cpu(process.pid) - before) / (time.monotonic() - begin)
        return told, memory_mb(process.pid), busy


def _cpu(process: int) -> float:
    words = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / 100


def tables() -> Iterator[Table]:
    """Load against the number of annotators, and streaming."""
    columns = [
        "store",
        "annotators",
        "saves",
        "save, median",
        "p95",
        "worklist, p95",
        "open a study, median",
        "memory, MB",
        "cores",
        "errors",
    ]
    every = Table("The service under load: milliseconds", columns)
    with running() as server:
        for kind, crowds in CROWDS.items():
            for many in crowds:
                folder = Path(tempfile.mkdtemp()) / "repository"
                pairs = prepared(folder, many, server.fresh() if kind == "postgres" else "")
                told, memory, busy = loaded(folder, pairs)
                times = told.times
                every.rows.append([
                    kind, many, len(times["save"]), statistics.median(times["save"]), p95(times["save"]),
                    p95(times["worklist"]), statistics.median(times["open a study"]), memory, busy, len(told.errors),
                ])  # fmt: skip
                shutil.rmtree(folder.parent, ignore_errors=True)
    every.note = (
        "Each annotator saves 8 kB every second, on the disk when acknowledged; 20 open the sample CT repeatedly."
    )
    yield every
    yield streaming()


def streaming() -> Table:
    """The same bytes from the service and from nginx, one after the other, in this run."""
    folder = Path(tempfile.mkdtemp()) / "repository"
    pairs = prepared(folder, 1)
    table = Table("Streaming a volume", ["server", "MB/s, median of 9", "ratio"])
    with served(folder) as (port, _):
        base = f"http://127.0.0.1:{port}{PREFIX}api/projects/{P}/subjects/{pairs[0][1]}"
        ask = {"headers": {"Authorization": f"Bearer token-{pairs[0][0]}"}, "timeout": 60}
        series = next(s["series_uid"] for study in httpx.get(f"{base}/studies", **ask).json() for s in study["series"])
        httpx.get(f"{base}/series/{series}", **ask).raise_for_status()
        ours = _rate(f"{base}/series/{series}/values", ask["headers"]["Authorization"])
    file = max((folder / "cache" / "volumes").glob("*.npy"), key=lambda path: path.stat().st_size)
    theirs = _nginx(file)
    table.rows = [["eci_annotate", ours, ours / theirs], ["nginx", theirs, 1.0]]
    shutil.rmtree(folder.parent, ignore_errors=True)
    return table


def _rate(url: str, authorization: str = "") -> float:
    """MB/s, measured by curl."""
    words = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{speed_download}",
        "-H",
        f"Authorization: {authorization}",
        url,
    ]
    found = []
    for _ in range(10):
        code, speed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        assert code == "200", code
        found.append(float(speed) / 1e6)
    return statistics.median(found[1:])


def _nginx(file: Path) -> float:
    place, port = Path(tempfile.mkdtemp()), free_port()
    (place / "values.npy").symlink_to(file)
    place.chmod(0o755)
    text = (
        f"daemon off; pid {place}/pid; error_log {place}/log; user root; worker_processes 1; events {{}} "
        f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {place}; }} }}"
    )
    (place / "nginx.conf").write_text(text)
    process = subprocess.Popen(["nginx", "-c", str(place / "nginx.conf")])
    time.sleep(1)
    try:
        return _rate(f"http://127.0.0.1:{port}/values.npy")
    finally:
        process.terminate()
        process.wait(10)
