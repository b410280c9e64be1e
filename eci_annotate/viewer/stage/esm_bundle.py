"""Joins the ES modules into the single module that anywidget loads: no build step, no network."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent / "esm"
MODULES = (
    "messages", "eyes/pane_geometry", "eyes/turn", "eyes/groups", "eyes/slab", "eyes/cache", "eyes/lut",
    "sections/colour_table", "sections/fusion", "sections/legend", "sections/reference_lines", "eyes/looks",
    "eyes/slice_picture", "ink/mask_code", "ink/echoes", "ink/trail", "hands/keys", "transport/in_transit",
    "transport/stroke_queue", "stopwatch", "eyes/glass", "ink/stroke_backlog", "ink/ink", "eyes/probe", "eyes/link",
    "eyes/magnifier", "eyes/pane", "eyes/pane_grid", "eyes/loader", "eyes/layers", "ink/drawn_reports",
    "hands/help", "hands/aim", "hands/hands", "hands/held_click", "hands/tool_forecast", "hands/text_limit",
    "hands/cine", "sections/tilt", "hands/key_moves", "hands/navigation", "hands/interaction", "eyes/frames",
    "eyes/board", "transport/outbox", "transport/widget_outbox", "transport/connection_state", "transport/connection",
    "transport/view_reports", "hands/control_names", "hands/enter_key", "hands/tool_row", "hands/stack_slider",
    "sections/fusion_bar", "hands/bars", "hands/series_drop", "stage", "main",
)  # fmt: skip
IMPORT = re.compile(r"^import [^;]*? from \"\.{1,2}/[\w/]+\.js\";$", re.M)
NAMES = re.compile(r"^export (?:async )?(?:const|function|class) (\w+)", re.M)


@cache
def joined() -> str:
    """Return all modules as one, each in its own scope, dependencies first."""
    return "\n".join(map(_module, MODULES)) + "\nexport default { render };\n"


def _module(name: str) -> str:
    text = IMPORT.sub("", (HERE / f"{name}.js").read_text(encoding="utf-8"))
    names = ", ".join(NAMES.findall(text))
    body = re.sub(r"^export (?!default)", "", re.sub(r"^export default .*$", "", text, flags=re.M), flags=re.M)
    space = "wire" if name == "messages" else name.rpartition("/")[2]  # `import * as wire from "./messages.js"`
    return f"const {space} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();\nconst {{ {names} }} = {space};"
