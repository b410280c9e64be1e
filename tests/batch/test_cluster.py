"""A Dask cluster of real processes gives the same files as this machine, also when a worker is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eci_annotate.errors import NotFound
from tests.batch.cohort_world import prepared, site_key, tree
from tests.dicom.series_maker import make_series
from tests.patience import until
from tests.ports import free_port
from tests.repository.readings_world import lesion, make, read, report

SERIES, SUBJECTS = 12, 6
PROGRAM = Path(sys.executable).parent / "eci-annotate"


@pytest.fixture
def cohort(tmp_path):
    for n in range(SERIES):
        make_series(tmp_path / "in" / str(n), 30, edit=lambda d, k, n=n: setattr(d, "PatientID", f"P{n}"), value=n)
    return tmp_path / "in"


@pytest.fixture
def cluster(tmp_path):
    """Address of a scheduler, and its two workers as processes."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    started = [subprocess.Popen([*scheduler, "--no-dashboard"], **quiet)]
    started += [subprocess.Popen([*worker, "--no-dashboard"], **quiet) for _ in range(2)]
    yield address, started[1:]
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_gives_the_same_files_although_a_worker_is_killed(cohort, cluster, tmp_path):
    address, workers = cluster
    key, killed = site_key(tmp_path), []

    def kill_after_some(what, done, of):
        if what == "Preparing series" and done == 2 and not killed:
            workers[0].send_signal(signal.SIGKILL)
            killed.append(workers[0].wait())

    from eci_annotate.batch.prepare import prepare_cohort
    from eci_annotate.batch.prepare_options import PrepareOptions

    options = PrepareOptions(tmp_path / "cluster", key, keep_dicom=True)
    wait_for_workers(address, 2)
    report = prepare_cohort(cohort, options, workers=1, scheduler=address, progress=kill_after_some)
    assert killed == [-signal.SIGKILL] and report.count("taken") == SERIES
    prepared(cohort, tmp_path / "local", key=key, keep_dicom=True, workers=2)
    assert tree(tmp_path / "cluster") == tree(tmp_path / "local")


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """A repository of some subjects with signed lesions, the last of them with an overlap."""
    folder = make(tmp_path_factory.mktemp("signed"), SUBJECTS)
    for number in range(1, SUBJECTS + 1):
        boxes = (("lesion 1", (4, 12, 14), (4, 5)), ("vessel", (4, 28 - 15 * (number == SUBJECTS), 20), (3, 3)))
        read(folder, "anna", number, report(lesion("lesion 1"), lesion("vessel")), *boxes)
    return folder


def export(folder, out, *options):
    command = [PROGRAM, "export", folder, out, *options]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})


@pytest.mark.parametrize("kind", ["rtstruct", "coco"])
def test_an_export_on_a_cluster_is_the_local_one_although_a_worker_is_killed(kind, signed, cluster, tmp_path):
    address, workers = cluster
    options = ["--format", kind, *(["--include-pending", "--overlap", "priority"] if kind == "coco" else [])]
    here = export(signed, tmp_path / "here", *options)
    wait_for_workers(address, 2)
    command = [PROGRAM, "export", signed, tmp_path / "there", *options, "--scheduler", address]
    begun = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"})
    until(lambda: begun.poll() is not None or len(files_below(tmp_path)) >= 3, pause_s=0.002)
    workers[0].send_signal(signal.SIGKILL)
    assert workers[0].wait() == -signal.SIGKILL and begun.poll() is None, "it was killed in the middle"
    said = begun.communicate(timeout=120)[0]
    assert (here.returncode, begun.returncode) == (0, 0)
    rows, others = ([line for line in text.splitlines() if "│" in line] for text in (here.stdout, said))
    assert rows == others and len(rows) == SUBJECTS
    found = tree(tmp_path / "here")
    assert len(found) > SUBJECTS and tree(tmp_path / "there") == found


def files_below(folder):
    return [*folder.glob("*there*/**/*.*")]


def test_an_error_of_a_worker_costs_its_version_and_has_its_name_and_remedy(signed, cluster, tmp_path):
    wait_for_workers(cluster[0], 2)
    done = export(signed, tmp_path / "out", "--format", "nifti", "--scheduler", cluster[0])
    assert done.returncode == 1 and "Traceback" not in done.stderr
    here = export(signed, tmp_path / "here", "--format", "nifti")
    rows, others = ([line for line in each.stdout.splitlines() if "│" in line] for each in (here, done))
    assert here.returncode == 1 and rows == others
    refused = here.stdout.partition("Not exported")[2]
    assert f"ECI_KAU_S{SUBJECTS:04d}" in refused and "overlap" in refused and "priority" in refused
    found = tree(tmp_path / "out")
    assert found == tree(tmp_path / "here") and sum(name.endswith(".nii.gz") for name in found) == SUBJECTS - 1


def wait_for_workers(address, number):
    from distributed import Client

    with Client(address, timeout=30, set_as_default=False) as client:
        client.wait_for_workers(number, timeout=60)


def test_a_scheduler_that_does_not_answer_is_named(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr("eci_annotate.batch.cluster.CONNECT_S", 1)
    begin = time.monotonic()
    with pytest.raises(NotFound, match="scheduler does not answer"):
        prepared(cohort, tmp_path / "out", scheduler=f"tcp://127.0.0.1:{free_port()}")
    assert time.monotonic() - begin < 15
