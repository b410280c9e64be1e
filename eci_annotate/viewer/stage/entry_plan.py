"""Which journal entries an action of the user needs, so that what is drawn is seen, kept, and one undo item.

Every consequence is an entry of its own: replaying the journal gives what was on the screen, in every release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Colour, new_uid
from eci_annotate.tools.editing.easel import LIFT, Easel
from eci_annotate.tools.editing.entries import (
    Add,
    Alter,
    Delete,
    Entry,
    Redo,
    Select,
    SetOption,
    Show,
    Undo,
)
from eci_annotate.tools.freedraw import require_same_slice, words_in_vain
from eci_annotate.tools.gestures import Cancel, Gesture, Press, Release
from eci_annotate.tools.protocol import Object
from eci_annotate.tools.registry import TOOLS
from eci_annotate.viewer.stage.action_rules import (
    StrokeDepth,
    StrokeExtent,
    alters_nothing,
    is_pending,
    require_allowed,
    require_effect,
    tool_for,
    waits_elsewhere,
)
from eci_annotate.viewer.stage.labels import default_label, tidy_label, unused_colour
from eci_annotate.viewer.stage.pointer_gestures import CHANGED, NOWHERE, Remark, StrokePlace


class EntryPlan:
    """Plans entries for one easel; each generator expects every entry to be applied before the next is taken.

    Parameters
    ----------
    easel
        Where the entries will be applied.

    Attributes
    ----------
    open
        Whether a stroke is in progress.
    windows
        Display windows by series; the next stroke uses that of its own.
    next_label, next_colour
        Label and colour of the next annotation; empty: the default.
    offered
        Names of the tools that the task offers; empty: all.
    said
        Sentences for the user about what was done in addition.
    titles
        What to call each series, by its UID.
    """

    def __init__(self, easel: Easel) -> None:
        self.easel = easel
        self.open = False
        self.windows: Mapping[str, tuple[float, float]] = {}
        self.next_label = ""
        self.next_colour: Colour | None = None
        self.said: list[str] = []
        self.offered: Sequence[str] = ()
        self.titles: Mapping[str, str] = {}
        self._aim = NOWHERE  # of the running stroke
        self._remark: Remark | None = None
        self._depth = StrokeDepth()
        self._begun: str | None = None  # the annotation that was added for the running stroke
        self._wished: tuple[str, Colour | None] = ("", None)
        self._selected: str | None = None  # before that annotation was added
        self._extent = StrokeExtent()  # of the running stroke

    # -- strokes --------------------------------------------------------------------------
    def pointer(self, do: str, gesture: Gesture, aim: StrokePlace = NOWHERE) -> Iterator[Entry]:
        """Plan a `press`, `drag`, `release` or `cancel`; nothing happens without a press of the same page and pane.

        Raises
        ------
        Refused
            If the pane shows other images than at the press.
        """
        if isinstance(gesture, Press):
            yield from self.end()
            require_same_slice(self.easel.state, gesture, aim.series, self.easel.table)
            if aim.window is not None:
                self.windows = {**self.windows, aim.series: aim.window}
            turned = aim.series not in ("", self.easel.table.series_uid)
            if turned:
                yield Show(aim.series)
            yield from self._begin(gesture, turned)
            self._extent = StrokeExtent.of(gesture)
            yield from self._ended(gesture)
            self.open, self._aim = True, aim
        elif self.open and (aim.page, aim.pane) == (self._aim.page, self._aim.pane):
            if aim != self._aim and do != "cancel":
                raise Refused(*CHANGED)
            self._extent = self._extent.grown(gesture)
            yield from self._ended(gesture)
            self.open = do == "drag"
            if not self.open:
                yield from self._unused()

    def _ended(self, gesture: Gesture) -> Iterator[Entry]:
        """Yield a gesture; in place of one that ends a stroke without an effect, what takes the stroke back."""
        is_vain = self.easel.is_vain(gesture)
        if is_vain:
            require_effect(self.easel, self._extent)
            self.said += words_in_vain(self.easel.state)
        yield Cancel() if is_vain else gesture

    def refused(self, page: str = "", pane: str = "") -> Iterator[Entry]:
        """Plan what follows a refused gesture: the stroke of that pane is taken back, and what it began."""
        if self.open and (page, pane) != (self._aim.page, self._aim.pane):
            return
        if self.open:
            self.open = False
            yield Cancel()
        yield from self._unused()

    def end(self) -> Iterator[Entry]:
        """End the running stroke where the pen is, as an undo item of its own."""
        if self.open:
            self.open = False
            yield Cancel() if self.easel.is_vain(LIFT) else LIFT
            yield from self._unused()

    def _begin(self, press: Press, turned: bool) -> Iterator[Entry]:
        """Make sure that the stroke has an annotation, that it is visible, and that the window is current."""
        easel, tool = self.easel, TOOLS[self.easel.tool]
        window = self.windows.get(easel.table.series_uid)
        if window not in (None, easel.options.window):
            yield SetOption("window", window)
        if press.pressure < 1.0 and not easel.options.pressure and "pressure" in tool.info.options:
            yield SetOption("pressure", True)
        yield from self._depth.entries(easel)
        if tool.info.prompts:
            return
        thing = easel.table.objects.get(easel.table.active or "")
        if thing is not None and tool.works_on(thing):
            waits = waits_elsewhere(easel.table, thing)
            if waits and not easel.options.erase:
                yield from self._move(thing)
                return
            if not waits and tool.grabs(thing, press) and self._takes(thing):
                yield from self._reveal([thing.uid])
                return
        if easel.options.erase and "erase" in tool.info.options:
            remedy = "Select the annotation to erase from, or switch Erase off (X)."
            raise Refused(f"There is no selected {tool.info.title} annotation to erase from.", remedy)
        self._wished, self._selected = (self.next_label, self.next_colour), easel.table.active
        new = replace(self.new(), for_stroke=True)
        self._begun = new.uid
        yield new
        if turned:
            self._remark = Remark(new.uid, f"{new.label!r} is on {self._title(new.series_uid)}.")

    def _takes(self, thing: Object) -> bool:
        """Whether a stroke here changes an annotation; False if that cannot be seen here: a new one begins.

        Raises
        ------
        Refused
            If it is seen, and can be changed on its own series only.
        """
        table = self.easel.table
        title = self._title(thing.series_uid)
        if table.is_editable_on(thing, table.series_uid):
            if thing.series_uid != table.series_uid:
                revision = table.history.revision(thing.uid)
                self._remark = Remark(thing.uid, f"{thing.label!r} of {title} was changed.", revision)
            return True
        if table.is_on(thing, table.series_uid) and thing.uid not in table.hidden:
            remedy = "Select it in the list to switch to its series, or press N for a new annotation here."
            raise Refused(
                f"{thing.label!r} was drawn on another series, {title}, and can be changed there only.", remedy
            )
        return False

    def _move(self, thing: Object) -> Iterator[Entry]:
        """Have what was added on another series, and is empty, on this one."""
        here = self.easel.table.series_uid
        yield Delete(thing.uid)
        new = Add(new_uid(), self.easel.tool, thing.label, thing.colour, here)
        yield new
        self._remark = Remark(new.uid, f"{thing.label!r} is on {self._title(here)}.")

    def _title(self, series_uid: str) -> str:
        return self.titles.get(series_uid) or "another series"

    def _speak(self) -> None:
        """Say the remark on the stroke that ends."""
        remark, self._remark, table = self._remark, None, self.easel.table
        if remark and remark.uid in table.objects and table.history.revision(remark.uid) != remark.revision:
            self.said.append(remark.text)

    def _unused(self) -> Iterator[Entry]:
        """Take back the annotation that a stroke began and left empty."""
        if self.easel.state != TOOLS[self.easel.tool].idle and self._begun is not None:
            return  # a polygon goes on with the next click
        begun, self._begun = self._begun, None
        if self.easel.table.history.in_stroke:  # the tool refused the press
            yield Cancel()
        if begun is not None and begun not in self.easel.table.objects:
            yield from self._select(self._selected)
            self.next_label, self.next_colour = self._wished
        self._speak()

    # -- buttons and keys -------------------------------------------------------------------
    def action(self, entry: Entry) -> Iterator[Entry]:
        """Plan an entry that is not a gesture; a running stroke is ended first."""
        require_allowed(entry, self.offered)
        yield from self.end()
        if not isinstance(entry, SetOption) and is_pending(self.easel):
            yield Cancel()
            yield from self._unused()
            entry = LIFT if isinstance(entry, Undo) else entry
        match entry:
            case Release():  # what was dropped is all that this undo takes back
                self.said.append("Undone: what was not finished.")
            case Undo() | Redo():
                yield from self._history(entry)
            case Select(uid):
                yield entry
                yield from tool_for(self.easel, uid, self.offered)
            case Delete(uid):
                thing = self.easel.table.objects.get(uid)
                yield entry
                if thing is not None:
                    of = f" of {self.titles[thing.series_uid]}" if self.titles.get(thing.series_uid) else ""
                    self.said.append(f"{thing.label!r}{of} was deleted. Undo brings it back.")
            case Alter() if alters_nothing(self.easel.table, entry):
                return
            case _:
                yield entry

    def _history(self, entry: Undo | Redo) -> Iterator[Entry]:
        """Undo or redo until something looks different, show it, and select an annotation that came back."""
        history = self.easel.table.history
        stack, steps = (
            (history.done, history.undo_steps) if isinstance(entry, Undo) else (history.undone, history.redo_steps)
        )
        touched = {edit.uid for item in stack[len(stack) - steps :] for edit in item.edits}
        before = set(self.easel.table.objects)
        name = self.easel.table.undo_name if isinstance(entry, Undo) else self.easel.table.redo_name
        for _ in range(steps):
            yield entry
        verb, _, what = (name or type(entry).__name__).partition(" ")
        self.said.append(f"{verb}ne: {what}." if what else f"There is nothing to {verb.lower()}.")
        yield from self._reveal(sorted(touched))
        back = [uid for uid in self.easel.table.objects if uid not in before]
        if back:
            yield Select(back[-1])
        elif self.easel.table.active not in (None, *self.easel.table.objects):  # its addition was undone
            yield from self._select(next((edit.uid for item in history.done[::-1] for edit in item.edits), None))

    def _select(self, uid: str | None) -> Iterator[Entry]:
        if uid in self.easel.table.objects:
            yield Select(uid)

    def _reveal(self, uids: Iterable[str]) -> Iterator[Entry]:
        for uid in uids:
            if uid in self.easel.table.hidden and uid in self.easel.table.objects:
                yield Alter(uid, visible=True)
                self.said.append(f"{self.easel.table.objects[uid].label!r} was hidden and is shown again.")

    def wished(self) -> tuple[str, Colour]:
        """Return label and colour that the next annotation would have."""
        easel, info = self.easel, TOOLS[self.easel.tool].info
        label = tidy_label(self.next_label) or default_label(easel.table, info.makes if info.measures else "")
        return label, self.next_colour or unused_colour(easel.table)

    def new(self) -> Add:
        """Return the entry that adds an annotation for the current tool."""
        label, colour = self.wished()
        self.next_label, self.next_colour = "", None
        return Add(new_uid(), self.easel.tool, label, colour, self.easel.table.series_uid)
