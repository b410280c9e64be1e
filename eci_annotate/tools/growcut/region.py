"""The region in which GrowCut works: the box of all seeds and a margin, kept until a seed comes near its edge."""

from __future__ import annotations

from eci_annotate.imaging.blocks import Block, block, is_empty

RATIO = 0.2  # margin, as a share of the extent of the seeds along each axis
LEAST = 3  # voxels of margin


def region_around(seeds: Block, shape: tuple[int, ...], ratio: float = RATIO) -> Block:
    """Return the box of the seeds with its margin, clipped to the volume.

    Parameters
    ----------
    seeds
        Smallest block that contains all seeds.
    shape
        Shape of the volume (k, j, i).
    ratio
        Margin along each axis, as a share of the extent of the seeds; at least three voxels.
    """
    margins = [max(LEAST, int(ratio * (each.stop - each.start))) for each in seeds]
    low = [max(each.start - m, 0) for each, m in zip(seeds, margins, strict=True)]
    high = [min(each.stop + m, n) for each, m, n in zip(seeds, margins, shape, strict=True)]
    return block(low, high)


def region_after(before: Block | None, seeds: Block, shape: tuple[int, ...], ratio: float = RATIO) -> Block:
    """Return the region to use now: the one before, unless a seed is within three voxels of its edge.

    Parameters
    ----------
    before
        Region used before, or None.
    seeds, shape, ratio
        As in `region_around`.
    """
    if before is None or is_empty(before) or not _has_room(before, seeds, shape):
        return region_around(seeds, shape, ratio)
    return before


def _has_room(region: Block, seeds: Block, shape: tuple[int, ...]) -> bool:
    pairs = zip(region, seeds, shape, strict=True)
    return all(
        (r.start == 0 or s.start - r.start >= LEAST) and (r.stop == n or r.stop - s.stop >= LEAST) for r, s, n in pairs
    )
