"""Many processes on one repository, and a kernel killed while drawing: one holder each, and no work lost."""

from __future__ import annotations

import multiprocessing
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import eci_annotate as eci
from eci_annotate.errors import Refused
from eci_annotate.workflow.subject.commands import Enrol, Sign, Start
from tests.counts import KERNEL_KILLS, RACERS, SUBJECTS
from tests.repository.repository_world import P, S, local


def race(folder: str, name: int, subjects: list[str], out: Any) -> None:
    repo, won = eci.open(folder), []
    random.Random(name).shuffle(subjects)
    for subject in subjects:
        try:
            won.append((subject, repo.start(subject, "annotate").fence))
        except Refused as error:
            assert "is open by you in another session until" in str(error)
    out.put(won)


@pytest.mark.soak
def test_each_task_gets_exactly_one_holder(folder: Path) -> None:
    backend = local(eci.open(folder))
    case = backend.account.use_case(P)
    subjects = [f"ECI_KAU_S{number:04d}" for number in range(100, 100 + SUBJECTS)]
    series = next((folder / "archive" / S).iterdir())
    for subject in subjects:
        (folder / "archive" / subject).mkdir()
        (folder / "archive" / subject / series.name).symlink_to(series)
        backend.do(Enrol(P, subject, "KAU", case.digest, case.pipeline))
        backend.do(Start(P, subject, "ingest"))
        backend.do(Sign(P, subject, "ingest", 1, "taken in"))
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    racers = [context.Process(target=race, args=(str(folder), n, list(subjects), out)) for n in range(RACERS)]
    for racer in racers:
        racer.start()
    won = [pair for _ in racers for pair in out.get(timeout=300)]
    for racer in racers:
        racer.join()
    assert Counter(won) == Counter((subject, 1) for subject in subjects)


KERNEL = """
import sys
import eci_annotate as eci
task = eci.open(sys.argv[1]).start("ECI_KAU_S0001", "annotate", take_over=True)
print("open", len(task.draft().lines), flush=True)
number = 0
while True:
    number += 1
    task.save([f"{task.fence}-{number}"])
    print("saved", f"{task.fence}-{number}", flush=True)
"""


@pytest.mark.soak
def test_a_killed_kernel_loses_nothing_that_was_saved(folder: Path) -> None:
    saved: list[str] = []
    for kill in range(KERNEL_KILLS):
        kernel = subprocess.Popen([sys.executable, "-c", KERNEL, str(folder)], stdout=subprocess.PIPE, text=True)
        assert kernel.stdout is not None
        opened = kernel.stdout.readline().split()
        assert int(opened[1]) >= len(saved)
        time.sleep(random.Random(kill).uniform(0, 0.2))
        kernel.send_signal(signal.SIGKILL)
        rest = kernel.stdout.read()
        whole = rest.split("\n")[:-1]  # the last line may be torn
        saved += [line.split()[1] for line in whole if line.startswith("saved ")]
        kernel.wait()
    lines = eci.open(folder).start(S, "annotate", take_over=True).draft().lines
    assert saved and [line for line in lines if line in set(saved)] == saved
    assert len(lines) - len(saved) <= KERNEL_KILLS
