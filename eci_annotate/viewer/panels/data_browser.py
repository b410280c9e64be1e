"""The data browser: studies and their series with a picture and the reason why each is shown or left out."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets as w
import xarray as xr
from PIL import Image as Picture

from eci_annotate.archive.protocol import Series, Study, study_ages
from eci_annotate.dicom.annotation_objects import NO_IMAGES
from eci_annotate.errors import EciError
from eci_annotate.imaging.display import picture_of
from eci_annotate.imaging.measurements import Unit, unit_of
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.workflow.usecase.hanging import Hanging

THUMB_PX = 72


def thumbnail(volume: xr.DataArray) -> bytes:
    """Return the middle slice as a small PNG."""
    picture = Picture.fromarray(picture_of(volume, volume.sizes["k"] // 2))
    picture.thumbnail((THUMB_PX, THUMB_PX))
    return _png(picture)


def _png(picture: Picture.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def reasons(hanging: Hanging | None) -> dict[str, str]:
    """Return by series, in words, why it was placed or left out."""
    if hanging is None:
        return {}
    placed = {p.series_uid: f"{p.title}: {'; '.join(p.reasons)}" for p in hanging.placed}
    kept = {uid: f"{title}: kept there by you" for uid, title in _kept(hanging).items()}
    return {**placed, **_left_out(hanging), **kept}


def series_titles(studies: Sequence[Study], hanging: Hanging | None) -> dict[str, str]:
    """Return by series what people call it: the title of its slot, else its description."""
    described = {series.series_uid: series.description for study in studies for series in study.series}
    if hanging is None:
        return described
    return {**described, **{each.series_uid: each.title for each in hanging.placed}, **_kept(hanging)}


def full_titles(studies: Sequence[Study], hanging: Hanging | None) -> dict[str, str]:
    """Return the titles of series with their study, where there are several: no prior one is taken for the current."""
    titles = series_titles(studies, hanging)
    words = study_words(studies)
    numbers = {series.series_uid: series.number for study in studies for series in study.series}
    return titles | {uid: f"{titles.get(uid) or f'series {numbers[uid]}'} ({said})" for uid, said in words.items()}


def study_words(studies: Sequence[Study]) -> dict[str, str]:
    """Return for each series whether its study is prior or current, and its date; empty if there is one study only."""
    if len(studies) < 2:
        return {}
    ages = zip(studies, study_ages(studies), strict=True)
    words = [(study, f"{age} study {_date(study.date)}".strip()) for study, age in ages]
    return {series.series_uid: said for study, said in words for series in study.series}


def _kept(hanging: Hanging) -> dict[str, str]:
    """Return the title of the slot in which the user keeps each series."""
    titles = {choice.slot: choice.title for choice in hanging.choices}
    return {uid: titles.get(slot, slot) for slot, uid in hanging.chosen.items()}


def _left_out(hanging: Hanging) -> dict[str, str]:
    return {p.series_uid: f"Left out: {'; '.join(p.reasons)}" for p in hanging.left_out}


def _date(text: str) -> str:
    """Convert DICOM's `20260131` to `2026-01-31`."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text


def limits_of(volume: xr.DataArray) -> str:
    """Return what positions and sizes in a volume do not mean, in words; empty for a usual volume."""
    unit = unit_of(volume)
    if not unit.is_placed:
        return f"Projection: sizes are in {'pixels' if unit is Unit.PIXEL else unit}."
    if unit is Unit.PLANE:
        return "One slice of unknown thickness: it has no volume."
    if volume.attrs.get("private_frame"):
        return "No frame of reference: positions hold in this series only."
    return ""


