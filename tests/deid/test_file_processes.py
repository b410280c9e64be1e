"""Several processes write what one writes, in the same order; a file that kills its process is set aside alone."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from eci_annotate.deid.folder_run import FolderRun, Mappings, TreatedFile
from eci_annotate.deid.parallel import file_processes
from eci_annotate.deid.parallel.file_processes import FileProcesses
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser, create_key
from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import BadSiteKey
from tests.deid.planted import image
from tests.deid.test_folder_run import files_of, quietly

POISON = "poison.dcm"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten files, one of them twice, one twice with other content, one that is none, and one that asks for a look."""
    monkeypatch.setattr(file_processes, "FEW", 0)
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(10):
        dataset = image(random.Random(number))
        dataset.SOPInstanceUID = f"1.2.33.{number}"
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    dataset.save_as(folder / "again.dcm", enforce_file_format=True)
    dataset.KVP = "77"
    dataset.save_as(folder / "other.dcm", enforce_file_format=True)
    dataset.SOPInstanceUID, dataset.BurnedInAnnotation = "1.2.33.77", "YES"
    dataset.save_as(folder / "burnt.dcm", enforce_file_format=True)
    (folder / "notes.txt").write_text("no DICOM")
    create_key(tmp_path / "site.key")
    return folder


def run(source: Path, target: Path | None, processes: int) -> FolderRun:
    key = source.parent / "site.key"
    done = FolderRun(Policy(), Pseudonymiser.from_file(key), target, Mappings(), FileProcesses(processes, key))
    done.over(source, quietly)
    return done


def test_two_processes_give_the_files_and_the_report_of_one(source: Path, tmp_path: Path) -> None:
    one, two = (run(source, tmp_path / str(number), number) for number in (1, 2))
    assert files_of(tmp_path / "1") == files_of(tmp_path / "2") and len(files_of(tmp_path / "1")) == 10
    assert one.report == two.report and one.refused == two.refused and one.mappings == two.mappings
    assert one.report.causes == {Cause.DUPLICATE: 1, Cause.BURNED_IN: 1} and one.report.ignored == 1
    assert run(source, None, 2).report == one.report, "a dry run says the same"


def treat_or_die(path: Path, *given: object) -> TreatedFile:
    if path.name == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    return _ORIGINAL(path, *given)  # type: ignore[arg-type]


_ORIGINAL = file_processes.treat_in_worker


def test_a_file_that_kills_its_process_is_set_aside_alone(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "5.dcm").rename(source / POISON)
    monkeypatch.setattr(file_processes, "treat_in_worker", treat_or_die)
    done = run(source, tmp_path / "out", 2)
    assert done.report.written == 10 and (source / POISON, (Cause.UNREADABLE,)) in done.refused
    assert len(files_of(tmp_path / "out")) == 9


def test_a_run_that_is_ended_leaves_nothing_without_a_name(source: Path, tmp_path: Path) -> None:
    key = source.parent / "site.key"

    def interrupt(what: str, done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    stopped = FolderRun(Policy(), Pseudonymiser.from_file(key), tmp_path / "out", None, FileProcesses(2, key))
    with pytest.raises(KeyboardInterrupt):
        stopped.over(source, interrupt)
    assert {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()} == {".dcm"}


def test_another_secret_is_not_used(source: Path, tmp_path: Path) -> None:
    key = source.parent / "site.key"
    treat = FileProcesses(2, key)
    names = Pseudonymiser.from_file(key)
    key.write_bytes(bytes(32))
    with pytest.raises(BadSiteKey, match="has changed"):
        FolderRun(Policy(), names, tmp_path / "out", None, treat).over(source, quietly)
