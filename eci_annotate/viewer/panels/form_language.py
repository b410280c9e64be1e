"""The language of form and manual: that of the browser, until one is chosen; then that one, also for the next task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as w

from eci_annotate.workflow.translation import ENGLISH, language_for, name_of

_kept: list[str] = []  # the language chosen in this kernel, which serves one person


class LanguageMenu:
    """A menu of languages; hidden where there is English only.

    Parameters
    ----------
    languages
        Those beside English.
    speak
        Called with the language whenever it changes.
    """

    def __init__(self, languages: Sequence[str], speak: Callable[[str], None]) -> None:
        self._languages, self._speak, self._by_hand = languages, speak, True
        options = [(name_of(each), each) for each in (ENGLISH, *languages)]
        self.widget = w.Dropdown(options=options, value=ENGLISH, layout=w.Layout(width="auto"))
        self.widget.tooltip = "Language of form and manual"
        self.widget.layout.display = "" if languages else "none"
        self.widget.add_class("eci-language")
        self.widget.observe(lambda change: self._changed(change["new"]), "value")

    def begin(self) -> None:
        """Choose the language that was chosen for the task before."""
        if _kept and _kept[0] in self._languages:
            self._set(_kept[0])

    def suggest(self, browser: str) -> None:
        """Choose the browser's language, unless one was chosen before."""
        if not _kept and browser:
            self._set(language_for(browser, self._languages))

    def _set(self, language: str) -> None:
        self._by_hand = False
        self.widget.value = language
        self._by_hand = True

    def _changed(self, language: str) -> None:
        if self._by_hand:
            _kept[:] = [language]
        self._speak(language)
