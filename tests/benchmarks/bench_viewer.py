"""How quickly the viewer answers in a real JupyterLab: real mouse events, times kept by the stage itself.

Run: python tests/benchmarks/bench_viewer.py [SERIES_FOLDER] [--json FILE] [--plain]
`event-paint`: from the mouse event to the animation frame after the kernel's canvas commands were carried out.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import websocket

from tests.browser.lab import Viewer, browsing, run_all, serving
from tests.ports import free_port

SERIES = str(Path(__file__).parents[2] / "notebooks/sample/liver_ct_crlm_1004/ct")
CELL = """
import time; _start = time.time()
from eci_annotate.dicom.images.series import load_series
from eci_annotate.viewer.notebook import show
from eci_annotate.tools.editing.entries import SetOption, ChooseTool
ct = load_series({series!r})
v = show(ct, editable=True)
easel = v.controller.easel
easel.do(ChooseTool("smartpaint"))
easel.do(SetOption("radius_mm", 20 * easel.table.grid.spacing_mm[2]))
easel.do(SetOption("dimension", 3))
v
"""
LIMITS = {"event-paint p95": 60, "after lift": 150, "scroll p95": 4, "window p95": 4, "zoom p95": 4, "pan p95": 4,
          "ring p95": 4, "stroke-echo p95": 4}  # fmt: skip


class Hand:
    """Mouse events at a steady rate: sent without waiting for the page, as a hand does not wait."""

    def __init__(self, port: int) -> None:
        pages = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/json").read())
        address = next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page")
        self.socket = websocket.create_connection(address, suppress_origin=True)
        self.sent = 0

    def do(self, kind: str, x: float, y: float, *, held: bool = True) -> None:
        """Send `mousePressed`, `mouseMoved` or `mouseReleased` with the left button, or a move with none."""
        self.sent += 1
        button = {"button": "left", "buttons": 1, "clickCount": 1} if held else {"button": "none", "buttons": 0}
        body = {"type": kind, "x": x, "y": y, **button}
        self.socket.send(json.dumps({"id": self.sent, "method": "Input.dispatchMouseEvent", "params": body}))

    def settle(self) -> None:
        """Read the answers to all that was sent."""
        while json.loads(self.socket.recv()).get("id") != self.sent:
            pass


def stroke(viewer: Viewer, hand: Hand, seconds: float, rate: float = 60, turn: float = 0.0) -> dict[str, float]:
    """Circle in the liver with the pen down; returns what the stage measured."""
    viewer.stage("(s.watch.samples = {}, 0)")
    viewer.at_cached("axial", 0, 0)
    hand.do("mousePressed", *viewer.at_cached("axial", 0.34, 0.5))
    start, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - start) < seconds:
        angle = turn + now * 1.7
        place = viewer.at_cached("axial", 0.34 + 0.06 * math.sin(angle), 0.44 + 0.06 * math.cos(angle))
        hand.do("mouseMoved", *place)
        sent += 1
        time.sleep(max(0.0, sent / rate - (time.perf_counter() - start)))
    hand.do("mouseReleased", *place)
    hand.settle()
    viewer.rest()
    samples = viewer.stage("s.watch.samples")
    lift = viewer.stage("s.board.frames.lastPaint - s.interaction.lifted")
    return {"rate": sent / seconds, "lift": lift, **spread("event-paint", samples),
            **spread("stroke-echo", samples), **spread("paint", samples), **spread("round-trip", samples),
            **spread("kernel", samples), **spread("decode", samples)}  # fmt: skip


def spread(name: str, samples: dict[str, list[float]]) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    values = sorted(samples.get(name, [])) or [math.nan]
    at = values[min(len(values) - 1, math.ceil(0.95 * len(values)) - 1)]
    return {
        f"{name} median": statistics.median(values),
        f"{name} p95": at,
        f"{name} max": values[-1],
        f"{name} n": len(values),
    }


def hovering(viewer: Viewer) -> dict[str, float]:
    """Move without a button: the brush's ring follows."""
    viewer.stage("(s.watch.samples = {}, 0)")
    for n in range(120):
        viewer.page.mouse.move(*viewer.at_cached("axial", 0.3 + n / 400, 0.4 + 0.1 * math.sin(n / 9)))
        viewer.page.wait_for_timeout(8)
    return spread("ring", viewer.stage("s.watch.samples"))


def flips(viewer: Viewer, pane: str = "axial") -> dict[str, float]:
    """Scroll, window, zoom and pan in a pane; counts the messages sent to the kernel while they move."""
    page = viewer.page
    viewer.fetched()
    count = "s.send = (m) => { s.sent++; s.trueSend(m) }"
    viewer.stage(f"(s.watch.samples = {{}}, s.sent = 0, s.trueSend = s.send, {count}, 0)")
    page.mouse.move(*viewer.at(pane, 0.5, 0.5))
    moving = 0
    for n in range(60):
        page.mouse.wheel(0, 60 if n % 20 < 10 else -60)
    moving = viewer.stage("s.sent")
    for n in range(30):
        page.keyboard.down("Control")
        page.mouse.wheel(0, 30 if n % 10 < 5 else -30)
        page.keyboard.up("Control")
    viewer.drag(pane, [(0.5, 0.5), (0.6, 0.45), (0.5, 0.55)], button="right", steps=30)
    viewer.drag(pane, [(0.5, 0.5), (0.55, 0.45), (0.5, 0.5)], button="middle", steps=30)
    viewer.rest()
    samples = viewer.stage("s.watch.samples")
    viewer.stage("(s.send = s.trueSend, 0)")
    found = {"messages while scrolling": moving}
    for name in ("scroll", "window", "zoom", "pan"):
        found |= spread(name, samples)
    return found


def busy_share(seconds: float = 1.0) -> float:
    """How busy the machine is with other things, 0..1; a busy machine makes numbers that mean nothing."""

    def read() -> list[int]:
        return [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]

    before = read()
    time.sleep(seconds)
    spent = [b - a for a, b in zip(before, read(), strict=True)]
    return 1 - (spent[3] + spent[4]) / max(sum(spent), 1)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", nargs="?", metavar="SERIES_FOLDER", default=SERIES, help="the sample CT without")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    plain = "leave the Jupyter server as it comes (see eci_annotate/viewer/session/kernel_transport.py)"
    parser.add_argument("--plain", action="store_true", help=plain)
    return parser.parse_args()


def main() -> int:
    """Run, print a table, say whether the limits hold."""
    asked, port = _asked(), free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), prompt=not asked.plain) as lab,
        browsing(port=port) as page,
    ):
        run_all(page, lab.put("bench.ipynb", [CELL.format(series=asked.series)]))
        viewer = Viewer(page)
        viewer.wait()
        viewer.fetched()
        hand = Hand(port)
        found: dict[str, Any] = {"machine busy before": busy_share()}
        first = [stroke(viewer, hand, 0.5, turn=n) for n in range(10)]
        found |= {"first stroke": first[0]["event-paint median"], "tenth stroke": first[9]["event-paint median"]}
        long = stroke(viewer, hand, 5)
        found |= {"after lift": long.pop("lift"), **long, **hovering(viewer), **flips(viewer)}
        viewer.stage("(s.board.frames.strict = true)")  # the same with the browser's own rasterising waited for
        found |= {f"{name}, rasterised": value for name, value in flips(viewer).items()}
    for name, value in found.items():
        limit = LIMITS.get(name)
        print(
            f"{name:32s} {value:9.2f}",
            "" if limit is None else f"(at most {limit}){'' if value <= limit else '  MISSED'}",
        )
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))
    return int(any(found[name] > limit for name, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
