"""From the seeds of a series to suggested masks; what is grown once is kept, so that one more stroke costs little.

It grows on lightly smoothed values, as click segment does, and runs in a thread of its own: the seeds may change
meanwhile, and whoever asked then drops the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from eci_annotate.imaging.blocks import Block, block, bounding_box, within
from eci_annotate.imaging.measurements import is_projection
from eci_annotate.imaging.volume import measured
from eci_annotate.tools.cut_sides import cut_sides
from eci_annotate.tools.editing.series_sheet import Sheet
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.growcut.growcut import BACKGROUND, FIRST
from eci_annotate.tools.growcut.growth import Growth
from eci_annotate.tools.growcut.region import region_after
from eci_annotate.tools.protocol import HALF, SEEDS, ZONE, Fields, Paint
from eci_annotate.tools.suggestion import MaskPart, Suggestion

SOURCE = "growcut/2"  # 1 grew on values without smoothing


@dataclass(frozen=True, eq=False)
class GrowthRequest:
    """What to grow: the seeds and the excluded zone of a series, and its annotations (uid, label) by seed.

    `painted`: what annotations hold already, by uid.
    """

    series_uid: str
    seeds: Fields
    zone: Fields | None
    zone_revision: int
    things: dict[int, tuple[str, str]]
    sheet: Sheet
    painted: Mapping[str, Fields]


def growth_request(table: Table) -> GrowthRequest | None:
    """Return what GrowCut could grow on the series that is shown; None if it never had a seed."""
    seeds = table.history.fields.get(f"{SEEDS}{table.series_uid}")
    if seeds is None:
        return None
    own = {
        FIRST + n: (uid, table.objects[uid].label or "annotation")
        for n, uid in enumerate(table.history.order)
        if isinstance(table.objects.get(uid), Paint) and table.objects[uid].series_uid == table.series_uid
    }
    zone = f"{ZONE}{table.series_uid}"
    excluded = table.history.fields.get(zone)
    painted = {uid: table.history.fields[uid] for uid, _ in own.values() if uid in table.history.fields}
    return GrowthRequest(table.series_uid, seeds, excluded, table.history.revision(zone), own, table.sheet, painted)


class Gardener:
    """Grows requests one after the other, and keeps the last growth."""

    def __init__(self) -> None:
        self._key: object = None
        self._growth: Growth | None = None
        self._region: Block | None = None

    def suggest(self, request: GrowthRequest, go_on: Callable[[float], bool]) -> Suggestion | str | None:
        """Return the masks, or what the user should add, or None if `go_on` ended the work.

        Parameters
        ----------
        request
            Seeds to grow.
        go_on
            Is asked now and then, with the share that is done (0..1).
        """
        whole = bounding_box(request.seeds > 0)
        seeds = request.seeds[whole].copy()
        found = [int(n) for n in np.unique(seeds)]
        things = {n: request.things[n] for n in found if n in request.things}
        if not things:
            return "Paint seeds inside the lesion." if found[1:] else ""
        if len(things) == 1 and BACKGROUND not in found:
            label = next(iter(things.values()))[1]
            return f"Now paint the background around {label} (X), or seeds of another annotation."
        numbers = np.zeros(max(found) + 1, np.uint8)
        numbers[[BACKGROUND, *things]] = np.arange(1, len(things) + 2)
        planted = numbers[seeds]
        inner = bounding_box(planted > 0)
        growth = self._growth_for(request, things, _moved(inner, whole))
        region = self._region or inner
        here = np.zeros(growth.shape, np.uint8)
        here[within(_moved(inner, whole), region)] = planted[inner]
        growth.plant(here)
        return self._result(request, things, growth, region) if growth.spread(go_on) else None

    def _growth_for(self, request: GrowthRequest, things: dict[int, tuple[str, str]], seeds: Block) -> Growth:
        same = self._key is not None and self._key[:2] == (request.series_uid, tuple(things))  # type: ignore[index]
        region = region_after(self._region if same else None, seeds, request.seeds.shape)
        key = (request.series_uid, tuple(things), region, request.zone_revision)
        if self._growth is None or key != self._key:
            sheet = request.sheet
            walls = ~measured(sheet.volume.transpose("k", "j", "i")[region])
            walls = walls if request.zone is None else walls | (request.zone[region] > 0)
            self._growth = Growth(sheet.smooth[region], len(things) + 1, walls, sheet.grid.spacing_mm)
            self._key, self._region = key, region
        return self._growth

    def _result(
        self, request: GrowthRequest, things: dict[int, tuple[str, str]], growth: Growth, region: Block
    ) -> Suggestion:
        labels = growth.label_map()
        parts = tuple(MaskPart(uid, region, labels == n) for n, (uid, _) in enumerate(things.values(), 2))
        names = [label for _, label in things.values()]
        grid, is_picture = request.sheet.grid, is_projection(request.sheet.volume)
        sides = [cut_sides(part.voxels, region, grid, is_picture) for part in parts]
        open_ended = [
            f"{name} reaches the edge of the region toward {' and '.join(toward)}"
            for name, toward in zip(names, sides, strict=True)
            if toward
        ]
        ends = f"{'; '.join(open_ended)}: paint background where it should end." if open_ended else ""
        lost = [_lost(request, part, name) for part, name in zip(parts, names, strict=True)]
        return Suggestion(
            SOURCE,
            f"GrowCut result for {names[0] if len(names) == 1 else f'{len(names)} annotations'}",
            request.series_uid,
            parts,
            clears=(f"{SEEDS}{request.series_uid}",),
            note=" ".join(filter(None, (ends, *lost))),
        )


def _lost(request: GrowthRequest, part: MaskPart, name: str) -> str:
    """Return what an annotation holds in the region and would not hold after the result; empty if that is nothing."""
    before = request.painted.get(part.uid)
    if before is None:
        return ""
    voxels = int(np.count_nonzero((before[part.where] >= HALF) & ~part.voxels))
    grid, is_picture = request.sheet.grid, is_projection(request.sheet.volume)
    size = f"{voxels} pixels" if is_picture else f"{voxels * float(np.prod(grid.spacing_mm)) / 1000:.2f} ml"
    return f"{size} that {name} has now is outside the result: accepting removes it." if voxels else ""


def _moved(inner: Block, outer: Block) -> Block:
    """Return a block of the array that contains only `outer` as a block of the volume."""
    return block(
        (a.start + b.start for a, b in zip(inner, outer, strict=True)),
        (a.stop + b.start for a, b in zip(inner, outer, strict=True)),
    )
