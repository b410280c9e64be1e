"""The layout of panels around the stage; nothing here knows what they do."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w

if TYPE_CHECKING:
    from eci_annotate.repository.task import Task

SIDE = "330px"
SECTIONS = {"eci-browser": "Images", "eci-list": "Annotations", "eci-form": "Report", "eci-sign": "Sign"}


def title_of(task: Task) -> str:
    """Return subject, task and version as HTML."""
    what = f"{html.escape(task.definition.title)}, version {task.version}"
    return f'<span title="{html.escape(task.subject)} · {what}"><b>{html.escape(task.subject)}</b> · {what}</span>'


def framed(
    title: str,
    state: Any,
    side: Sequence[Any],
    middle: Sequence[Any],
    menus: Sequence[Any] = (),
    beside: Sequence[Any] = (),
) -> w.VBox:
    """Lay out title and state at the top, panels at the left, tools and stages in the middle, texts at the right.

    Parameters
    ----------
    title
        Title as HTML, at the top left.
    state
        Widget at the top right.
    side
        Panels at the left.
    middle
        Tools and stages.
    menus
        Menus beside the title.
    beside
        Texts at the right of the stages, which may be hidden.
    """
    left = w.VBox([*section_links(side), *side], layout=w.Layout(width=SIDE, min_width=SIDE))
    left.add_class("eci-side")
    right = w.VBox(list(middle), layout=w.Layout(flex="1 1 auto", min_width="0"))
    fold = w.ToggleButton(icon="columns", tooltip="Hide or show the panel on the left", layout=w.Layout(width="36px"))
    fold.add_class("eci-fold")
    fold.observe(lambda change: _fold(left, change["new"]), "value")
    bar = w.HBox([w.HBox([fold, w.HTML(title), *menus]), state], layout=w.Layout(justify_content="space-between"))
    bar.add_class("eci-title")
    state.add_class("eci-state")
    main = w.HBox([left, right, *beside], layout=w.Layout(width="100%", align_items="stretch"))
    main.add_class("eci-main")
    whole = w.VBox([bar, main])
    whole.add_class("eci-app")
    return whole


def section_links(side: Sequence[Any]) -> list[w.HBox]:
    """Return a row of buttons, each leading to a section of the panel: long panels hide their lower ones."""
    kinds = [*dict.fromkeys(_kinds(side))]
    if len(kinds) < 2:
        return []
    row = w.HBox([_link(side, kind, SECTIONS[kind]) for kind in kinds])
    row.add_class("eci-links")
    return [row]


def _link(side: Sequence[Any], kind: str, title: str) -> w.Button:
    button = w.Button(description=title, tooltip=f"Go to: {title}", layout=w.Layout(width="auto", flex="1 1 auto"))
    button.on_click(lambda _: _go_to(_section(side, kind)))
    return button


def _go_to(section: Any) -> None:
    """Focus the first control that can be used, else the section itself: what is read only is read."""
    controls = _controls(section)
    if not controls:
        section.tabbable = False  # focus reaches it, Tab passes it over
    (controls or [section])[0].focus()


def _kinds(widgets: Sequence[Any]) -> Iterator[str]:
    """Yield the kinds of sections, in their order."""
    for each in widgets:
        yield from (kind for kind in each._dom_classes if kind in SECTIONS)
        yield from _kinds(getattr(each, "children", ()))


def _section(widgets: Sequence[Any], kind: str) -> Any | None:
    """Return the first widget of a class, at any depth."""
    for each in widgets:
        found = each if kind in each._dom_classes else _section(getattr(each, "children", ()), kind)
        if found is not None:
            return found
    return None


def _controls(widget: Any) -> list[Any]:
    """Return what can be used of a widget, in order."""
    if widget is None or widget.layout.display == "none":
        return []
    takes_keys = hasattr(widget, "disabled") and not isinstance(widget, w.ColorPicker)
    own = [widget] if takes_keys and not widget.disabled else []
    return own + [found for child in getattr(widget, "children", ()) for found in _controls(child)]


def _fold(panel: w.VBox, folded: bool) -> None:
    panel.layout.display = "none" if folded else ""


def close_all(widget: Any) -> None:
    """Close a widget and everything below it, in the browser too."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    widget.close()


def missing_part(missing: str) -> list[w.HTML]:
    """Return what says that a part of the draft cannot be read, for as long as the task is open."""
    if not missing:
        return []
    return [w.HTML(f"<div class='eci-warned' role='alert'>{html.escape(missing)}</div>")]
