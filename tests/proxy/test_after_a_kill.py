"""After a kill nothing is set aside wrongly, nothing stays behind, and what kills the proxy is set aside."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from eci_annotate.deid.quarantine import Cause
from eci_annotate.proxy import deidentifier, deidentifier_pool, spool, treat_instance
from eci_annotate.proxy.instance_queue import QueueState
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import take_paths
from tests.proxy.proxy_world import configured, planted
from tests.proxy.test_deidentifier_pool import POISON, treat_or_die


def silent(what: str, done: int, of: int) -> None:
    return None


def received(folder: Path, number: int) -> list[Path]:
    """Files of a hospital, as the proxy received them."""
    proxy = Proxy(configured(folder / "site"))
    for index in range(number):
        planted(index).save_as(folder / f"{index}.dcm", enforce_file_format=True)
    take_paths(proxy.spool, [folder / f"{index}.dcm" for index in range(number)], silent)
    found = sorted(proxy.spool.received())
    proxy.close()
    return found


def killed_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, folder: Path) -> None:
    """Run a proxy that is killed when it comes to a function."""
    child = os.fork()
    if not child:
        try:
            monkeypatch.setattr(owner, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            Proxy(configured(folder / "site")).drain(silent)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def test_a_kill_between_queue_and_originals_sets_nothing_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received(tmp_path, 3)
    killed_at(monkeypatch, spool.Spool, "register", tmp_path)
    monkeypatch.setattr(deidentifier, "BATCH", 1)  # what was queued is not what is registered next
    proxy = Proxy(configured(tmp_path / "site"))
    proxy.queue._line.execute("update instance set id=-id")  # another order than that of the folder
    proxy.drain(silent)
    assert proxy.queue.counts() == {"de-identified": 3}
    proxy.close()


def test_a_file_that_kills_the_proxy_does_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison = received(tmp_path, 3)[0].stem
    (tmp_path / "site" / "spool" / POISON).write_text(poison)
    original = treat_instance._treated

    def treat(digest: str, *given: object) -> object:
        return os.kill(os.getpid(), signal.SIGKILL) if digest == poison else original(digest, *given)  # type: ignore[arg-type]

    child = os.fork()
    if not child:
        try:
            monkeypatch.setattr(treat_instance, "_treated", treat)
            Proxy(configured(tmp_path / "site")).drain(silent)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    monkeypatch.setattr(deidentifier_pool, "treat_in_worker", treat_or_die)
    proxy = Proxy(configured(tmp_path / "site"))
    assert proxy.drain(silent) == 0
    assert proxy.queue.counts() == {"de-identified": 2, "quarantined": 1}
    assert [each.content for each in proxy.queue.waiting(QueueState.QUARANTINED)] == [poison]
    assert proxy.queue.causes() == {Cause.UNREADABLE: 1} and proxy.spool.begun() == {}
    proxy.close()


def test_a_file_that_was_not_to_blame_goes_on_and_what_killed_twice_does_not(tmp_path: Path) -> None:
    first, second, _ = (path.stem for path in received(tmp_path, 3))
    proxy = Proxy(configured(tmp_path / "site"))
    proxy.queue.add({first: 1, second: 1})
    for digest in (first, second, second):
        proxy.spool.begin(digest)
    proxy.drain(silent)
    assert proxy.queue.counts() == {"de-identified": 2, "quarantined": 1}
    assert [each.content for each in proxy.queue.waiting(QueueState.QUARANTINED)] == [second]
    proxy.close()


def test_no_original_stays_behind(tmp_path: Path) -> None:
    (path,) = received(tmp_path, 1)
    proxy = Proxy(configured(tmp_path / "site"))
    proxy.spool.register(path)  # killed after the deletion of its row
    proxy.drain(silent)
    with proxy.alone(), proxy.deidentifier():
        assert not proxy.spool.original(path.stem).exists()
    proxy.close()
