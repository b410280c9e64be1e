"""The arithmetic of GrowCut: shortest paths from all seeds at once, in integers, by a queue of buckets.

A cell is a voxel of the region, padded by one wall on every side: (key, intensity * L << 8 | step), L labels.
The key is distance * L + label (0..L-1): equal distances go to the lowest label, whatever the order of work. A seed
has the key label - L, which no path improves. `step`, 0..26, is the step of the 3 x 3 x 3 block by which the path came.
"""

from __future__ import annotations

from typing import Any

import numba as nb

from eci_annotate.tools.growcut.fetch_ahead import fetch

FAR = 2**31 - 1  # key of a voxel that no path has reached
WALL = -(2**31)  # key of a voxel that no path may enter
NO_STEP = 255
DONE, OUT_OF_BUDGET, OUT_OF_SLOTS = 0, 1, 2
AT, WAITING, FREE, USED, NEXT, META = range(6)  # positions in `meta`, and their number
_cells = nb.int32[:, ::1]
_int32s = nb.int32[::1]
_int64s = nb.int64[::1]


@nb.njit(
    nb.types.UniTuple(nb.int64, 2)(_int32s, _cells, nb.int64, nb.int64, nb.int64, nb.int64), cache=True, nogil=True
)
def _put(heads: Any, slots: Any, free: Any, used: Any, n: Any, key: Any) -> Any:
    """Put voxel `n` into the bucket of its key; return the first free slot and the number of slots used."""
    slot = free if free >= 0 else used
    free, used = (nb.int64(slots[slot, 1]), used) if free >= 0 else (free, used + 1)
    bucket = key & (heads.size - 1)
    slots[slot, 0], slots[slot, 1] = n, heads[bucket]
    heads[bucket] = slot
    return free, used


@nb.njit(
    nb.int64(_cells, _int64s, _int64s, nb.int64, _int32s, _int64s, _int32s, _cells, _int64s, nb.int64),
    cache=True,
    nogil=True,
)
def drain(
    cells: Any,
    rows: Any,
    costs: Any,
    labels: Any,
    start: Any,
    start_keys: Any,
    heads: Any,
    slots: Any,
    meta: Any,
    budget: Any,
) -> Any:
    """Spread until nothing changes or a budget is used up; call again to go on.

    Parameters
    ----------
    cells
        int32, (voxels, 2); changed in place.
    rows, costs
        Distance in `cells` to the first voxel of each row of the 3 x 3 x 3 block, (9,); what each of its steps costs
        besides the intensity difference, times `labels`, (27,).
    labels
        Number of labels.
    start, start_keys
        Voxels to spread from, and their keys (of a seed: its label), ascending.
    heads, slots
        The queue: first slot of each bucket (a power of two of them, more than the highest cost); (voxel, next slot).
    meta
        State of the queue: current key, number of waiting voxels, first free slot, slots used, next of `start`.
    budget
        Number of voxels to settle.

    Returns
    -------
    int
        `DONE`, `OUT_OF_BUDGET`, or `OUT_OF_SLOTS`: make `slots` longer and go on.

    References
    ----------
    Dial, Commun ACM 12(11), 1969. Zhu et al., MICCAI-IMIC 2014: GrowCut as shortest paths.
    """
    at, waiting, free, used, following = meta[0], meta[1], meta[2], meta[3], meta[4]
    last = heads.size - 1
    status = 0
    while status == 0:
        if waiting == 0:
            if following == start.size:
                break
            at = start_keys[following]
        while following < start.size and start_keys[following] == at and used + 28 < slots.shape[0]:
            free, used = _put(heads, slots, free, used, start[following], at)
            waiting, following = waiting + 1, following + 1
        while heads[at & last] >= 0:
            if used + 28 >= slots.shape[0] or budget == 0:
                status = 1 if budget == 0 else 2
                break
            slot = nb.int64(heads[at & last])
            n = nb.uint64(slots[slot, 0])
            after = nb.int64(slots[slot, 1])
            if after >= 0:
                for row in range(9):
                    fetch(cells, nb.uint64(slots[after, 0]) + nb.uint64(rows[row]))
                if slots[after, 1] >= 0:
                    fetch(slots, nb.uint64(slots[after, 1]))
            heads[at & last], slots[slot, 1], free = after, free, slot
            waiting -= 1
            key = nb.int64(cells[n, 0])
            if (key + labels if key < 0 else key) != at:
                continue  # it was reached on a shorter path meanwhile
            budget -= 1
            here = nb.int64(cells[n, 1]) >> 8
            for row in range(9):
                for third in range(3):
                    m = n + nb.uint64(rows[row]) + nb.uint64(third)
                    step = 3 * row + third
                    there = nb.int64(cells[m, 1]) >> 8
                    new = at + abs(there - here) + costs[step]
                    if new < nb.int64(cells[m, 0]):
                        cells[m, 0], cells[m, 1] = new, (there << 8) | step
                        free, used = _put(heads, slots, free, used, m, new)
                        waiting += 1
        if status == 0 and following < start.size and start_keys[following] == at:
            status = 2
        at += status == 0
    meta[0], meta[1], meta[2], meta[3], meta[4] = at, waiting, free, used, following
    return status


