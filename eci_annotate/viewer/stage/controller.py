"""Messages in, orders out: browser messages become entries for the easel, and its changes become drawing.

It knows no widget and no canvas; recorded messages drive it in tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from eci_annotate.errors import EciError, Refused
from eci_annotate.imaging.annotations import Colour
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Alter, ChooseTool, Entry, Select, SetOption, Show
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.registry import TOOLS
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.stage import browser_messages, messages, shortcuts
from eci_annotate.viewer.stage.browser_messages import BrowserCommand, Bye, Hand, Hands, Here, Ready, Views, Want
from eci_annotate.viewer.stage.controller_listener import Listener
from eci_annotate.viewer.stage.entry_plan import EntryPlan
from eci_annotate.viewer.stage.ink.layer import look_at
from eci_annotate.viewer.stage.ink.painter import Painter
from eci_annotate.viewer.stage.labels import PALETTE
from eci_annotate.viewer.stage.layouts import PaneGrid
from eci_annotate.viewer.stage.messages import Message
from eci_annotate.viewer.stage.orders import Order, Panel, Send
from eci_annotate.viewer.stage.pages import Pages
from eci_annotate.viewer.stage.pane_geometry import View
from eci_annotate.viewer.stage.panes import Panes
from eci_annotate.viewer.stage.pointer_gestures import aimed


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
    listener
        Is notified.
    panes
        The layout, and what each pane shows.
    page, active_pane, focus
        Page and pane that the user is in, and the crosshair.
    """

    def __init__(self, easel: Easel, listener: Listener | None = None, why_not: str = "") -> None:
        self.easel: Easel = easel
        self.listener: Listener = listener or Listener()
        self.why_not = why_not
        self.panes = Panes(easel)
        self.painter = Painter(easel, not why_not, self.panes)
        self.plan = EntryPlan(easel)
        self.focus: Vector | None = None
        self.page, self.active_pane = "", ""
        self.pages = Pages(self.painter)
        self._stale: set[str] = set()
        self._warned = False  # the status line shows a refusal

    # -- input --------------------------------------------------------------------------
    def receive(self, raw: Message) -> list[Order]:
        """Process one message of the browser; a refusal becomes a line in the viewer, never an exception."""
        try:
            message = browser_messages.read(raw)
            self.page = str(raw.get("page", ""))
            return self._answer(message)
        except EciError as error:
            return [self._warning(error)]

    def _answer(self, message: browser_messages.Incoming) -> list[Order]:
        match message:
            case Ready(page):
                return [*self.show(page), *self.listener.page_opened()]
            case Bye(page):
                return [*self.pages.leave(page)]
            case Want():
                return self._slice(message)
            case Views():
                return self._views(message)
            case Hands():
                return self._hands(message)
            case BrowserCommand():
                return shortcuts.carry_out(self, message)
            case Here():
                self.listener.present()
        return []

    def of_active(self, make: Callable[[str], Entry]) -> list[Order]:
        """Apply the entry that `make` returns for the active annotation."""
        if self.easel.table.active not in self.easel.table.objects:
            raise Refused("No annotation is selected.", "Select one in the list.")
        return self.do(make(self.easel.table.active or ""))

    # -- series and views -----------------------------------------------------------
    def show(self, page: str | None = None) -> list[Order]:
        """Return orders for everything that a new page needs, or (None) all pages of a new layout."""
        self.painter.turn(page)
        left = [] if page is None else self.pages.join(page)
        echoes = [*self.painter.echoes_of_others(), *self.painter.echoes(self.easel.table.objects)]
        names = tuple(cell.name for cell in self.panes.layout.cells)
        scene = self.panes.scene() if page is None else {**self.panes.scene(), "page": page}
        return [*left, Panel(names, page), Send(scene), self._tool(), *echoes]

    def turn_to(self, series_uid: str) -> list[Order]:
        """Draw on another series; it is shown in the active pane of a grid, or in all panes that follow."""
        layout = self.panes.layout
        if layout.is_fixed and series_uid not in self.panes.shown:
            return self.put(self.active_pane, series_uid)
        there: list[Order] = [Send(messages.look(series=series_uid))] if layout.is_fixed else []
        if series_uid == self.easel.table.series_uid:
            return there
        drawing = self._carry_out(self.plan.action(Show(series_uid)), redraw=True)
        return [*drawing, *there] if layout.is_fixed else self.show()

    def put(self, pane: str, series_uid: str, plane: str = "") -> list[Order]:
        """Show a series, and if given another plane, in one pane of a grid, and draw on it."""
        self.easel.table.sheet_of(series_uid)
        self.panes.arrange(self.panes.layout.put(pane, series_uid, plane))
        self._carry_out(self.plan.action(Show(series_uid)))
        return self.show()

    def arrange(self, layout: PaneGrid) -> list[Order]:
        """Show another layout."""
        self.panes.arrange(layout)
        return self.show()

    def _slice(self, want: Want) -> list[Order]:
        order = self.panes.slice_order(want)
        return [order] if order else []

    def _views(self, message: Views) -> list[Order]:
        if message.page not in self.pages.present:
            return self.show(message.page)
        orders = self.painter.look(message.views, message.redraw)
        self.focus, self.active_pane = message.focus, message.active
        if message.redraw:
            orders.append(self._tool())
        self.plan.windows = message.windows
        window = message.windows.get(self.easel.table.series_uid)
        if window and not self.why_not and window != self.easel.options.window and not self.plan.open:
            self._apply(SetOption("window", window))
        return [*orders, *self.drawn(orders, views=message.views)]

    def drawn(self, orders: Sequence[Order], frame: int = 0, views: Iterable[View] | None = None) -> list[Order]:
        """Return the orders that report to each page that orders were carried out, for these views (None: for all)."""
        shown = self.painter.views.values() if views is None else views
        return [Send(each) for each in self.pages.reports(orders, shown, (self.page, frame), self.plan.open)]

    # -- drawing -----------------------------------------------------------------------
    def _hands(self, message: Hands) -> list[Order]:
        """Apply a frame; it is always answered, because the browser would otherwise wait forever.

        Frames that do nothing, of a stroke that was refused, leave the refusal on the screen.
        """
        before = self.easel.table.active
        changes: list[Change] = []
        entries: list[Entry] = []
        refusals: list[EciError] = []
        for hand in message.events:
            try:
                self._take(self._entries(hand), changes, entries)
            except EciError as error:
                self._take(self.plan.refused(self.page, hand.pane), changes, entries)
                refusals.append(error)
        drawing = self._drawing(changes, before)
        orders = [*drawing, *self.drawn(drawing, message.frame)]
        self._kept(entries)
        return [*orders, *(self._settled() if entries and not self.plan.open else []), *map(self._warning, refusals)]

    def _take(self, planned: Iterable[Entry], changes: list[Change], entries: list[Entry]) -> None:
        for entry in planned:
            changes += self.easel.do(entry)
            entries.append(entry)

    def _entries(self, hand: Hand) -> Iterator[Entry]:
        """Yield the entries of a pointer event."""
        if self.why_not:
            raise Refused(self.why_not)
        gesture, aim = aimed(hand, self.page, self.panes)
        yield from self.plan.pointer(hand.do, gesture, aim)

    def _drawing(self, changes: list[Change], before: str | None) -> list[Order]:
        """Return orders that draw changes; `before`: what was selected, because its handles go."""
        self._stale.update(change.uid for change in changes)
        orders = self.painter.changed(changes)
        return orders if self.easel.table.active == before else [*orders, *self.painter.reordered()]

    def _settled(self) -> list[Order]:
        """Return orders after a stroke: echoes of what changed, the current tool, and remarks."""
        stale, self._stale = self._stale, set()
        said, self.plan.said = self.plan.said, []
        self.listener.changed()
        again = self.painter.follow_up(stale)
        orders = [*again, *self.drawn(again), *self.painter.echoes(sorted(stale)), self._tool()]
        if said or self._warned:
            orders.append(Send(messages.status(" ".join(said), passing=True)))
            self._warned = False
        return orders

    def _warning(self, error: EciError) -> Order:
        """Return the order that shows a refusal; it disappears after the next successful action."""
        self._warned = not self.why_not
        return Send(messages.status(plain(error), "warning"))

    def finish(self) -> list[Order]:
        """End a running stroke, as before signing."""
        return self._carry_out(self.plan.end()) if self.plan.open else []

    # -- annotations ------------------------------------------------------------------------
    def do(self, entry: Entry) -> list[Order]:
        """Apply an entry that is not a gesture, and draw what it changed."""
        if self.why_not and not (isinstance(entry, Select) or (isinstance(entry, Alter) and entry.visible is not None)):
            raise Refused(self.why_not)
        planned = iter([entry]) if self.why_not else self.plan.action(entry)
        orders = self._carry_out(planned, redraw=isinstance(entry, (Select, ChooseTool)))
        layout = self.panes.layout
        if isinstance(entry, ChooseTool) and TOOLS[entry.tool].info.three_plane and not layout.is_fixed:
            orders.append(Send(messages.look(layout=layout.name)))
        return [*orders, *look_at(self.painter.own, entry.uid)] if isinstance(entry, Select) and entry.uid else orders

    def _carry_out(self, planned: Iterable[Entry], redraw: bool = False) -> list[Order]:
        before = self.easel.table.active
        changes = [change for entry in planned for change in self._apply(entry)]
        return self.redraw(changes, before, redraw)

    def _apply(self, entry: Entry) -> tuple[Change, ...]:
        changes = self.easel.do(entry)
        self._kept([entry])
        return changes

    def _kept(self, entries: list[Entry]) -> None:
        if not self.why_not:
            for entry in entries:
                self.listener.applied(entry)

    def redraw(self, changes: Sequence[Change], before: str | None = None, lines: bool = True) -> list[Order]:
        """Return orders that draw changes of the easel; `before`: what was selected; `lines`: all outlines too."""
        orders = self._drawing(list(changes), before)
        orders += self.painter.all_lines() if lines else []
        return [*orders, *self.drawn(orders), *self._settled()]

    def add(self, label: str = "", colour: Colour | None = None) -> list[Order]:
        """Start a new annotation with the current tool, on the series of the active pane."""
        plan, series_uid = self.plan, self.panes.series(self.active_pane)
        away = series_uid not in ("", self.easel.table.series_uid) and not self.why_not
        turned = self._carry_out(plan.action(Show(series_uid)), redraw=True) if away else []
        plan.next_label, plan.next_colour = label or plan.next_label, colour or plan.next_colour
        return [*turned, *self.do(plan.new())]

    def close(self, why_not: str) -> list[Order]:
        """Disable drawing."""
        self.why_not = why_not
        self.painter.editable = False
        return [*self.painter.all_lines(), self._tool(), Send(messages.status(why_not, "error"))]

    def _tool(self) -> Order:
        """Return the message that sends the current tool to the browser."""
        easel, options = self.easel, self.easel.options
        thing = easel.table.objects.get(easel.table.active or "")
        tool = TOOLS[easel.tool]
        fits = thing is not None and tool.works_on(thing)
        new = self.plan.next_colour or PALETTE[len(easel.table.objects) % len(PALETTE)]
        colour = thing.colour if thing and fits else new
        told = (tool.info.feedback, options.radius_mm, options.erase, colour, self.why_not, tool.info.prompts)
        return Send(messages.tool(easel.tool, *told))
