"""The law of ink: what is shown = what the easel holds = what the journal replays to = what would be signed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eci_annotate.imaging.annotations import Annotation, Mask
from eci_annotate.tools import replay, save, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Select
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.ink.painter import Painter
from eci_annotate.viewer.stage.layouts import Cell, grid
from eci_annotate.viewer.stage.messages import Message
from eci_annotate.viewer.stage.orders import Fit, Ink, Lines, Mark, Order, Send
from tests.counts import examples
from tests.tools.test_laws import state_of
from tests.viewer.viewer_world import FINE, STRANGE, THREE, hands, make_controller, views, volume_of, windows

SIZE, SERIES = 200, ("1.9", FINE, STRANGE)
GRID = grid("grid", "Grid", [
    [Cell("", "axial", "1.9"), Cell("", "axial", FINE)], [Cell("", "coronal", FINE), Cell("", "acquired", STRANGE)],
])  # fmt: skip
# panes of the grid, by the names that the strategies use
NAMES = {"axial": "1-1", "sagittal": "1-2", "coronal": "2-1", "other": "2-2"}


class Screen:
    """What a browser shows after the orders it was given."""

    def __init__(self) -> None:
        self.ink: dict[str, np.ndarray] = {}
        self.lines: dict[str, tuple[Mark, ...]] = {}
        self.echoes: dict[tuple[str, ...], tuple[Any, ...]] = {}

    def take(self, orders: Iterable[Order]) -> Screen:
        for order in orders:
            match order:
                case Fit():
                    self.ink[order.view.pane], self.lines[order.view.pane] = self._empty(), ()
                case Ink():
                    self._paint(order)
                case Lines():
                    self.lines[order.pane] = order.marks
                case Send():
                    self._hear(order)
        return self

    def _empty(self) -> np.ndarray:
        return np.zeros((SIZE, SIZE, 4), np.uint8)

    def _paint(self, order: Ink) -> None:
        if order.wipe:
            self.ink[order.pane] = self._empty()
        if order.rgba is not None:
            height, width = order.rgba.shape[:2]
            self.ink[order.pane][order.y : order.y + height, order.x : order.x + width] = order.rgba

    def _hear(self, order: Send) -> None:
        message = order.message
        if message["kind"] == "echo":
            facts = {name: value for name, value in message.items() if name != "kind"}
            self.echoes[message["uid"], *message["series"]] = (repr(sorted(facts.items())), order.buffers)
        if message["kind"] == "forget":
            self.echoes.pop((message["uid"], *message["series"]), None)

    @property
    def seen(self) -> tuple[Any, ...]:
        """All of it, comparable."""
        lines = {
            pane: sorted((m.colour, m.spot, np.round(m.points_px, 6).tobytes()) for m in marks)
            for pane, marks in self.lines.items()
        }
        return {pane: ink.tobytes() for pane, ink in self.ink.items()}, lines, self.echoes


def plain(annotations: list[Annotation]) -> list[tuple[Any, ...]]:
    return [
        (a.uid, a.label, a.colour, a.kind, a.volume_mm3, a.voxels.tobytes() if isinstance(a, Mask) else repr(a))
        for a in annotations
    ]


class World:
    """A controller with a screen; `check` compares the four."""

    def __init__(self, in_grid: bool = False) -> None:
        easel = Easel(volume_of)
        easel.show(SERIES[0])
        self.controller: Controller = make_controller(easel=easel)
        self.names = NAMES if in_grid else {**dict(zip(THREE, THREE, strict=True)), "other": "axial"}
        if in_grid:
            self.controller.arrange(GRID)
        self.start = save(easel)
        self.heard = self.controller.heard  # type: ignore[attr-defined]
        self.heard.kept.clear()
        self.screen, self.frame = Screen(), 0
        self.fields: dict[str, bytes] = {}
        self.give({**self.views(), "redraw": True})

    def views(self) -> Message:
        return views(panes=tuple(dict.fromkeys(self.names.values())))

    def give(self, message: Message) -> None:
        self.screen.take(self.controller.receive(message))

    def act(self, action: tuple[Any, ...]) -> None:
        match action:
            case ("hand", what, pane, points):
                self.frame += 1
                message = hands(self.frame, (what, points))
                message["events"][0]["pane"] = self.names[pane]
                self.give(message)
            case ("window", high):
                self.give({**self.views(), "windows": windows(-160, high)})
            case ("turn", n):
                self.turn(SERIES[n])
            case ("select", n):
                uids = list(self.controller.easel.table.objects)
                if uids:
                    self.screen.take(self.controller.do(Select(uids[n % len(uids)])))
            case (name, value):
                self.give({"kind": "command", "name": name, "value": value})
        self.steady(action[0])

    def steady(self, name: str) -> None:
        """Ink is an undo item as soon as no stroke runs, is never unseen, and is changed by no option or tool key."""
        easel, plan = self.controller.easel, self.controller.plan
        assert plan.open or not easel.table.history.in_stroke
        assert not (plan.open and easel.table.active in easel.table.hidden)
        fields = {uid: field.tobytes() for uid, field in easel.table.history.fields.items()}
        if name in ("tool", "toggle-erase", "brush", "dimension", "window", "select", "toggle-hidden", "turn"):
            assert fields == self.fields
        self.fields = fields

    def turn(self, series_uid: str) -> None:
        """Show another series: the browser forgets its echoes and tells the new views."""
        orders = self.controller.turn_to(series_uid)
        if any(isinstance(order, Send) and order.message["kind"] == "scene" for order in orders):
            self.screen = Screen().take(orders)
            self.give(self.views())
        else:
            self.screen.take(orders)

    def check(self) -> None:
        self.screen.take(self.controller.finish())
        easel = self.controller.easel
        fresh = Painter(easel, panes=self.controller.panes)
        seen = Screen().take([*fresh.look(self.controller.painter.views.values()), *fresh.echoes(easel.table.objects)])
        assert self.screen.seen == seen.seen
        again = replay(volume_of, self.start, [to_line(entry) for entry in self.heard.kept])
        assert state_of(again) == state_of(easel) and list(again.table.objects) == list(easel.table.objects)
        assert (again.table.hidden, again.table.active, again.tool, again.options) == (
            easel.table.hidden, easel.table.active, easel.tool, easel.options,
        )  # fmt: skip
        assert (again.table.undo_name, again.table.redo_name) == (easel.table.undo_name, easel.table.redo_name)
        assert not easel.table.history.in_stroke
        assert plain(again.table.annotations()) == plain(easel.table.annotations())


COORDINATE = st.tuples(st.integers(0, 39), st.integers(0, 47), st.integers(0, 35))
POINT = COORDINATE.map(lambda at: [float(x) for x in at])
PATH = st.lists(POINT, min_size=1, max_size=4).map(lambda points: [x for point in points for x in point])
PANES = st.sampled_from(["axial", "axial", "sagittal", "coronal", "other"])
HANDS = st.one_of(
    st.tuples(st.just("hand"), st.just("press"), PANES, POINT),
    st.tuples(st.just("hand"), st.just("drag"), PANES, PATH),
    st.tuples(st.just("hand"), st.just("release"), PANES, POINT),
    st.tuples(st.just("hand"), st.just("cancel"), PANES, st.just([])),
)
KEYS = st.one_of(
    st.sampled_from([("toggle-hidden", None), ("delete", None), ("undo", None)]),
    st.tuples(st.just("tool"), st.sampled_from(["box", "freedraw", "smartpaint", "smartpaint"])),
    st.tuples(st.sampled_from(["new", "toggle-erase", "toggle-hidden", "delete", "undo", "undo", "redo"]), st.none()),
    st.tuples(st.just("brush"), st.sampled_from([1.15, 1 / 1.15])),
    st.tuples(st.just("dimension"), st.sampled_from([2, 3])),
    st.tuples(st.just("window"), st.sampled_from([100, 240])),
    st.tuples(st.just("select"), st.integers(0, 5)),
    st.tuples(st.just("turn"), st.integers(0, 2)),
)
NO_KEY = st.just(())
STROKES = st.tuples(PANES, POINT, PATH, NO_KEY | KEYS, PATH, st.sampled_from(["release", "release", "cancel"])).map(
    lambda each: [
        ("hand", "press", each[0], each[1]),
        ("hand", "drag", each[0], each[2]),
        *([each[3]] if each[3] else []),
        ("hand", "drag", each[0], each[4]),
        ("hand", each[5], each[0], each[4][:3] if each[5] == "release" else []),
    ]
)
AT = [0.0, 0.0, 0.0]
# two annotations one over the other, and then the lower one selected
ON_TOP = [
    *2 * [("hand", "press", "axial", AT), ("hand", "drag", "axial", AT), ("hand", "release", "axial", AT)],
    ("new", None), ("hand", "press", "axial", AT), ("hand", "drag", "axial", AT), ("hand", "release", "axial", AT),
    ("select", 0),
]  # fmt: skip
ACTIONS = st.one_of(STROKES, HANDS.map(lambda one: [one]), KEYS.map(lambda one: [one]), KEYS.map(lambda one: [one]))


@settings(max_examples=examples(160, 5000))
@example(in_grid=False, tool="smartpaint", actions=[ON_TOP])
@given(
    in_grid=st.booleans(),
    tool=st.sampled_from(["box", "freedraw", "smartpaint"]),
    actions=st.lists(ACTIONS, max_size=15),
)
def test_shown_is_held_is_replayed_is_signed(in_grid: bool, tool: str, actions: list[list[tuple[Any, ...]]]) -> None:
    world = World(in_grid)
    world.act(("tool", tool))
    for action in (each for some in actions for each in some):
        world.act(action)
    world.check()
