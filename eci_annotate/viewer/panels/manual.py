"""The manual of a use case beside the images: a button that opens it, and the page."""

from __future__ import annotations

import html

import ipywidgets as w
import mistune


class _Renderer(mistune.HTMLRenderer):
    """Shows pictures that are part of the text only: a page asks no other host."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return a picture, or its description."""
        return super().image(text, url, title) if url.startswith("data:image/") else html.escape(text)


to_html = mistune.create_markdown(renderer=_Renderer(escape=True))


class Manual:
    """A manual; it is shown while its button is pressed.

    Parameters
    ----------
    text
        Markdown; HTML inside is shown as text.
    """

    def __init__(self, text: str) -> None:
        layout = w.Layout(width="auto", display="" if text else "none")
        self.button = w.ToggleButton(description="Manual", icon="book", tooltip="How this task is done", layout=layout)
        self.page = w.HTML(layout=w.Layout(display="none"))
        self.page.add_class("eci-manual")
        self._text = text
        self.button.observe(lambda change: self._show(change["new"]), "value")

    def say(self, text: str) -> None:
        """Show another text, such as that of another language."""
        self._text, self.page.value = text, ""
        self._show(self.button.value)

    def _show(self, shown: bool) -> None:
        if shown and not self.page.value:
            self.page.value = f"<div role='document'>{to_html(self._text)}</div>"
        self.page.layout.display = "" if shown else "none"
