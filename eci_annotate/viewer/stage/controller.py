"""Messages in, orders out: browser messages become entries for the easel, and its changes become drawing.

It knows no widget and no canvas; recorded messages drive it in tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from eci_annotate.errors import EciError, Refused
from eci_annotate.imaging.annotations import Colour
from eci_annotate.imaging.display import Window
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Alter, ChooseTool, Entry, Select, SetOption, Show
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.registry import TOOLS
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.entry_plan import EntryPlan
from eci_annotate.viewer.stage.labels import PALETTE
from eci_annotate.viewer.stage.messages import BrowserCommand, Hand, Hands, Here, Message, Ready, Views, Want
from eci_annotate.viewer.stage.orders import Ink, Lines, Order, Send
from eci_annotate.viewer.stage.painter import Painter
from eci_annotate.viewer.stage.pane_geometry import View, marks_of
from eci_annotate.viewer.stage.pointer_gestures import gesture_of
from eci_annotate.viewer.stage.shortcuts import SHORTCUTS
from eci_annotate.viewer.stage.slices import Pictures


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

    def decide(self, what: str) -> None:
        """Handle a decision on what a tool suggests: `accept`, `discard`, `shrink` or `grow`."""
        raise Refused("Nothing is suggested.", "Choose a tool that suggests a result, such as GrowCut.")

    def point_at(self, at: Vector | None) -> None:
        """Handle that the pointer rests at a point (patient mm), with a tool that suggests."""


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

    Attributes
    ----------
    plan
        Plans the entries of each action; holds label and colour of the next annotation.
    windows
        Initial window of a series by its UID, as the hanging protocol states it; otherwise the default.
    """

    def __init__(self, easel: Easel, listener: Listener | None = None, why_not: str = "") -> None:
        self.easel: Easel = easel
        self._listener: Listener = listener or Listener()
        self.why_not = why_not
        self.painter = Painter(easel, editable=not why_not)
        self.pictures: dict[str, Pictures] = {}
        self.windows: Mapping[str, Window] = {}
        self.plan = EntryPlan(easel)
        self.focus: Vector | None = None
        self._stale: set[str] = set()
        self._warned = False  # the status line shows a refusal

    # -- input --------------------------------------------------------------------------
    def receive(self, raw: Message) -> list[Order]:
        """Process one message of the browser; a refusal becomes a line in the viewer, never an exception."""
        try:
            return self._answer(messages.read(raw))
        except EciError as error:
            return [self._warning(error)]

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
        if self.easel.active not in self.easel.objects:
            raise Refused("No annotation is selected.", "Select one in the list.")
        return self.do(make(self.easel.active or ""))

    # -- series and views -----------------------------------------------------------
    def show(self) -> list[Order]:
        """Return orders for everything that a new browser needs."""
        self.painter.turn()
        pictures = self._pictures(self.easel.series_uid)
        marks = marks_of(self.easel.volume)
        shapes = {name: stack.to_wire(marks) for name, stack in self.painter.stacks.items()}
        frame = self.easel.grid.frame_of_reference_uid
        scene = messages.scene(self.easel.series_uid, frame, shapes, pictures.window, pictures.invert)
        echoes = [*self.painter.echoes_of_others(), *self.painter.echoes(self.easel.objects)]
        return [Send(scene), self._tool(), *echoes]

    def turn_to(self, series_uid: str) -> list[Order]:
        """Show another series."""
        if series_uid == self.easel.series_uid:
            return []
        for entry in self.plan.action(Show(series_uid)):
            self._stale.update(change.uid for change in self._apply(entry))
        self._listener.changed()
        return self.show()

    def _pictures(self, series_uid: str) -> Pictures:
        if series_uid not in self.pictures:
            volume = self.easel.sheet_of(series_uid).volume
            self.pictures[series_uid] = Pictures(volume, self.windows.get(series_uid))
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
            orders.append(self._tool())
        self.plan.window = message.window
        if not self.why_not and message.window != self.easel.options.window and not self.plan.open:
            self._apply(SetOption("window", message.window))
        return [*orders, self.drawn(0, message.views, orders)]

    def drawn(self, frame: int, views: Iterable[View], orders: Iterable[Order]) -> Order:
        """Return the order that reports to the browser that these orders were carried out for these views."""
        touched = sorted({order.pane for order in orders if isinstance(order, (Ink, Lines))})
        return Send(messages.drawn(frame, tuple(views), self.easel.series_uid, self.plan.open, touched))

    # -- drawing -----------------------------------------------------------------------
    def _hands(self, message: Hands) -> list[Order]:
        """Apply a frame; it is always answered, because the browser would otherwise wait forever."""
        before = self.easel.active
        changes: list[Change] = []
        entries: list[Entry] = []
        refusals: list[EciError] = []
        for hand in message.events:
            try:
                self._take(self._entries(hand), changes, entries)
            except EciError as error:
                self._take(self.plan.refused(), changes, entries)
                refusals.append(error)
        drawing = self._drawing(changes, before)
        orders = [*drawing, self.drawn(message.frame, self.painter.views.values(), drawing)]
        self._kept(entries)
        return [*orders, *([] if self.plan.open else self._settled()), *map(self._warning, refusals)]

    def _take(self, planned: Iterable[Entry], changes: list[Change], entries: list[Entry]) -> None:
        for entry in planned:
            changes += self.easel.do(entry)
            entries.append(entry)

    def _entries(self, hand: Hand) -> Iterator[Entry]:
        """Yield the entries of a pointer event."""
        if self.why_not:
            raise Refused(self.why_not)
        yield from self.plan.pointer(hand.do, gesture_of(hand, self.painter.stacks[hand.pane]))

    def _drawing(self, changes: list[Change], before: str | None) -> list[Order]:
        """Return orders that draw changes; `before`: what was selected, because its handles go."""
        self._stale.update(change.uid for change in changes)
        orders = self.painter.changed(changes)
        return orders if self.easel.active == before else [*orders, *self.painter.all_lines()]

    def _settled(self) -> list[Order]:
        """Return orders after a stroke: echoes of what changed, the current tool, and remarks."""
        stale, self._stale = self._stale, set()
        said, self.plan.said = self.plan.said, []
        self._listener.changed()
        orders = [*self.painter.echoes(sorted(stale)), self._tool()]
        if said or self._warned:
            orders.append(Send(messages.status(" ".join(said))))
            self._warned = False
        return orders

    def _warning(self, error: EciError) -> Order:
        """Return the order that shows a refusal; it disappears after the next successful action."""
        self._warned = not self.why_not
        return Send(messages.status(plain(error), "warning"))

    def finish(self) -> list[Order]:
        """End a running stroke, as before signing."""
        return self._carry_out(self.plan.end()) if self.plan.open else []

    def mark_place(self, point_lps: Vector | None) -> None:
        """Mark a place in patient mm; None: at the crosshair."""
        self._listener.place_marked(point_lps)

    def decide(self, what: str) -> None:
        """Accept, discard, shrink or grow what a tool suggests."""
        self._listener.decide(what)

    def point_at(self, at: Vector | None) -> None:
        """Say what the tool would suggest at a point in patient mm."""
        self._listener.point_at(at)

    # -- annotations ------------------------------------------------------------------------
    def do(self, entry: Entry) -> list[Order]:
        """Apply an entry that is not a gesture, and draw what it changed."""
        if self.why_not and not (isinstance(entry, Select) or (isinstance(entry, Alter) and entry.visible is not None)):
            raise Refused(self.why_not)
        planned = iter([entry]) if self.why_not else self.plan.action(entry)
        orders = self._carry_out(planned, redraw=isinstance(entry, (Select, ChooseTool)))
        if isinstance(entry, ChooseTool) and TOOLS[entry.tool].info.three_plane:
            orders.append(Send(messages.look(layout="three-plane")))
        focus = self.painter.own.solids.middle_of(entry.uid) if isinstance(entry, Select) and entry.uid else None
        return [*orders, Send(messages.look(focus=focus))] if focus else orders

    def _carry_out(self, planned: Iterable[Entry], redraw: bool = False) -> list[Order]:
        before = self.easel.active
        changes = [change for entry in planned for change in self._apply(entry)]
        orders = self._drawing(changes, before)
        if redraw:
            orders += self.painter.all_lines()
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
        plan = self.plan
        plan.next_label, plan.next_colour = label or plan.next_label, colour or plan.next_colour
        return self.do(plan.new())

    def close(self, why_not: str) -> list[Order]:
        """Disable drawing."""
        self.why_not = why_not
        self.painter.editable = False
        told = [self._tool(), Send(messages.status(why_not, "error"))]
        return [*self.painter.all_lines(), *told]

    def _tool(self) -> Order:
        """Return the message that sends the current tool to the browser."""
        easel, options = self.easel, self.easel.options
        thing = easel.objects.get(easel.active or "")
        tool = TOOLS[easel.tool]
        fits = thing is not None and tool.works_on(thing)
        new = self.plan.next_colour or PALETTE[len(easel.objects) % len(PALETTE)]
        colour = thing.colour if thing and fits else new
        told = (tool.info.feedback, options.radius_mm, options.erase, colour, self.why_not, tool.info.prompts)
        return Send(messages.tool(easel.tool, *told))
