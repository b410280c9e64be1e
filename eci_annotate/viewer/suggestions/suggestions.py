"""Suggestions of tools: asked for when something changes, computed in a thread, shown, and accepted or discarded.

A result for an older state is dropped. The viewer never waits: strokes, keys and images go on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import ipywidgets as w

from eci_annotate.errors import EciError, Refused
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.entries import ChooseTool, Entry
from eci_annotate.tools.mask_edit import MaskEdit
from eci_annotate.tools.registry import TOOLS
from eci_annotate.tools.suggestion import MaskPart, Suggestion
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.session.event_loop import LOOP, Scheduler
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.orders import Order, Send
from eci_annotate.viewer.suggestions.click_source import ClickSource
from eci_annotate.viewer.suggestions.computation import Result, Source, Work
from eci_annotate.viewer.suggestions.edit_menu import EditMenu, crosshair_for
from eci_annotate.viewer.suggestions.growcut_source import GrowCutSource
from eci_annotate.viewer.suggestions.mask_source import MaskSource
from eci_annotate.viewer.suggestions.model_source import Ask, ModelSource
from eci_annotate.viewer.suggestions.preview_layer import Preview
from eci_annotate.viewer.suggestions.suggestion_bar import SuggestionBar

TELL_S = 0.1  # between two reports of progress


class Suggestions:
    """Asks, computes and shows; one suggestion at a time.

    Parameters
    ----------
    controller
        Controller of the viewer.
    sources
        Tools that may have something to compute; the first one that has is asked.
    display, draw, do
        Panel of the suggestion; carries out orders; applies an entry.
    scheduler
        Loop to which results come back.

    Attributes
    ----------
    current
        The suggestion that waits for a decision, or None.
    """

    def __init__(
        self,
        controller: Controller,
        sources: Sequence[Source],
        display: SuggestionBar,
        draw: Callable[[Sequence[Order]], None],
        do: Callable[[Entry], None],
        scheduler: Scheduler = LOOP,
    ) -> None:
        self._controller, self._sources, self.display = controller, sources, display
        self._draw, self._do, self._scheduler = draw, do, scheduler
        self._preview = Preview(controller)
        self._thread = ThreadPoolExecutor(1, "suggestions")
        self._number = 0  # of the computation; an older one is cancelled
        self._state: object = None
        self._seen = 0  # of the suggestion that a page shows
        self._closed = self._computing = False
        self._whole: Suggestion | None = None  # what was suggested before one of its choices was chosen
        self.masks = MaskSource(controller.easel, controller.plan)
        self.menu = EditMenu(controller.easel, self.ask, partial(crosshair_for, controller))
        self.current: Suggestion | None = None

    # -- asking ---------------------------------------------------------------------
    def follow(self) -> None:
        """Ask again if what a suggestion depends on has changed; what changed is drawn first."""
        self._scheduler.after(0.0, self._follow)

    def _follow(self) -> None:
        if self._closed:
            return
        self.menu.refresh()
        wanted = next((q for source in (self.masks, *self._sources) if (q := source.computation()) is not None), None)
        state = wanted.state if wanted else None
        if state == self._state:
            return
        self._state = state
        self._number += 1
        self.current, self._computing = None, wanted is not None
        if wanted is None:
            self._take(self._number, "")
        else:
            self._ask(self._number, wanted.work)

    def _ask(self, number: int, work: Work) -> None:
        """Compute in the thread, or here if there is no loop to come back to."""
        if not self._scheduler.is_ticking():
            self._take(number, _safely(work, lambda share: True))
            return
        post = self._scheduler.poster()
        go_on = self._watch(number, post)
        future = self._thread.submit(_safely, work, go_on)
        future.add_done_callback(lambda done: post(lambda: self._take(number, done.result())))

    def _watch(self, number: int, post: Callable[[Callable[[], None]], object]) -> Callable[[float], bool]:
        """Return what the thread asks: it reports progress, and ends what nobody waits for."""
        told_s = time.monotonic()

        def go_on(share: float) -> bool:
            nonlocal told_s
            if time.monotonic() - told_s > TELL_S:
                told_s = time.monotonic()
                post(lambda: self._progress(number, share))
            return number == self._number

        return go_on

    def _progress(self, number: int, share: float) -> None:
        if number == self._number and not self._closed:
            self.display.waiting(share)

    def _take(self, number: int, result: Result) -> None:
        """Show a result, unless the state it belongs to is over."""
        if number != self._number or self._closed:
            return
        self.current, self._computing = result if isinstance(result, Suggestion) else None, False
        self._whole = self.current
        shown = [Send(messages.suggested(number))] if self.current else []
        self._draw([*self._preview.show(self.current), *shown])
        if self.current:
            self.display.result(self.current)
        else:
            self.display.says(result if isinstance(result, str) else "")

    # -- deciding -------------------------------------------------------------------
    def cancel(self) -> None:
        """End the computation; the next change starts it again."""
        self._number += 1
        self._take(self._number, "Cancelled. The next change starts it again.")

    def accept(self) -> None:
        """Accept what is shown.

        Raises
        ------
        Refused
            If nothing is suggested now, the result is not ready, or no page shows it yet.
        """
        self._follow()  # the last stroke may have changed it
        if self._computing:
            raise Refused("The result is not ready yet.", "Wait until its outline is shown, then accept it.")
        if self.current is None:
            raise Refused("Nothing is suggested.", "Choose a tool that suggests a result, such as GrowCut.")
        if self._controller.pages.present and self._seen != self._number:
            raise Refused("The outline has just changed.", "Look at it, then accept it.")
        suggestion = self.current
        self.masks.ask(None)
        grid = self._controller.easel.table.sheet_of(suggestion.series_uid).grid
        self._clear()
        self._do(acceptance(suggestion, grid.shape))

    def discard(self) -> None:
        """Take what is shown away; it returns after the next change. Prompts for a model are forgotten."""
        self.masks.ask(None)
        self._clear()
        easel = self._controller.easel
        if TOOLS[easel.tool].info.assisted and easel.state != TOOLS[easel.tool].idle:
            self._do(ChooseTool(easel.tool))

    def decide(self, what: str) -> list[Order]:
        """Carry out a decision: `accept`, `discard` or `cancel`."""
        match what:
            case "accept":
                self.accept()
            case "discard":
                self.discard()
            case "cancel":
                self.cancel()
            case "shrink" | "grow":
                self._step(1 if what == "grow" else -1)
            case _:
                raise Refused(f"{what!r} cannot be done with a suggestion.", "Accept or discard it.")
        return []

    def _clear(self) -> None:
        self._number += 1
        self._take(self._number, "")

    def _step(self, by: int) -> None:
        if not any(source.step(by) for source in self._sources):
            raise Refused("There is no outline to change.", "Click on a lesion first.")
        self._follow()

    def ask(self, edit: MaskEdit) -> None:
        """Suggest the result of an operation on an annotation."""
        self.masks.ask(edit)
        self._state = None
        self._follow()

    def choose(self, index: int) -> None:
        """Show one of the choices of a suggestion instead of all of it; 0: all."""
        if self._whole is not None:
            part = self._whole.choices[index - 1][1] if index else None
            if isinstance(part, MaskPart):
                self.current = replace(self._whole, parts=(part,))
            else:
                self.current = self._whole if part is None else replace(self._whole, objects=(part,))
            self._draw(self._preview.show(self.current))

    def point_at(self, at: Vector | None) -> None:
        """Say what a click at a point (patient mm) would give."""
        for source in self._sources:
            source.point_at(at)
        self._follow()

    def seen(self, number: int) -> None:
        """Take note that a page shows the suggestion of this number."""
        self._seen = number

    def close(self) -> None:
        """Suggest nothing any more."""
        self._clear()
        self._closed = True
        self.display.close()
        self._thread.shutdown(wait=False)


def suggestions_for(
    controller: Controller,
    toolbar: w.HBox,
    decide: Callable[[str], None],
    draw: Callable[[Sequence[Order]], None],
    do: Callable[[Entry], None],
    models: Sequence[str] = (),
    ask: Ask | None = None,
) -> Suggestions:
    """Return the suggestions of all tools for a viewer; none where nothing can be drawn.

    Parameters
    ----------
    controller
        Controller of the viewer.
    toolbar
        Gets the menu of operations.
    decide
        Called with `accept`, `discard` or `cancel` when a button is pressed.
    draw, do
        Carries out orders; applies an entry.
    models, ask
        Names of the model servers that may be asked; asks one.
    """
    easel, plan = controller.easel, controller.plan
    sources: list[Source] = [] if controller.why_not else [GrowCutSource(easel), ClickSource(easel, plan)]
    if sources and models and ask is not None:
        model = ModelSource(easel, plan, models, ask)
        sources.append(model)
        toolbar.children += (model.choice,)
    bar = SuggestionBar(easel, decide)
    made = Suggestions(controller, sources, bar, draw, do)
    bar.on_choice = made.choose
    for source in sources:
        if isinstance(source, ModelSource):
            source.choice.observe(lambda change: made.follow(), "value")
    toolbar.children += (made.menu.widget, made.menu.size)
    return made


def _safely(work: Work, go_on: Callable[[float], bool]) -> Result:
    """Do the work; a refusal becomes what the user reads."""
    try:
        return work(go_on)
    except EciError as error:
        return plain(error)
