"""ipyniivue in a JupyterLab of its own environment; scroll and pen timed from outside, by the same code as ours."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, TimeoutError

from tests.browser.lab import RUN, Lab, browsing, run_all, serving

PACKAGES = ("jupyterlab", "ipyniivue")
CELL = """
from ipyniivue import NiiVue, SliceType
nv = NiiVue(height=700)
nv.load_volumes([{{"path": {path!r}}}])
nv.set_slice_type(SliceType.AXIAL)
nv
"""
CANVAS = ".jp-OutputArea canvas"
GROW_S = 120
# After an event, all callbacks of the next frame run; then what they drew is read back, because it may be unfinished.
LISTEN = """([selector, types]) => {
  const found = document.querySelector(selector);
  const canvases = found.matches("canvas") ? [found] : [...found.querySelectorAll("canvas")];
  const pixel = new Uint8Array(4);
  const finish = () => { for (const each of canvases) {
    const gl = each.getContext("2d") ? null : each.getContext("webgl2");
    if (gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    else each.getContext("2d").getImageData(0, 0, 1, 1); } };
  window.drawnMs = [];
  const heard = () => { const from = performance.now(), { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { finish(); window.drawnMs.push(performance.now() - from); };
    requestAnimationFrame(() => port2.postMessage(0)); };
  for (const type of types) window.addEventListener(type, heard, true);
}"""


def environment(folder: Path) -> Path:
    """Make the peer's environment; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "-qq", *PACKAGES], check=True)
    return folder / "bin" / "python"


def shown(lab: Lab, page: Page, volume: Path) -> float:
    """Open a NIfTI volume; returns the seconds until its picture rests."""
    run_all(page, lab.put("niivue.ipynb", [CELL.format(path=str(volume))]))
    begin = time.perf_counter()
    page.wait_for_selector(CANVAS)
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    last, clip = b"", {key: box[key] for key in ("x", "y", "width", "height")}
    while (now := page.screenshot(clip=clip)) != last or len(now) < 20_000:  # type: ignore[arg-type]
        last, end = now, time.perf_counter()
        page.wait_for_timeout(500)
    return end - begin


def drawn(page: Page, selector: str, kind: str, times: int = 20) -> list[float]:
    """Scroll over a canvas (`wheel`), or draw on it (`pen`): ms from each real event to its finished picture."""
    page.evaluate(LISTEN, [selector, ["wheel"] if kind == "wheel" else ["pointermove"]])
    box = page.locator(selector).first.bounding_box()
    assert box is not None

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*at(0.5, 0.45))
    if kind == "pen":
        page.mouse.down()
    for n in range(times):
        before = len(page.evaluate("window.drawnMs"))
        if kind == "wheel":
            page.mouse.wheel(0, 60 if n % 20 < 10 else -60)
        else:
            page.mouse.move(*at(0.5 + 0.05 * np.sin(n / 5), 0.45 + 0.05 * np.cos(n / 5)))
        page.wait_for_function(f"() => window.drawnMs.length > {before}")
    if kind == "pen":
        page.mouse.up()
    return [float(each) for each in page.evaluate("window.drawnMs")]


def grown(page: Page) -> float:
    """Grow from what was drawn; returns the seconds until the page is free again, NaN after `GROW_S`."""
    begin = time.perf_counter()
    page.evaluate(f"code => {{ ({RUN})(code); }}", "nv.draw_grow_cut()")
    page.wait_for_timeout(500)
    page.set_default_timeout(GROW_S * 1000)
    try:
        page.wait_for_function("() => 1")
        page.screenshot()
    except TimeoutError:
        return float("nan")
    return time.perf_counter() - begin


def our_growth_s(series: str) -> float:
    """Seconds of our GrowCut on a whole series from two discs, kernels compiled before."""
    from eci_annotate.dicom.images.series import load_series
    from eci_annotate.tools.growcut import grow

    values = load_series(series).to_numpy()
    seeds = np.zeros(values.shape, np.uint8)
    middle = values.shape[0] // 2
    seeds[middle, 240:260, 200:220], seeds[middle, 400:420, 240:300] = 1, 2
    grow(values[:4, :32, :32], np.arange(4 * 32 * 32, dtype=np.uint8).reshape(4, 32, 32) % 2 + 1, margin=None)
    begin = time.perf_counter()
    grow(values, seeds, margin=None)
    return time.perf_counter() - begin


def shown_as(values: list[float]) -> str:
    """Median and 95th percentile."""
    return f"{np.median(values):.0f} / {np.percentile(values, 95):.0f}"


def figures(folder: Path, series: str) -> dict[str, str]:
    """All figures of the peer."""
    import nibabel

    from eci_annotate.dicom.images.series import load_series

    values = np.ascontiguousarray(load_series(series).to_numpy().transpose(2, 1, 0)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-0.75, -0.75, 5.0, 1.0])), volume := folder / "ct.nii.gz")
    python = str(environment(folder / "venv"))
    with serving(folder, prompt=False, python=python) as lab, browsing(software_gl=True) as page:
        found = {"first picture, s": f"{shown(lab, page, volume):.2f}", "wheel": shown_as(drawn(page, CANVAS, "wheel"))}
        page.evaluate(RUN, "nv.set_drawing_enabled(True); nv.set_pen_value(1, False)")
        page.wait_for_timeout(1500)
        found["pen"] = shown_as(drawn(page, CANVAS, "pen"))
        page.evaluate(RUN, "nv.set_pen_value(2, False)")
        page.wait_for_timeout(1500)
        drawn(page, CANVAS, "pen", 5)
        return found | {"GrowCut, s": f"{grown(page):.2f}"}
