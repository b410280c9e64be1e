"""The process that holds the keys reads no file of strangers itself: its workers do, and a bad file costs itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pydicom
import pytest

from eci_annotate.decoder import worker_pool
from eci_annotate.deid import residue
from eci_annotate.dicom import header_digest, inflation
from eci_annotate.dicom.images import files as dicom_files
from eci_annotate.dicom.images import pixels
from tests.decoder.test_workers import bomb
from tests.service.service_world import P, remote, serving
from tests.service.site_world import Site, deidentified, token

SMALL = 400 << 20


def decided(site: Site, files: Sequence[Path]) -> list[tuple[str, str]]:
    """State and subject of files that a site sends."""
    contents = [path.read_bytes() for path in files]
    assert all(site.send(content).is_success for content in contents)
    assert site.ingest() == len(files)
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    states = site.states(*digests)
    return [(states[digest]["state"], states[digest]["subject"]) for digest in digests]


def watch(patch: pytest.MonkeyPatch) -> list[str]:
    """Note what this process reads or decodes itself; workers have modules of their own."""
    done: list[str] = []

    def called(*_: object, **__: object) -> None:
        done.append("read")
        raise MemoryError

    for module in (pydicom, dicom_files, header_digest, residue):
        patch.setattr(module, "dcmread", called)
    patch.setattr(inflation, "read_dataset", called)
    patch.setattr(pixels, "stored_values", called)
    return done


def test_the_service_reads_no_file_itself(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credential, sent = token(folder), deidentified(tmp_path)
    done = watch(monkeypatch)
    with serving(folder) as address:
        ((state, subject),) = set(decided(Site(address, credential), sent))
        assert state == "confirmed"
        repo = remote(address, "olga")
        (series,) = [series for study in repo.studies(subject) for series in study.series]
        assert repo.images.volume(P, subject, series.series_uid).shape[0] == len(sent)
        assert repo.verify().passed
    assert done == []


def test_a_bomb_costs_itself(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credential, sent = token(folder), deidentified(tmp_path)
    monkeypatch.setattr(worker_pool, "usual_memory", lambda: SMALL)
    bomb(sent[0], SMALL)
    with serving(folder) as address:
        states = [state for state, _ in decided(Site(address, credential), sent)]
        assert states == ["held"] + ["confirmed"] * (len(sent) - 1)
        assert remote(address, "olga").verify().passed