@nb.njit(nb.int64(_cells, _int64s, _int32s, nb.int64), cache=True, nogil=True)
def detach(cells: Any, rows: Any, lost: Any, count: Any) -> Any:
    """Forget every path that came through the first `count` voxels of `lost`; append its voxels, return their number.

    Parameters
    ----------
    cells, rows
        As in `drain`.
    lost
        Room for as many voxels as there are cells.
    count
        Number of voxels at its beginning.
    """
    head = 0
    while head < count:
        n = nb.uint64(lost[head])
        head += 1
        for row in range(9):
            for third in range(3):
                m = n + nb.uint64(rows[row]) + nb.uint64(third)
                if (cells[m, 1] & 255) == 3 * row + third and 0 <= cells[m, 0] < FAR:
                    cells[m, 0], cells[m, 1] = FAR, cells[m, 1] | 255
                    lost[count] = m
                    count += 1
    return count


@nb.njit(nb.void(_cells, _int64s, _int64s, nb.int64, _int32s), cache=True, nogil=True)
def attach(cells: Any, rows: Any, costs: Any, labels: Any, lost: Any) -> None:
    """Reach each voxel of `lost` from its nearest neighbour that is reached, if there is one; seeds stay.

    Parameters
    ----------
    cells, rows, costs, labels
        As in `drain`.
    lost
        Voxels that `detach` returned.
    """
    for index in range(lost.size):
        n = nb.uint64(lost[index])
        best = nb.int64(cells[n, 0])
        if best < 0:
            continue
        here = nb.int64(cells[n, 1]) >> 8
        step = nb.int64(cells[n, 1]) & 255
        for row in range(9):
            for third in range(3):
                m = n + nb.uint64(rows[row]) + nb.uint64(third)
                key = nb.int64(cells[m, 0])
                if not WALL < key < FAR or m == n:
                    continue
                back = 26 - (3 * row + third)
                new = (key + labels if key < 0 else key) + abs((nb.int64(cells[m, 1]) >> 8) - here) + costs[back]
                if new < best:
                    best, step = new, back
        cells[n, 0], cells[n, 1] = best, (here << 8) | step


@nb.njit(nb.int64(_cells, _int64s, _int32s), cache=True, nogil=True)
def frontier(cells: Any, rows: Any, out: Any) -> Any:
    """Write the seeds that have a neighbour no path has reached into `out`; return their number."""
    found = 0
    for n in range(cells.shape[0]):
        if WALL < cells[n, 0] < 0:
            is_open = False
            for row in range(9):
                for third in range(3):
                    is_open = is_open or cells[nb.uint64(n + rows[row] + third), 0] == FAR
            if is_open:
                out[found] = n
                found += 1
    return found


@nb.njit(nb.void(nb.int32[:, :, :, ::1], nb.uint32, nb.uint8[:, :, ::1]), cache=True, nogil=True)
def read_labels(cells: Any, labels: Any, out: Any) -> None:
    """Write the label of each voxel, 1..labels, into `out`; 0 where no path leads."""
    nk, nj, ni = out.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                key = cells[k + 1, j + 1, i + 1, 0]
                shifted = nb.uint32(key + nb.int32(labels)) if key < 0 else nb.uint32(key)
                out[k, j, i] = 0 if not WALL < key < FAR else shifted % labels + 1
