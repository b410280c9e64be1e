"""Which annotations began as a proposal of a tool or model, and how much was changed: found by replaying journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eci_annotate.errors import Refused

if TYPE_CHECKING:
    from eci_annotate.repository.repository import Repository
    from eci_annotate.repository.signed import Signed
    from eci_annotate.tools.editing.easel import Easel

COLUMNS = ["project", "subject", "task", "reader", "version", "uid", "label", "source", "dice"]
EDITS = ("mask/", "shape/")  # operations on what was drawn, such as smoothing
Voxels = NDArray[np.bool_]
Begun = dict[str, tuple[str, Voxels]]  # by uid: source, and the mask that was proposed


def proposal_table(repo: Repository, project: str = "") -> pd.DataFrame:
    """Return one row for each painted annotation of the versions that count, with the proposal that it began as.

    `source` names the tool or model and its version; it is empty for annotations drawn by hand. `dice` compares the
    signed mask with what was proposed: 1 if nothing was changed. An annotation of a later version counts with the
    proposal of the version in which it began. Versions whose journal cannot be replayed have no row.

    Parameters
    ----------
    repo
        The repository.
    project
        Only versions of this project; all if it is empty.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> key = eci.create_repository(f"{folder}/demo", project="liver-ct", member="anna", site="KAU")
    >>> eci.proposal_table(eci.open(f"{folder}/demo")).empty
    True
    """
    from eci_annotate.imaging.distances import dice
    from eci_annotate.tools.protocol import HALF, Paint

    counting = {_key(each) for each in repo.signed_versions()}
    begun: dict[tuple[str, ...], Begun] = {}
    rows = []
    versions = (each for each in repo.signed_versions(versions="all") if project in ("", each.project))
    for signed in sorted(versions, key=lambda each: each.version):
        found = _replayed(signed, begun.setdefault(_key(signed)[:3], {}))
        if found is None or _key(signed) not in counting:
            continue
        easel, known = found
        for uid, thing in easel.table.objects.items():
            if isinstance(thing, Paint) and (mask := easel.table.field(uid) >= HALF).any():
                source, proposed = known.get(uid, ("", None))
                where = [signed.project, signed.subject, signed.task, signed.reader, signed.version]
                rows.append([*where, uid, thing.label, source, None if proposed is None else dice(mask, proposed)])
    return pd.DataFrame(rows, columns=COLUMNS)


def proposal_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each source how many annotations began as its proposal, and how much they were changed.

    Parameters
    ----------
    table
        Of `proposal_table`.

    Returns
    -------
    DataFrame
        source (``by hand`` for none), annotations, share of all, unchanged, median and least Dice.
    """
    rows = []
    for source, group in table.groupby("source"):
        scores = group["dice"].dropna().astype(float)
        share = round(100 * len(group) / len(table), 1)
        some = (
            [int((scores == 1).sum()), round(scores.median(), 3), round(scores.min(), 3)] if len(scores) else [None] * 3
        )
        rows.append([source or "by hand", len(group), share, *some])
    columns = ["source", "annotations", "percent", "unchanged", "median_dice", "least_dice"]
    return pd.DataFrame(rows, columns=columns)


def _key(signed: Signed) -> tuple[str, str, str, int]:
    return signed.project, signed.subject, signed.task, signed.version


def _replayed(signed: Signed, begun: Begun) -> tuple[Easel, Begun] | None:
    """Replay a version; `begun` is what began in versions before it, and afterwards also what began in this one."""
    from eci_annotate.tools import from_line, replay
    from eci_annotate.tools.editing.entries import Accept, Undo
    from eci_annotate.tools.editing.snapshot import apply_again

    try:
        start, lines = signed.journal()
    except Refused:
        return None
    easel = replay(signed.volume, start, ())
    for line in lines:
        entry = from_line(line)
        empty = _empty(easel, entry.shape) if isinstance(entry, Accept) else ()
        apply_again(easel, entry)
        if isinstance(entry, Accept) and not entry.source.startswith(EDITS):
            begun |= {uid: (entry.source, mask) for uid in empty if (mask := _mask(easel, uid)).any()}
        if isinstance(entry, Undo):
            for uid in [uid for uid in begun if uid not in easel.table.objects or not _mask(easel, uid).any()]:
                del begun[uid]
    easel.finish()
    return easel, begun


def _empty(easel: Easel, shape: str) -> list[str]:
    """Return which of the annotations that an acceptance writes are empty before it."""
    from eci_annotate.tools.editing.acceptance import accepted_uids

    return [uid for uid in accepted_uids(shape) if not _mask(easel, uid).any()]


def _mask(easel: Easel, uid: str) -> Voxels:
    from eci_annotate.tools.protocol import HALF

    field = easel.table.history.fields.get(uid)
    return np.zeros((1, 1, 1), bool) if field is None else np.asarray(field >= HALF)
