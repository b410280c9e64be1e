"""A process that dies costs the file that killed it; the proxy goes on with the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eci_annotate.deid.policy import Policy
from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import BadSiteKey
from eci_annotate.proxy import deidentifier_pool
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import take_paths
from eci_annotate.proxy.treat_instance import Treated
from tests.patience import until
from tests.proxy.proxy_world import configured, planted

POISON = "poison"


def silent(what: str, done: int, of: int) -> None:
    return None


def treat_or_die(digest: str, policy: Policy, accepted: tuple[Cause, ...], root: Path, *given: object) -> Treated:
    """What a worker does, but for one file, which kills it as the kernel does when memory ends."""
    if digest == (root / POISON).read_text():
        os.kill(os.getpid(), signal.SIGKILL)
    return _ORIGINAL(digest, policy, accepted, root, *given)  # type: ignore[arg-type]


_ORIGINAL = deidentifier_pool.treat_in_worker


def test_a_file_that_kills_its_process_is_set_aside_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        planted(number).save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    proxy = Proxy(configured(tmp_path / "site", processes=2))
    take_paths(proxy.spool, [tmp_path / f"{number}.dcm" for number in range(4)], silent)
    (proxy.spool.root / POISON).write_text(sorted(path.stem for path in proxy.spool.received())[1])
    monkeypatch.setattr(deidentifier_pool, "treat_in_worker", treat_or_die)
    assert proxy.drain(silent) == 0
    assert proxy.queue.counts() == {"de-identified": 3, "quarantined": 1}
    assert proxy.queue.causes() == {Cause.UNREADABLE: 1}
    proxy.close()


def test_a_secret_that_changes_while_the_proxy_runs_is_not_used(tmp_path: Path) -> None:
    planted().save_as(tmp_path / "a.dcm", enforce_file_format=True)
    proxy = Proxy(configured(tmp_path / "site", processes=2))
    take_paths(proxy.spool, [tmp_path / "a.dcm"], silent)
    proxy.configuration.key.write_bytes(bytes(32))
    with pytest.raises(BadSiteKey, match="has changed"):
        proxy.drain(silent)
    assert proxy.queue.counts() == {"received": 1}
    proxy.close()


_PARENT = """
import multiprocessing, sys, time
from eci_annotate.proxy.proxy_service import Proxy
from tests.patience import until
from tests.proxy.proxy_world import configured
from pathlib import Path
if __name__ == "__main__":
    with Proxy(configured(Path(sys.argv[1]), processes=2)).deidentifier() as worker:
        worker.warm_up()
        print(*(each.pid for each in multiprocessing.active_children()), flush=True)
        time.sleep(60)
"""


def test_a_proxy_that_is_killed_leaves_no_processes(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(_PARENT)
    command = [sys.executable, tmp_path / "parent.py", tmp_path / "site"]
    parent = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    assert parent.stdout is not None
    workers = [int(word) for word in parent.stdout.readline().split()]
    assert len(workers) == 2 and all(is_running(each) for each in workers)
    parent.kill()
    parent.wait()
    assert until(lambda: not any(is_running(each) for each in workers))


def is_running(number: int) -> bool:
    status = Path(f"/proc/{number}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
