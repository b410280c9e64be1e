"""The delta page: two signed versions side by side in linked stages, with differences as table, picture and form."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import new_uid
from eci_annotate.repository.analysis.annotation_pairs import studies_by_series
from eci_annotate.repository.analysis.delta import Delta
from eci_annotate.viewer.comparison.comparison_panel import ReadingsPanel
from eci_annotate.viewer.comparison.counterpart import reveal
from eci_annotate.viewer.comparison.form_delta import form_table
from eci_annotate.viewer.comparison.lesions import LesionDifference, lesions
from eci_annotate.viewer.comparison.ruler_differences import RulerDifference
from eci_annotate.viewer.comparison.side_stages import Strip
from eci_annotate.viewer.comparison.sides import Side, opened
from eci_annotate.viewer.panels.data_browser import full_titles
from eci_annotate.viewer.panels.layout import framed
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.stage.orders import Send

if TYPE_CHECKING:
    from eci_annotate.repository.task import Signed

LEGEND = "Blue: in both. Green: only in the second. Red: only in the first."


def compare(before: Signed, after: Signed, *, height: str = "72vh", tolerance_mm: float = 1.0) -> w.Widget:
    """Show two signed versions, or readers, of one subject side by side, with their differences.

    Parameters
    ----------
    before, after
        Versions of the same subject.
    height
        CSS height of the panes.
    tolerance_mm
        Tolerance of the surface Dice, millimetres.

    Raises
    ------
    Refused
        If they belong to different subjects, or neither contains annotations.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> imported = eci.import_folders(repo.backend, [folder / "dicom"], project="liver-ct", site="KAU")
    >>> from eci_annotate.demo.rehearsal import rehearse
    >>> first = rehearse(repo, kind="anisotropic", project="liver-ct", site="KAU")
    >>> second = repo.start(first.subject, "annotate", rerun=True).sign("I checked it again")
    >>> widget = eci.compare(first, second)
    """
    return ComparePage(before, after, height, tolerance_mm).widget


class ComparePage:
    """The comparison of two versions.

    Parameters
    ----------
    before, after
        Versions of the same subject.
    height
        CSS height of the panes.
    tolerance_mm
        Tolerance of the surface Dice, millimetres.

    Attributes
    ----------
    widget
        Widget to display in a notebook.
    delta
        The differences as tables.
    """

    def __init__(self, before: Signed, after: Signed, height: str, tolerance_mm: float) -> None:
        if (before.project, before.subject) != (after.project, after.subject):
            raise Refused("The versions belong to different subjects.", "Compare versions or readers of one subject.")
        self.sides = opened([before, after], titles(before, after))
        series = next((side.easel.table.series_uid for side in self.sides if side.easel.table.series_uid), "")
        if not series:
            raise Refused("Neither version contains annotations.", "Compare versions of annotations.")
        studies = before.studies()
        study_of = studies_by_series(studies)
        self.delta = Delta(self.sides[0], self.sides[1], before.volume, tolerance_mm, study_of)
        self.strip = Strip(self.sides, series, height, new_uid())
        self.series_uid = series
        self._overlaid()
        self.panel = ReadingsPanel("Differences", self.sides, (), self._reveal, self._look)
        self.panel.show(lesions(self.sides, before.volume, study_of), full_titles(studies, None))
        self.picture, self.legend = w.Image(format="png", width=300), w.HTML()
        self.picture.layout.display = "none"
        self.widget = self._laid_out(before)

    def _overlaid(self) -> None:
        """Let each stage show the outlines of the other side too."""
        self.overlay = w.ToggleButton(description="Outlines of the other", icon="clone", layout=w.Layout(width="auto"))
        self.overlay.layout.align_self = "flex-start"
        for stage, other in zip(self.strip.stages, reversed(self.sides), strict=True):
            other.layer.shown = False
            stage.controller.painter.others = [other.layer]
        self.overlay.observe(lambda change: self._overlay(change["new"]), "value")

    def _overlay(self, shown: bool) -> None:
        for stage, other in zip(self.strip.stages, reversed(self.sides), strict=True):
            stage.carry_out(reveal(stage.controller, other, shown))

    def _reveal(self, side: Side, shown: bool) -> None:
        side.layer.shown = shown

    def _laid_out(self, before: Signed) -> w.VBox:
        form = w.HTML(form_table(self.delta, self.sides))
        panels = [self.panel.widget, self.picture, self.legend, form]
        title = f"<b>{html.escape(before.subject)}</b> · {' and '.join(html.escape(s.title) for s in self.sides)}"
        return framed(title, w.HTML(), panels, [self.overlay, self.strip.widget])

    def _look(self, lesion: LesionDifference | RulerDifference) -> None:
        if lesion.series_uid != self.series_uid:
            self.series_uid = lesion.series_uid
            self.strip.turn_to(lesion.series_uid)
        self.strip.stages[0].carry_out([Send(look(focus=list(lesion.focus_lps)))])
        if isinstance(lesion, RulerDifference):
            self.picture.layout.display, self.legend.value = "none", ""
            return
        self.picture.value = _png(self.delta.picture(uid=next(each.uid for each in lesion.found if each)))
        self.picture.layout.display = ""
        self.legend.value = f"<div class='eci-facts'>{LEGEND}</div>"


def titles(before: Signed, after: Signed) -> list[str]:
    """Return titles that distinguish the two: the version if the task is the same, else the reader, else everything."""
    if before.task == after.task:
        return [f"Version {each.version} ({each.reader})" for each in (before, after)]
    if before.reader != after.reader:
        return [before.reader, after.reader]
    return [f"{each.task}, version {each.version}" for each in (before, after)]


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=80)
    return out.getvalue()
