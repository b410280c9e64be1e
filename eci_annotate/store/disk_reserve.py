"""A share of the disk that large content never uses: events, drafts and signatures can still be written there."""

from __future__ import annotations

import shutil
from pathlib import Path

from eci_annotate.errors import StoreUnavailable

RESERVE = 1 << 30


def require_space(folder: Path, size: int) -> None:
    """Refuse content that would leave less than the reserve free on the disk of a folder.

    Raises
    ------
    StoreUnavailable
        The disk is almost full.
    """
    place = next(each for each in (folder, *folder.parents) if each.exists())
    if shutil.disk_usage(place).free - size < RESERVE:
        raise StoreUnavailable("The disk is almost full: nothing large is stored now.", "Tell your administrator.")
