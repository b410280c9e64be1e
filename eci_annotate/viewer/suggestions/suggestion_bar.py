"""The line below the toolbar: what a tool suggests, how far it is, and the buttons to accept, discard or cancel."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as w
import numpy as np

from eci_annotate.imaging.measurements import extent_in_words, unit_of
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.suggestion import Suggestion


def _button(text: str, icon: str, tooltip: str, style: str = "") -> w.Button:
    return w.Button(
        description=text,
        icon=icon,
        tooltip=tooltip,
        button_style=style,
        layout=w.Layout(width="100px", flex="0 0 auto", display="none"),
    )


def sizes_of(suggestion: Suggestion, easel: Easel) -> str:
    """Return the labels and volumes of what is suggested, as in ``lesion 1: 3.2 ml``."""
    sheet = easel.table.sheet_of(suggestion.series_uid)
    voxel_mm3, unit = sheet.grid.voxel_mm3, unit_of(sheet.volume)
    known = {**easel.table.objects, **({suggestion.adds.uid: suggestion.adds} if suggestion.adds else {})}
    words = [
        f"{known[p.uid].label or 'annotation'}: {extent_in_words(np.count_nonzero(p.voxels) * voxel_mm3, unit)}"
        for p in suggestion.parts
        if p.uid in known
    ]
    return ", ".join(
        [
            *words,
            *(
                f"{t.label}: {extent_in_words(t.volume_mm3, unit)}"
                for t in suggestion.objects
                if hasattr(t, "volume_mm3")
            ),
        ]
    )


class SuggestionBar:
    """Shows the state of suggestions in a line that is always there, so that the images below keep their place.

    Parameters
    ----------
    easel
        Source of labels and grids.
    decide
        Called with `accept`, `discard` or `cancel`.
    """

    def __init__(self, easel: Easel, decide: Callable[[str], None]) -> None:
        self._easel = easel
        self.text = w.HTML()
        self.progress = w.FloatProgress(min=0, max=1, layout=w.Layout(width="140px", display="none"))
        self.accept = _button("Accept", "check", "Accept the outline (Enter)", "success")
        self.discard = _button("Discard", "times", "Discard the outline (Backspace)")
        self.cancel = _button("Cancel", "stop", "Stop computing")
        for button, what in ((self.accept, "accept"), (self.discard, "discard"), (self.cancel, "cancel")):
            button.on_click(lambda _, what=what: decide(what))
        self.choice = w.Dropdown(layout=w.Layout(width="200px", display="none"), tooltip="Accept all of it, or a part")
        self.choice.observe(lambda change: self.on_choice(change["new"] or 0), "index")
        self.on_choice: Callable[[int], None] = lambda index: None
        self.widget = w.HBox([self.text, self.progress, self.choice, self.accept, self.discard, self.cancel])
        self.widget.layout = w.Layout(align_items="center", min_height="32px", max_height="32px", display="flex")
        self.widget.add_class("eci-suggestion")

    def _show(self, text: str, decide: bool = False, computing: bool = False) -> None:
        self.text.value = text
        for part, shown in (
            (self.accept, decide),
            (self.discard, decide),
            (self.progress, computing),
            (self.cancel, computing),
        ):
            part.layout.display = "" if shown else "none"
        self.choice.layout.display = "none"

    def waiting(self, share: float) -> None:
        """Show that a result is being computed, and how far it is (0..1)."""
        self.progress.value = share
        self._show("Computing …", computing=True)

    def result(self, suggestion: Suggestion) -> None:
        """Show what there is to decide."""
        note = f" <span class='eci-warned'>{html.escape(suggestion.note)}</span>" if suggestion.note else ""
        if suggestion.choices:
            self.choice.options = ["All gaps", *(title for title, _ in suggestion.choices)]
        self._show(f"{html.escape(sizes_of(suggestion, self._easel))}{note}", decide=True)
        self.choice.layout.display = "" if suggestion.choices else "none"

    def says(self, text: str) -> None:
        """Show what the user should add; empty: nothing is suggested."""
        self._show(html.escape(text))

    def close(self) -> None:
        """Disable the buttons."""
        for button in (self.accept, self.discard, self.cancel):
            button.disabled = True
