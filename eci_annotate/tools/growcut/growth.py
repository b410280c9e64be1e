"""One region with its paths: seeds are planted, paths spread; changed seeds cost only the voxels that they concern.

A fresh growth with the same seeds has the same distances and labels, voxel by voxel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from eci_annotate.errors import Refused
from eci_annotate.tools.growcut.kernel import (
    DONE,
    FAR,
    FREE,
    META,
    NO_STEP,
    OUT_OF_SLOTS,
    WALL,
    attach,
    detach,
    drain,
    frontier,
    read_labels,
)

BUDGET = 1 << 17  # voxels between two questions whether to go on
FINE_STEPS = 16383  # intensity steps, where intensities must be compared with millimetres
MOST_INTENSITY = 2**23 - 1
Seeds = NDArray[np.integer]


def _step_lengths(spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the length of each of the 27 steps, mm."""
    k, j, i = np.mgrid[-1:2, -1:2, -1:2].reshape(3, -1)
    squared = (k * spacing_mm[0]) ** 2 + (j * spacing_mm[1]) ** 2 + (i * spacing_mm[2]) ** 2
    return np.asarray(np.sqrt(squared))


class Growth:
    """Paths from all seeds of a region.

    Parameters
    ----------
    values
        Integer intensities (k, j, i) of the region.
    labels
        Number of labels; seeds are 1..labels.
    walls
        Voxels that no path may enter, (k, j, i); None: none.
    spacing_mm, locality
        Distance between voxel centres along k, j, i; cost of one millimetre, in intensity steps.

    Raises
    ------
    Refused
        If there are too many labels for the range of intensities.
    """

    def __init__(
        self,
        values: NDArray[np.integer],
        labels: int,
        walls: NDArray[np.bool_] | None = None,
        spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
        locality: float = 0.0,
    ) -> None:
        low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
        fine = max(FINE_STEPS // max(high - low, 1), 1) if locality else 1
        if (high - low) * fine * labels > MOST_INTENSITY:
            raise Refused(f"{labels} annotations have seeds.", "Accept or remove the seeds of some of them.")
        self.labels, self.shape = labels, values.shape
        self._cells = np.empty((*(n + 2 for n in values.shape), 2), np.int32)
        self._cells[..., 0], self._cells[..., 1] = WALL, NO_STEP
        self._inner = self._cells[1:-1, 1:-1, 1:-1]
        self._inner[..., 0] = FAR if walls is None else np.where(walls, WALL, FAR)
        self._inner[..., 1] = ((values.astype(np.int32) - low) * (labels * fine) << 8) | NO_STEP
        self._flat = self._cells.reshape(-1, 2)
        self._walls = walls
        self._seeds: NDArray[np.uint8] = np.zeros(values.shape, np.uint8)
        self._rows = np.array(
            [(k * self._cells.shape[1] + j) * self._cells.shape[2] - 1 for k in (-1, 0, 1) for j in (-1, 0, 1)]
        )
        lengths = np.floor(_step_lengths(spacing_mm) * locality * fine + 0.5).astype(np.int64)
        self._costs = np.ascontiguousarray(lengths * labels)
        highest = ((high - low) * fine + int(lengths.max())) * labels + labels
        self._heads = np.full(1 << highest.bit_length(), -1, np.int32)
        self._slots = np.empty((len(self._flat) + (1 << 12), 2), np.int32)  # pages are used as they are needed
        self._begin(np.empty(0, np.int32))
        self.settled, self._unfinished = 0, False

    # -- seeds ----------------------------------------------------------------------
    def plant(self, seeds: Seeds) -> int:
        """Set all seeds (k, j, i): 0 none, else a label 1..labels; return how many voxels differ from before.

        `spread` must be called afterwards. Seeds in walls have no effect.
        """
        wanted = seeds.astype(np.uint8) if self._walls is None else np.where(self._walls, 0, seeds).astype(np.uint8)
        changed = np.flatnonzero(wanted.ravel() != self._seeds.ravel())
        if not changed.size:
            return 0
        fresh = self._unfinished or not self._seeds.any()
        if self._unfinished:
            self._forget()
            changed = np.flatnonzero(wanted.ravel())
        self._seeds = wanted
        label = wanted.ravel()[changed].astype(np.int32)
        at = self._cell_of(changed)
        if fresh:
            self._flat[at, 0] = label - 1 - self.labels
            found = np.empty(len(at), np.int32)
            self._begin(found[: frontier(self._flat, self._rows, found)])
        else:
            self._change(at, label)
        return len(changed)

    def _forget(self) -> None:
        """Forget all seeds and paths."""
        self._inner[..., 0] = np.where(self._inner[..., 0] == WALL, WALL, FAR)
        self._inner[..., 1] |= NO_STEP
        self._unfinished = False

    def _change(self, at: NDArray[np.int32], label: NDArray[np.int32]) -> None:
        """Forget the paths from and through seeds that went, or through voxels at no distance that became seeds."""
        broken = at[self._flat[at, 0] < self.labels]
        self._flat[at, 0] = np.where(label > 0, label - 1 - self.labels, FAR)
        self._flat[at, 1] |= NO_STEP
        lost = np.empty(len(self._flat), np.int32)
        lost[: len(broken)] = broken
        lost = lost[: detach(self._flat, self._rows, lost, len(broken))]
        attach(self._flat, self._rows, self._costs, self.labels, lost)
        reached = lost[(self._flat[lost, 0] >= 0) & (self._flat[lost, 0] < FAR)]
        self._begin(np.concatenate([at[label > 0], reached]))

    def _cell_of(self, flat_index: NDArray[np.intp]) -> NDArray[np.int32]:
        k, j, i = np.unravel_index(flat_index, self.shape)
        _, nj, ni, _ = self._cells.shape
        return (((k + 1) * nj + j + 1) * ni + i + 1).astype(np.int32)

    def _begin(self, start: NDArray[np.int32]) -> None:
        """Put voxels to spread from into the order of their keys."""
        keys = self._flat[start, 0].astype(np.int64)
        keys[keys < 0] += self.labels
        order = np.argsort(keys, kind="stable")
        self._start, self._keys = start[order], keys[order]
        self._heads.fill(-1)
        self._meta = np.zeros(META, np.int64)
        self._meta[FREE] = -1

    # -- paths -----------------------------------------------------------------------
    def spread(self, go_on: Callable[[float], bool] = lambda share: True) -> bool:
        """Let the paths spread; return False if `go_on` ended it: call again to go on, or plant other seeds.

        Parameters
        ----------
        go_on
            Is asked every few hundredths of a second, with the share of voxels settled (0..1).
        """
        self.settled, self._unfinished = 0, True
        while (status := drain(*self._state, BUDGET)) != DONE:
            if status == OUT_OF_SLOTS:
                self._slots = np.concatenate([self._slots, np.empty_like(self._slots)])
                continue
            self.settled += BUDGET
            if not go_on(min(self.settled / max(self._seeds.size, 1), 0.99)):
                return False
        self._unfinished = False
        return True

    @property
    def _state(self) -> tuple[NDArray[np.integer] | int, ...]:
        head = (self._flat, self._rows, self._costs, self.labels, self._start, self._keys)
        return (*head, self._heads, self._slots, self._meta)

    def label_map(self) -> NDArray[np.uint8]:
        """Return the label of each voxel (k, j, i), 0 where no path leads."""
        found = np.empty(self.shape, np.uint8)
        read_labels(self._cells, self.labels, found)
        return found

    def distances(self) -> NDArray[np.int32]:
        """Return the cost of the path to each voxel (k, j, i): 0 at seeds, -1 where no path leads."""
        key = self._inner[..., 0]
        return np.where((key == FAR) | (key == WALL), -1, np.maximum(key, 0) // self.labels)
