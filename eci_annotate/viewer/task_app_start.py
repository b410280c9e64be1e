"""The start of the task app: opens the repository, shows why if that fails, and retries until it succeeds.

Users who are not members yet, or arrive while the service restarts, see a message with a remedy and need not reload.
"""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets as w

from eci_annotate.errors import EciError
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.viewer.plain_error import plain_remedy
from eci_annotate.viewer.session.event_loop import every
from eci_annotate.viewer.task_app import TaskApp

AGAIN_S = 10.0


def work(repository: Repository | None = None, *, height: str = "var(--eci-tall)", subject: str = "") -> w.Widget:
    """Show the task app: choose a task in the list, work on it, sign, continue with the next one.

    Parameters
    ----------
    repository
        From `eci.open(...)`; by default what `eci.open()` opens, as soon as it can be opened.
    height
        CSS height of the panes; by default fitted to the page.
    subject
        Open the task of this subject at once, in its hanging protocol; else its newest signed version.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> widget = eci.work(repo)
    """
    return Arrival(open if repository is None else lambda: repository, height, subject).widget


class Arrival:
    """A message until the repository is open, then the task app.

    Attributes
    ----------
    widget
        Widget to display in a notebook or Voilà.
    app
        The task app, once it is open.
    """

    def __init__(self, opening: Callable[[], Repository], height: str, subject: str = "") -> None:
        self.opening, self.height, self.subject = opening, height, subject
        self.app: TaskApp | None = None
        self.widget = w.VBox([])
        if self._try():
            every(AGAIN_S, self._try)

    def _try(self) -> bool:
        """Return whether to try again."""
        if self.widget.comm is None:
            return False
        try:
            self.app = TaskApp(self.opening(), self.height, self.subject)
        except EciError as error:
            self.widget.children = [w.HTML(_said(error))]
            return True
        self.widget.children = [self.app.widget]
        return False


def _said(error: EciError) -> str:
    return (
        "<div style='margin:2em 1em; font-size:115%' role='alert'><h2>Not available yet</h2>"
        f"<p><b>{html.escape(error.what)}</b> {html.escape(plain_remedy(error))}</p>"
        "<p>This page continues automatically.</p></div>"
    )
