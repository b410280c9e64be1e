"""Background preparation while the user is already viewing: it may be late, and never delays an image."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable

import xarray as xr

from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.panels.data_browser import BrowserPanel
from eci_annotate.viewer.session.event_loop import LOOP


def prepare(easel: Easel | None, browser: BrowserPanel, volume_of: Callable[[str], xr.DataArray]) -> None:
    """Compile kernels and smooth the series shown, so that the first stroke is fast; then create pictures.

    Parameters
    ----------
    easel
        None if nothing will be drawn.
    browser
        Data browser that receives the pictures.
    volume_of
        Returns the volume of a series for its Series Instance UID.
    """
    post = LOOP.poster()

    def work() -> None:
        if easel is not None:
            easel.warm_up()
        browser.fill(volume_of, post)
        importlib.import_module(
            "eci_annotate.imaging.sections.plane_sample"
        )  # compiles what fused and oblique panes need

    threading.Thread(target=work, daemon=True).start()
