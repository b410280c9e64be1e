"""Export several signed versions: what is wrong with one costs only that one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eci_annotate.errors import EciError, NotInstalled, StoreUnavailable
from eci_annotate.repository.signed import Signed, in_folders

OF_ALL = (StoreUnavailable, NotInstalled)  # errors that the next version would raise, too


def exported(versions: Sequence[Signed], out: Path, how: dict[str, Any]) -> Iterator[tuple[Signed, int | EciError]]:
    """Export versions, each into its folder; yield the number of its files, or why there are none.

    Parameters
    ----------
    versions
        What to export.
    out
        Where their folders are (`in_folders`).
    how
        The options of `Signed.export`.

    Raises
    ------
    StoreUnavailable, NotInstalled
        Nothing can be written or converted.
    """
    for signed, folder in in_folders(versions, out):
        try:
            yield signed, len(signed.export(folder, **how))
        except OF_ALL:
            raise
        except EciError as error:
            yield signed, error
