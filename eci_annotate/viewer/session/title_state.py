"""The words at the top right of a task: how long it is leased, and whether all is saved."""

from __future__ import annotations

import html

import ipywidgets as w


class TitleState:
    """Shows one line of a fixed width while something can be drawn, so that the images below do not move."""

    def __init__(self) -> None:
        self.widget = w.HTML()
        self.widget.add_class("eci-live")

    def show(self, lease: str, saved: str, urgent: bool) -> None:
        """Show the lease, as a warning if it is short, and the state of saving; empty: nothing is saved here."""
        words = f"<span class='eci-warned'>{lease}</span>" if urgent else lease
        self.widget.value = f"{words} · {saved}" if saved else words

    def end(self, why: str) -> None:
        """Show why nothing can be drawn any more, in as many lines as it needs."""
        self.widget.remove_class("eci-live")
        self.widget.value = f"<span class='eci-problem'>{html.escape(why)}</span>"

    def sign(self, said: str) -> None:
        """Show that the task is signed."""
        self.widget.value = f"<b class='eci-good'>✓ {html.escape(said)}</b>"
