"""Messages in, orders out: browser messages become entries for the easel, and its changes become drawing.

It knows no widget and no canvas; recorded messages drive it in tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eci_annotate.errors import EciError, Refused
from eci_annotate.imaging.annotations import Colour, new_uid
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import (
    Add,
    Alter,
    ChooseTool,
    Entry,
    Select,
    SetOption,
    Show,
    Undo,
)
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.registry import TOOLS
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.messages import BrowserCommand, Hand, Hands, Here, Message, Ready, Views, Want
from eci_annotate.viewer.stage.orders import Ink, Lines, Order, Send
from eci_annotate.viewer.stage.painter import Painter
from eci_annotate.viewer.stage.pane_geometry import View
from eci_annotate.viewer.stage.pointer_gestures import gesture_of
from eci_annotate.viewer.stage.shortcuts import SHORTCUTS
from eci_annotate.viewer.stage.slices import Pictures

PALETTE: tuple[Colour, ...] = (
    (255, 64, 64), (64, 200, 255), (255, 200, 40), (120, 230, 100),
    (240, 120, 255), (255, 140, 60), (90, 130, 255), (60, 230, 200),
)  # fmt: skip


class Listener:
    """Receiver of what a controller reports; this base class ignores everything."""

    def applied(self, entry: Entry) -> None:
        """Handle an entry that was applied and must be saved."""

    def changed(self) -> None:
        """Handle a change of the easel outside a stroke."""

    def present(self) -> None:
        """Handle user activity in the browser, including merely looking around."""

    def place_marked(self, point_lps: Vector | None) -> None:
        """Handle a marked place (patient mm, None: the crosshair); refused outside a review."""
        raise Refused("Places are marked in a review.")


class Controller:
    """Controls one viewer.

    Parameters
    ----------
    easel
        Easel with a series shown.
    listener
        Is notified of events; of each applied entry after its drawing was ordered.
    why_not
        If not empty, drawing is disabled for this reason.
    """

    def __init__(self, easel: Easel, listener: Listener | None = None, why_not: str = "") -> None:
        self.easel: Easel = easel
        self._listener: Listener = listener or Listener()
        self.why_not = why_not
        self.painter = Painter(easel, editable=not why_not)
        self.pictures: dict[str, Pictures] = {}
        self.next_label = ""
        self.next_colour: Colour | None = None
        self.focus: Vector | None = None
        self._stroke = False
        self._begun = False  # the running stroke created its annotation
        self._stale: set[str] = set()

    # -- input --------------------------------------------------------------------------
    def receive(self, raw: Message) -> list[Order]:
        """Process one message of the browser; a refusal becomes a line in the viewer, never an exception."""
        try:
            return self._answer(messages.read(raw))
        except EciError as error:
            return [Send(messages.status(str(error), "warning"))]

    def _answer(self, message: messages.Incoming) -> list[Order]:
        match message:
            case Ready():
                return self.show()
            case Want():
                return self._slice(message)
            case Views():
                return self._views(message)
            case Hands():
                return self._hands(message)
            case BrowserCommand():
                return self._command(message)
            case Here():
                self._listener.present()
        return []

    def _command(self, command: BrowserCommand) -> list[Order]:
        if command.name not in SHORTCUTS:
            raise Refused(f"Unknown command {command.name!r}.", "Reload the page.")
        return SHORTCUTS[command.name](self, command)

    def of_active(self, make: Callable[[str], Entry]) -> list[Order]:
        """Apply the entry that `make` returns for the active annotation."""
        if self.easel.active is None:
            raise Refused("No annotation is selected.", "Select one in the list.")
        return self.do(make(self.easel.active))

    # -- series and views -----------------------------------------------------------
    def show(self) -> list[Order]:
        """Return orders for everything that a new browser needs."""
        self.painter.turn()
        pictures = self._pictures(self.easel.series_uid)
        shapes = {name: stack.to_wire() for name, stack in self.painter.stacks.items()}
        frame = self.easel.grid.frame_of_reference_uid
        scene = messages.scene(self.easel.series_uid, frame, shapes, pictures.window, pictures.invert)
        echoes = [*self.painter.echoes_of_others(), *self.painter.echoes(self.easel.objects)]
        return [Send(scene), _tool(self.easel, self.next_colour, self.why_not), *echoes]

    def turn_to(self, series_uid: str) -> list[Order]:
        """Show another series."""
        if series_uid == self.easel.series_uid:
            return []
        self._stroke = False
        self._stale.update(change.uid for change in self._apply(Show(series_uid)))
        self._listener.changed()
        return self.show()

    def _pictures(self, series_uid: str) -> Pictures:
        if series_uid not in self.pictures:
            self.pictures[series_uid] = Pictures(self.easel.sheet_of(series_uid).volume)
        return self.pictures[series_uid]

    def _slice(self, want: Want) -> list[Order]:
        if want.series != self.easel.series_uid:
            return []
        order = self._pictures(want.series).slice_order(want, self.painter.stacks[want.pane])
        return [order] if order else []

    def _views(self, message: Views) -> list[Order]:
        orders = self.painter.look(message.views, message.anew)
        self.focus = message.focus
        if message.anew:
            orders.append(_tool(self.easel, self.next_colour, self.why_not))
        if not self.why_not and message.window != self.easel.options.window and not self._stroke:
            self._apply(SetOption("window", message.window))
        return [*orders, self.drawn(0, message.views, orders)]

    def drawn(self, frame: int, views: Iterable[View], orders: Iterable[Order]) -> Order:
        """Return the order that reports to the browser that these orders were carried out for these views."""
        touched = sorted({order.pane for order in orders if isinstance(order, (Ink, Lines))})
        return Send(messages.drawn(frame, tuple(views), self.easel.series_uid, self._stroke, touched))

    # -- drawing -----------------------------------------------------------------------
    def _hands(self, message: Hands) -> list[Order]:
        """Apply a frame; it is always answered, because the browser would otherwise wait forever."""
        changes: list[Change] = []
        said: list[Order] = []
        entries: list[Entry] = []
        for hand in message.events:
            try:
                for entry in self._entries(hand):
                    changes += self.easel.do(entry)
                    entries.append(entry)
            except EciError as error:
                self._stroke = False
                said.append(Send(messages.status(str(error), "warning")))
        drawing = self.painter.changed(changes)
        orders = [*drawing, self.drawn(message.frame, self.painter.views.values(), drawing), *said]
        self._stale.update(change.uid for change in changes)
        self._kept(entries)
        return orders if self._stroke else [*orders, *self._settled()]

    def _settled(self) -> list[Order]:
        """Return orders after a stroke: echoes of what changed, and the current tool."""
        stale, self._stale = self._stale, set()
        self._listener.changed()
        return [*self.painter.echoes(sorted(stale)), _tool(self.easel, self.next_colour, self.why_not)]

    def _entries(self, hand: Hand) -> list[Entry]:
        """Return the gestures of a pointer event; those of a refused press are dropped."""
        if self.why_not:
            raise Refused(self.why_not)
        gesture = gesture_of(hand, self.painter.stacks[hand.pane])
        if hand.do == "press":
            begun = self._begin()
            self._stroke, self._begun = True, bool(begun)
            return [*begun, gesture]
        if not self._stroke:
            return []
        self._stroke = hand.do == "drag"
        return [gesture, Undo()] if hand.do == "cancel" and self._begun else [gesture]

    def _begin(self) -> list[Entry]:
        """Start a new annotation if no active one fits the tool."""
        thing = self.easel.objects.get(self.easel.active or "")
        here = thing is not None and thing.series_uid == self.easel.series_uid
        return [] if here and thing and TOOLS[self.easel.tool].works_on(thing) else [self._new()]

    def mark_place(self, point_lps: Vector | None) -> None:
        """Mark a place in patient mm; None: at the crosshair."""
        self._listener.place_marked(point_lps)

    # -- annotations ------------------------------------------------------------------------
    def do(self, entry: Entry) -> list[Order]:
        """Apply an entry that is not a gesture, and draw what it changed."""
        if self.why_not and not (isinstance(entry, Select) or (isinstance(entry, Alter) and entry.visible is not None)):
            raise Refused(self.why_not)
        before = self.easel.active
        changes = self._apply(entry)
        self._stroke = False
        self._stale.update(change.uid for change in changes)
        orders = self.painter.changed(changes)
        if self.easel.active != before or isinstance(entry, (Select, ChooseTool)):
            orders += self.painter.all_lines()
        if isinstance(entry, ChooseTool) and TOOLS[entry.tool].info.three_plane:
            orders.append(Send(messages.look(layout="three-plane")))
        return [*orders, self.drawn(0, self.painter.views.values(), orders), *self._settled()]

    def _apply(self, entry: Entry) -> tuple[Change, ...]:
        changes = self.easel.do(entry)
        self._kept([entry])
        return changes

    def _kept(self, entries: list[Entry]) -> None:
        if not self.why_not:
            for entry in entries:
                self._listener.applied(entry)

    def add(self, label: str = "", colour: Colour | None = None) -> list[Order]:
        """Start a new annotation with the current tool."""
        self.next_label, self.next_colour = label or self.next_label, colour or self.next_colour
        return self.do(self._new())

    def _new(self) -> Add:
        count = len(self.easel.objects)
        label = self.next_label or f"lesion {count + 1}"
        colour = self.next_colour or PALETTE[count % len(PALETTE)]
        self.next_label, self.next_colour = "", None
        return Add(new_uid(), self.easel.tool, label, colour, self.easel.series_uid)

    def close(self, why_not: str) -> list[Order]:
        """Disable drawing."""
        self.why_not = why_not
        self.painter.editable = False
        told = [_tool(self.easel, self.next_colour, why_not), Send(messages.status(why_not, "error"))]
        return [*self.painter.all_lines(), *told]


def _tool(easel: Easel, next_colour: Colour | None, why_not: str) -> Order:
    """Return the message that sends the current tool to the browser."""
    thing = easel.objects.get(easel.active or "")
    tool = TOOLS[easel.tool]
    fits = thing is not None and tool.works_on(thing)
    colour = thing.colour if thing and fits else next_colour or PALETTE[len(easel.objects) % len(PALETTE)]
    options = easel.options
    return Send(messages.tool(easel.tool, tool.info.feedback, options.radius_mm, options.erase, colour, why_not))
