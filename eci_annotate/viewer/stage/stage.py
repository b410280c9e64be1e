"""The stage widget: display and input in the browser, with the kernel's canvases inside. It carries out orders."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from eci_annotate.imaging.display import PRESETS
from eci_annotate.tools.registry import infos
from eci_annotate.viewer.stage.canvases import PaneCanvases, hold
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.esm_bundle import HERE, joined
from eci_annotate.viewer.stage.inbox import Posted
from eci_annotate.viewer.stage.messages import heard
from eci_annotate.viewer.stage.orders import Drawing, Fit, Ink, Leave, Lines, Order, Panel, Send
from eci_annotate.viewer.stage.sections.colour_maps import COLOUR_MAPS


class Stage(anywidget.AnyWidget):  # type: ignore[misc]
    """A grid of linked panes.

    Parameters
    ----------
    controller
        Answers the browser.
    height
        CSS height.
    alone
        Pane shown alone at first; empty: all three.
    link
        Stages of a page with the same (non-empty) link show the same position, zoom and window.

    Attributes
    ----------
    language
        Languages of the browser, the preferred one first; empty until a page is there.
    """

    _esm = joined()
    _css = Path(HERE / "style.css").read_text(encoding="utf-8")
    height = traitlets.Unicode("640px").tag(sync=True)
    alone = traitlets.Unicode("").tag(sync=True)
    link = traitlets.Unicode("").tag(sync=True)
    language = traitlets.Unicode("").tag(sync=True)
    layers = traitlets.Dict().tag(sync=True)
    tools = traitlets.List(traitlets.Dict()).tag(sync=True)
    colours = traitlets.Dict({name: each.to_wire() for name, each in COLOUR_MAPS.items()}).tag(sync=True)
    presets = traitlets.Dict({name: list(window) for name, window in PRESETS.items()}).tag(sync=True)

    def __init__(self, controller: Controller, **more: Any) -> None:
        self.controller, self.posted = controller, Posted()
        self._since = time.perf_counter()
        self.canvases: dict[str, dict[str, PaneCanvases]] = {}
        super().__init__(tools=tool_keys(), **more)
        self.on_msg(self._received)

    def _have(self, order: Panel) -> None:
        """Have canvases for these panes; those of panes that are gone are kept for the next layout."""
        for page in list(self.canvases) if order.page is None else [order.page]:
            own = self.canvases.setdefault(page, {})
            for name in order.names:
                if name not in own:
                    own[name] = PaneCanvases()
        self._tell_layers()

    def _leave(self, page: str) -> None:
        """Close the canvases of a page."""
        for canvases in self.canvases.pop(page, {}).values():
            canvases.close()
        self._tell_layers()

    def _tell_layers(self) -> None:
        self.layers = {
            page: {name: each.references for name, each in own.items()} for page, own in self.canvases.items()
        }

    def _received(self, widget: Any, content: dict[str, Any], buffers: Any) -> None:
        self._since = time.perf_counter()
        if not self.posted.takes(content):
            self.send(self.posted.instead(content))
            return
        orders = self.controller.receive(content)
        self.carry_out(orders if any(isinstance(order, Send) for order in orders) else [*orders, Send(heard())])

    def carry_out(self, orders: Iterable[Order]) -> None:
        """Draw and send; all drawing is sent before the first message, as one batch."""
        todo = list(orders)
        for order in todo:
            if isinstance(order, Panel):
                self._have(order)
            if isinstance(order, Leave):
                self._leave(order.page)
        drawing = [order for order in todo if isinstance(order, (Fit, Ink, Lines)) and self._on(order)]
        if drawing:
            with hold(self._on(drawing[0]).masks):  # type: ignore[union-attr]
                for order in drawing:
                    self._draw(order)
        for order in todo:
            if isinstance(order, Send):
                self.send({**order.message, "work_ms": self._work_ms(), **self.posted.told}, list(order.buffers))

    def _work_ms(self) -> float:
        return round((time.perf_counter() - self._since) * 1e3, 2)

    def _on(self, order: Drawing) -> PaneCanvases | None:
        """Return the canvases that an order draws on; None if their page is gone."""
        page, pane = (order.view.page, order.view.pane) if isinstance(order, Fit) else (order.page, order.pane)
        return self.canvases.get(page, {}).get(pane)

    def _draw(self, order: Drawing) -> None:
        canvases = self._on(order)
        assert canvases is not None
        match order:
            case Fit():
                canvases.fit(order)
            case Ink():
                canvases.ink(order)
            case Lines():
                canvases.lines(order)


def tool_keys() -> list[dict[str, str]]:
    """Return name, title, key and feedback of each tool, for the browser's keyboard and help."""
    return [
        {"name": info.name.value, "title": info.title, "key": info.key, "feedback": info.feedback.value}
        for info in infos()
    ]
