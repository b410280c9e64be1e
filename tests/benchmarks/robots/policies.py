"""All policies by the name in the tables, and the tool that each begins with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eci_annotate.tools.info import ToolName
from tests.benchmarks.robots.belief import Bools
from tests.benchmarks.robots.click_policy import by_eye, click, click_and_paint
from tests.benchmarks.robots.draw_policy import draw_all, draw_some
from tests.benchmarks.robots.paint_policy import paint_barrier, paint_classic
from tests.benchmarks.robots.seed_policy import grow_seeds
from tests.benchmarks.robots.workplace import Workplace


@dataclass(frozen=True)
class Policy:
    """How to annotate with one tool, given a workplace and a belief, and nothing else."""

    tool: str
    annotate: Callable[[Workplace, Bools], None]


POLICIES: Mapping[str, Policy] = {
    "SmartPaint, barrier": Policy(ToolName.SMARTPAINT, paint_barrier),
    "SmartPaint, classic": Policy(ToolName.SMARTPAINT, paint_classic),
    "FreeDraw, interpolation": Policy(ToolName.FREEDRAW, draw_some),
    "FreeDraw, each slice": Policy(ToolName.FREEDRAW, draw_all),
    "GrowCut": Policy(ToolName.GROWCUT, grow_seeds),
    "click segment": Policy(ToolName.CLICK, click),
    "click segment, then SmartPaint": Policy(ToolName.CLICK, click_and_paint),
    "chosen by eye": Policy(ToolName.CLICK, by_eye),
}