class SeriesCard:
    """One series."""

    def __init__(self, series: Series, why: str, show: Callable[[str], None]) -> None:
        self.series, self._facts, self.limits, self.why = series, _facts(series), "", ""
        size = w.Layout(min_width=f"{THUMB_PX}px")
        self.pictured = False
        self.picture = w.Image(
            value=_png(Picture.new("L", (1, 1))), format="png", width=THUMB_PX, height=THUMB_PX, layout=size
        )
        name = series.description or f"Series {series.number}"
        self.button = w.Button(description=name, tooltip=why or name, layout=w.Layout(width="auto"))
        self.text = w.HTML()
        self.say(why)
        side = w.VBox([self.button, self.text], layout=w.Layout(flex="1 1 auto", overflow="hidden"))
        self.widget = w.HBox([self.picture, side])
        self.widget.add_class("eci-series")
        self.button.on_click(lambda _: show(series.series_uid))

    def say(self, why: str) -> None:
        """Show a reason below the facts."""
        self.why = why
        lines = (self._facts, self.limits, why)
        text = "<br>".join(html.escape(line) for line in lines if line)
        self.text.value = f"<div class='eci-facts' data-series='{html.escape(self.series.series_uid)}'>{text}</div>"

    def picture_from(self, volume: xr.DataArray) -> None:
        """Show the volume's middle slice, once."""
        if not self.pictured:
            self.pictured, self.picture.value = True, thumbnail(volume)
            self.limits = limits_of(volume)
            self.say(self.why)

    def refuse(self, why: str) -> None:
        """Show why this series cannot be displayed."""
        self.button.disabled = True
        self.say(why)


def derived_words(modalities: Sequence[str]) -> str:
    """Return how many structure sets and reports a study holds; they cannot be drawn on."""
    kinds = ", ".join(dict.fromkeys(modalities))
    return f"and {len(modalities)} derived object{'s' if len(modalities) != 1 else ''} ({kinds})"


def registration_lines(registrations: Sequence[Registration], problems: Sequence[str]) -> list[w.HTML]:
    """Return the registrations in use, by name, and what to know of those that cannot be read."""
    names = dict.fromkeys(each.name for each in registrations)
    lines = [w.HTML(f"<span class='eci-facts'>Registration in use: {html.escape(name)}</span>") for name in names]
    return [*lines, *(w.HTML(f"<div class='eci-problem'>{html.escape(text)}</div>") for text in problems)]


def _facts(series: Series) -> str:
    return f"{series.modality}, {series.instances} image{'s' if series.instances != 1 else ''}"


class BrowserPanel:
    """All series of a subject."""

    def __init__(self, studies: Sequence[Study], hanging: Hanging | None, show: Callable[[str], None]) -> None:
        why = reasons(hanging)
        self.cards: dict[str, SeriesCard] = {}
        children: list[Any] = []
        for study in studies:
            title = html.escape(study.description or "Study")
            children.append(
                w.HTML(f"<b>{title}</b> <span style='white-space: nowrap'>{html.escape(_date(study.date))}</span>")
            )
            derived = [series.modality for series in study.series if series.modality in NO_IMAGES]
            for series in study.series:
                if series.modality in NO_IMAGES:
                    continue
                card = SeriesCard(series, why.get(series.series_uid, ""), show)
                self.cards[series.series_uid] = card
                children.append(card.widget)
            if derived:
                children.append(w.HTML(f"<span class='eci-facts'>{html.escape(derived_words(derived))}</span>"))
        if hanging is not None:
            children += [w.HTML(f"<i>{html.escape(text)}</i>") for text in hanging.missing]
        self.widget = w.VBox(children)
        self.widget.add_class("eci-browser")

    def add(self, widgets: Sequence[Any]) -> None:
        """Show more below the series."""
        self.widget.children = (*self.widget.children, *widgets)

    def mark(self, series_uid: str, volume: xr.DataArray | None = None) -> None:
        """Mark the series shown in the viewer; with its volume also add its picture."""
        for uid, card in self.cards.items():
            card.button.button_style = "primary" if uid == series_uid else ""
        if volume is not None and series_uid in self.cards:
            self.cards[series_uid].picture_from(volume)

    def fill(self, volume_of: Callable[[str], xr.DataArray], post: Callable[[Callable[[], None]], object]) -> None:
        """Create missing pictures; runs in the background, and posts what should be shown."""
        for uid, card in self.cards.items():
            if card.pictured:
                continue
            try:
                post(partial(card.picture_from, volume_of(uid)))
            except EciError as error:
                post(partial(card.refuse, f"Cannot be shown: {error.what}"))
