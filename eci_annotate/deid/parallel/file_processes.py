"""De-identify the files of a folder in several processes; results come in the order of the files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from eci_annotate.deid.folder_run import TreatedFile, TreatedFiles, treat_file, treat_files
from eci_annotate.deid.parallel.process_pool import ProcessPool
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause

FEW = 200  # files that are done before other processes have started


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class FileProcesses:
    """Treats files for a `FolderRun`.

    Parameters
    ----------
    number
        How many processes; few files are treated by this one.
    key
        Path of the site's secret, which each process reads.
    """

    def __init__(self, number: int, key: Path) -> None:
        self._number, self._key = number, key
        self._names = Pseudonymiser.from_file(key)

    def __call__(self, paths: Sequence[Path], policy: Policy, target: Path | None) -> TreatedFiles:
        """Yield what became of each file; one that ends its process twice cannot be read."""
        if self._number < 2 or len(paths) < FEW:
            yield from treat_files(self._names, paths, policy, target)
            return
        pool = ProcessPool(self._number)
        try:
            given = (policy, target, self._key, self._names.fingerprint)
            for found in pool.results(treat_in_worker, ((path, n, *given) for n, path in enumerate(paths))):
                yield found or TreatedFile(causes=(Cause.UNREADABLE,))
        finally:
            pool.close()


_names: dict[Path, Pseudonymiser] = {}


def treat_in_worker(
    path: Path, number: int, policy: Policy, target: Path | None, key: Path, fingerprint: str
) -> TreatedFile:
    """De-identify a file in a worker process; raises BadSiteKey if the secret is not that of the run."""
    if key not in _names:
        _names[key] = Pseudonymiser.from_file(key, fingerprint)
    return treat_file(path, policy, _names[key], target, number)
