"""The viewer near and far: directly, and over a line of 60 ms and 10 Mbit/s; beside ipyniivue, both by software GL.

Run: python -m tests.benchmarks distance. Times are kept by the stage itself (`bench_viewer`).
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page

from tests.benchmarks import peer_niivue
from tests.benchmarks.bench_viewer import CELL, SERIES, Hand, flips, hovering, stroke
from tests.benchmarks.measuring import Table
from tests.browser.lab import Lab, Viewer, browsing, run_all, serving
from tests.browser.relay import FAR, NEAR, Distance, relayed
from tests.ports import free_port

LINES = {"direct": NEAR, "60 ms, 10 Mbit/s": FAR}
NINE = """
from eci_annotate.viewer.stage.layouts import Cell, grid
v.controller.panes.arrange(grid("nine", "Nine", [[Cell("", each) for each in ("axial", "sagittal", "coronal")]] * 3))
"""
COUNT_POINTS = """(s.points = s.came = 0, s.onward = s.queue.send, s.queue.send = (frame, events) => {
  for (const each of events) if (each.do === "drag") s.points += each.points.length / 3;
  s.onward(frame, events); },
  s.count = (event) => { if (event.buttons) s.came += event.getCoalescedEvents().length || 1; },
  window.addEventListener("pointermove", s.count, true), 0)"""
COUNTED = """(s.queue.send = s.onward, window.removeEventListener("pointermove", s.count, true), [s.points, s.came])"""
KEYS = ("s", "f", "b", "n", "[", "]", "ArrowUp", "ArrowDown")
WATCH_PICTURE = """(() => {
  const seen = (s.seen = []), frames = s.board.frames, draw = frames.draw.bind(frames);
  const picture = () => s.board.shown.map((pane) => { let sum = 0;
    const { data } = pane.context.getImageData(0, 0, pane.screen.width, pane.screen.height);
    for (const each of new Uint32Array(data.buffer)) sum = (sum * 31 + each) >>> 0;
    return sum; }).join();
  s.picture = picture; seen.push([performance.now(), picture()]);
  frames.draw = () => { draw(); seen.push([performance.now(), picture()]); };
  window.addEventListener("pointerup", () => { s.lastEvent = performance.now(); }, true);
  return s.lastEvent = performance.now(); })()"""
SETTLED = """(() => { const last = s.picture(); let at = s.seen[0][0];
  for (const [time, picture] of s.seen) if (picture !== last) at = null; else at ??= time;
  return Math.max(0, at - s.lastEvent); })()"""
Found = dict[str, float]
FLIPS = ("scroll p95", "window p95", "zoom p95", "pan p95")
# what, figures of which the worst counts, what is asked near and far
ROWS: Sequence[tuple[str, Sequence[str], tuple[str, str]]] = (
    ("ring and echo of a stroke", ("ring p95", "stroke-echo p95"), ("4", "4")),
    ("scroll, window, zoom, pan; 3 panes", FLIPS, ("4", "4")),
    ("scroll, window, zoom, pan; 9 panes", [f"nine {each}" for each in FLIPS], ("8", "8")),
    ("messages to the kernel while scrolling", ("messages while scrolling",), ("0", "0")),
    ("SmartPaint, authoritative paint", ("event-paint p95",), ("25", "110")),
    ("the same, median", ("event-paint median",), ("", "")),
    ("stroke of 5 s at 200 Hz: share of the page's points that are sent", ("pen points",), ("1", "1")),
    ("the same: last paint after lifting", ("pen lift",), ("100", "250")),
    ("10 s of random input: picture final after", ("settled",), ("300", "500")),
    (
        "the same: share of panes' pictures that are the same when the kernel redraws them",
        ("as the kernel draws",),
        ("1", "1"),
    ),
    ("first picture, s; 3 panes", ("first picture",), ("", "")),
    ("first picture, s; 9 panes", ("nine first picture",), ("1", "")),
    ("all slices, s", ("all slices",), ("", "")),
)


def opened(lab: Lab, page: Page, port: int, more: str = "") -> tuple[Viewer, Found]:
    """Open the CT in a notebook; returns the seconds until the first picture and until all slices were there."""
    text = CELL.format(series=SERIES).replace("\nv\n", f"\n{more}\nv\n")
    begin = time.perf_counter()
    run_all(page, lab.put("distance.ipynb", [text]).replace(lab.base, f"http://127.0.0.1:{port}"))
    begun, viewer = time.perf_counter(), Viewer(page)
    viewer.wait()
    seen = time.perf_counter()
    viewer.fetched()
    return viewer, {"page": begun - begin, "first picture": seen - begun, "all slices": time.perf_counter() - begun}


def pen(viewer: Viewer, hand: Hand) -> Found:
    """A stroke of 5 s at 200 Hz: the share of the points that the page gets which are sent, and the last paint."""
    viewer.stage(COUNT_POINTS)
    found = stroke(viewer, hand, 5, rate=200)
    sent, came = viewer.stage(COUNTED)
    return {"pen rate": found["rate"], "pen points": sent / came, "pen lift": found["lift"]}


def scribble(viewer: Viewer, hand: Hand, seconds: float = 10.0) -> Found:
    """Pointer and keys at random: how long until the picture is final, and whether it is what the kernel redraws."""
    chance, down, end = random.Random(5), False, time.perf_counter() + seconds
    viewer.stage("(s.el.focus(), 0)")
    while time.perf_counter() < end:
        place = viewer.at_cached(chance.choice(("axial", "sagittal", "coronal")), chance.random(), chance.random())
        if chance.random() < 0.1:
            hand.do("mouseReleased" if down else "mousePressed", *place)
            down = not down
        elif chance.random() < 0.05:
            viewer.page.keyboard.press(chance.choice(KEYS))
        else:
            hand.do("mouseMoved", *place, held=down)
        time.sleep(1 / 60)
    viewer.stage(WATCH_PICTURE)
    hand.do("mouseReleased", *viewer.at_cached("axial", 0.5, 0.5))
    hand.settle()
    viewer.page.wait_for_timeout(3000)
    viewer.rest()
    settled, before = viewer.stage(SETTLED), viewer.stage("s.picture()")
    viewer.stage("(s.reports.soon(0, true), 0)")
    viewer.page.wait_for_timeout(2000)
    return {"settled": settled, "as the kernel draws": float(before == viewer.stage("s.picture()"))}


def measured(lab: Lab, distance: Distance) -> Found:
    """All figures over one line: three panes, then nine."""
    port = int(lab.base.rsplit(":", 1)[1])
    with relayed(port, distance) as line, browsing(port=(debugging := free_port())) as page:
        viewer, found = opened(lab, page, line.port)
        hand = Hand(debugging)
        for n in range(3):
            stroke(viewer, hand, 0.5, turn=n)
        long = stroke(viewer, hand, 5)
        found |= {**long, **hovering(viewer), **flips(viewer), **pen(viewer, hand), **scribble(viewer, hand)}
    lab.end_kernels()
    with relayed(port, distance) as line, browsing() as page:
        viewer, nine = opened(lab, page, line.port, NINE)
        found |= {f"nine {name}": value for name, value in {**nine, **flips(viewer, "1-1")}.items()}
    lab.end_kernels()
    return found


def row(what: str, keys: Sequence[str], limits: tuple[str, str], near: Found, far: Found) -> list[str]:
    """One line of the table: the worst of some figures, near and far, beside what is asked."""
    worst = [max(found[key] for key in keys) for found in (near, far)]
    return [what, limits[0], f"{worst[0]:.3g}", limits[1], f"{worst[1]:.3g}"]


def of_lines(near: Found, far: Found) -> Table:
    """The table of near and far."""
    near_name, far_name = LINES
    table = Table("The viewer near and far", ["what", "asked", near_name, "asked", far_name])
    table.rows = [row(what, keys, limits, near, far) for what, keys, limits in ROWS]
    table.note = (
        "p95 in ms, if not said otherwise; of several the worst. CT of 512 x 512 x 41, JupyterLab; SmartPaint in 3-D,"
        " radius 20 voxels. A relay delays each byte by 30 ms each way, and lets 10 Mbit/s through for all connections."
    )
    return table


def ours_from_outside(place: Path, software_gl: bool) -> dict[str, str]:
    """What is measured of the peer, of ours."""
    place.mkdir()
    with serving(place) as lab, browsing(software_gl=software_gl) as page:
        _, found = opened(lab, page, int(lab.base.rsplit(":", 1)[1]))
        pane = ".eci-pane[data-pane='axial']"
        drawn = {kind: peer_niivue.shown_as(peer_niivue.drawn(page, pane, kind)) for kind in ("wheel", "pen")}
    return {"first picture, s": f"{found['first picture']:.2f}", **drawn}


def beside_peer() -> Table:
    """The table of ours and ipyniivue, which needs WebGL: by software here."""
    columns = ["", "eci_annotate", "ipyniivue", "eci_annotate without GL"]
    table = Table("Beside ipyniivue, software GL: ms, median / p95", columns)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        theirs = peer_niivue.figures(folder, SERIES)
        ours, plain = ours_from_outside(folder / "ours", True), ours_from_outside(folder / "plain", False)
    ours["GrowCut, s"] = f"{peer_niivue.our_growth_s(SERIES):.2f}"
    table.rows = [[name, ours[name], theirs[name], plain.get(name, "")] for name in theirs]
    table.note = (
        "From an event of the mouse to the finished picture, read back. Theirs: one pane, flat pen; ours: three panes,"
        " SmartPaint in three dimensions. Both are meant for graphics processors or none: with software GL, reading"
        " back costs most. GrowCut from two strokes, of the whole CT, ours in the kernel;"
        f" `nan`: not done after {peer_niivue.GROW_S} s."
    )
    return table


def tables() -> Iterator[Table]:
    """Measure, line by line, then beside the peer."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as lab:
        near, far = (measured(lab, distance) for distance in LINES.values())
    yield of_lines(near, far)
    yield beside_peer()
