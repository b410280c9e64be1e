"""Annotation objects that came with the images: outlines over them, a comparison with the draft, and taking over."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import ipywidgets as w

from eci_annotate.errors import EciError
from eci_annotate.repository.external.adopt_annotations import adoption_entries
from eci_annotate.repository.external.compare_objects import compared
from eci_annotate.repository.external.study_objects import StudyObject
from eci_annotate.repository.task import Task
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Adopt
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.ink.layer import Layer
from eci_annotate.viewer.stage.orders import Order


class ObjectRow:
    """One object: its title, what of it cannot be read, an eye and two buttons.

    Parameters
    ----------
    found
        The object.
    task, controller
        The task, and the viewer that shows its outlines.
    do, draw
        Apply an entry, carry out orders.
    """

    def __init__(
        self,
        found: StudyObject,
        task: Task,
        controller: Controller,
        do: Callable[[Adopt], None],
        draw: Callable[[Sequence[Order]], None],
    ) -> None:
        self.found, self._task, self._controller = found, task, controller
        self._do, self._draw = do, draw
        self._entries: list[Adopt] | None = None
        self._layer: Layer | None = None
        size = w.Layout(width="42px")
        self.eye = w.ToggleButton(value=False, icon="eye-slash", layout=size, tooltip="Show its outlines")
        self.compare = w.Button(icon="balance-scale", layout=size, tooltip="Compare with your draft")
        self.take = w.Button(icon="hand-grab-o", layout=size, tooltip="Take over into your draft")
        self.eye.disabled = self.compare.disabled = self.take.disabled = bool(found.problem)
        if controller.why_not:
            self.take.disabled, self.take.tooltip = True, controller.why_not
        self.eye.observe(lambda change: self._reveal(change["new"]), "value")
        self.compare.on_click(lambda _: self._compare())
        self.take.on_click(lambda _: self._take())
        self.text, self.comparison = w.HTML(), w.HTML()
        head = w.HTML(html.escape(found.title), layout=w.Layout(flex="1 1 auto"))
        self.widget = w.VBox([w.HBox([head, self.eye, self.compare, self.take]), self.text, self.comparison])
        self._say([f"{found.title} cannot be shown: {found.problem}"] if found.problem else found.notes)

    def _say(self, lines: Sequence[str]) -> None:
        self.text.value = "".join(f"<div class='eci-problem'>{html.escape(line)}</div>" for line in lines)

    @property
    def entries(self) -> list[Adopt]:
        """What can be shown and taken over; what cannot is named below the title."""
        if self._entries is None:
            self._entries, lines = [], list(self.found.notes)
            for each in self.found.annotations:
                try:
                    self._entries += adoption_entries(self._task, [each], self.found.source)
                except EciError as error:
                    lines.append(f"{each.label or 'An annotation'} is left out: {plain(error)}")
            self._say(lines)
        return self._entries

    def _reveal(self, shown: bool) -> None:
        self.eye.icon = "eye" if shown else "eye-slash"
        painter, layer = self._controller.painter, self._outlines()
        if layer not in painter.others:
            painter.others.insert(0, layer)
        layer.shown = shown
        orders = painter.again()
        self._draw([*orders, *self._controller.drawn(orders), *painter.echoes_of_others()])

    def _compare(self) -> None:
        """Say how much each annotation differs from what is drawn now."""
        own = self._controller.easel.table
        pairs = compared(
            self._outlines().easel.table.annotations(), own.annotations(), lambda uid: own.sheet_of(uid).volume
        )
        self.comparison.value = "".join(f"<div>{html.escape(each.words)}</div>" for each in pairs)

    def _outlines(self) -> Layer:
        if self._layer is None:
            self._layer = self._made()
        return self._layer

    def _made(self) -> Layer:
        own = self._controller.easel
        easel = Easel(lambda uid: own.table.sheet_of(uid).volume)
        easel.table.share(own.table)
        for entry in self.entries:
            easel.do(entry)
        easel.table.active = None
        return Layer(easel, f"object {self.found.source}", outlined=True)

    def _take(self) -> None:
        for entry in self.entries:
            self._do(entry)


def object_rows(
    task: Task, controller: Controller, do: Callable[[Adopt], None], draw: Callable[[Sequence[Order]], None]
) -> list[ObjectRow]:
    """Return a row for each object that came with a task's images."""
    return [ObjectRow(each, task, controller, do, draw) for each in task.objects()]
