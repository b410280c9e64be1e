"""Several services on one database: whichever is asked, a task has one holder and a draft one content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from eci_annotate.errors import EciError, LeaseLost, Refused
from tests.benchmarks.bench_service import prepared
from tests.benchmarks.load import PREFIX, P, hub, start_service
from tests.counts import count
from tests.ports import free_port
from tests.postgres import dsn, postgres  # noqa: F401
from tests.service.service_world import remote

REPLICAS, PEOPLE = count(2, 4), count(8, 50)
Replicas = tuple[list[str], list[tuple[str, str]]]


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory, postgres: object) -> Iterator[Replicas]:  # noqa: F811
    """The addresses of services on one database and folder, and annotators with a subject each."""
    folder = tmp_path_factory.mktemp("replicas") / "repository"
    pairs = prepared(folder, PEOPLE, postgres.fresh())  # type: ignore[attr-defined]
    with hub() as api:
        ports = [free_port() for _ in range(REPLICAS)]
        processes = [start_service(folder, port, api) for port in ports]
        yield [f"http://127.0.0.1:{port}{PREFIX}" for port in ports], pairs
        for each in processes:
            each.terminate()
        for each in processes:
            each.wait(20)


@pytest.mark.soak
def test_all_who_start_one_task_at_several_services_leave_it_to_one(replicas: Replicas) -> None:
    addresses, pairs = replicas

    def start(job: tuple[int, str, str]) -> tuple[str, str]:
        number, name, subject = job
        try:
            remote(addresses[number % REPLICAS], name).start(subject, "annotate", project=P)
        except Refused:
            return subject, ""
        return subject, name

    jobs = [(n, name, subject) for n, (name, _) in enumerate(pairs) for _, subject in pairs]
    with ThreadPoolExecutor(2 * REPLICAS) as crowd:
        found = [each for each in crowd.map(start, jobs) if each[1]]
    assert Counter(subject for subject, _ in found) == Counter({subject: 1 for _, subject in pairs})
    for subject, name in found:
        for address in addresses:
            assert remote(address, name).start(subject, "annotate", project=P).holder == name
        remote(addresses[0], name).start(subject, "annotate", project=P).release()


def test_a_draft_is_the_same_at_each_and_a_take_over_fences_all(replicas: Replicas) -> None:
    addresses, ((name, subject), *_) = replicas
    here, there = remote(addresses[0], name, "here"), remote(addresses[1], name, "there")
    task = here.start(subject, "annotate", project=P, take_over=True)
    task.save(["one", "two"])
    with pytest.raises(Refused, match="in another session"):
        there.start(subject, "annotate", project=P)
    taken = there.start(subject, "annotate", project=P, take_over=True)
    assert taken.draft().lines[-2:] == ["one", "two"]
    with pytest.raises(LeaseLost):
        task.save(["late"])
    taken.save(["three"])
    assert there.start(subject, "annotate", project=P).draft().lines[-3:] == ["one", "two", "three"]
    with pytest.raises(EciError):
        here.start(subject, "annotate", project=P)
    taken.release()
    assert any(each.subject == subject for each in here.backend.subjects(P).views)
