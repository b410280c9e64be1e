"""Who works here, in which projects, and the way out: a hospital's workstations are shared."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import ipywidgets as w

if TYPE_CHECKING:
    from eci_annotate.repository.backend import Backend

SERVICE = "services/eci/"
HELP = (
    ("Open", "takes a task; it is yours until the time shown, and longer while you work."),
    ("Saving", "happens while you draw. Back to the list keeps your work as a draft."),
    ("Sign …", "makes a version that cannot be changed. A next version corrects it."),
    ("?", "over the images shows all keys and mouse actions."),
)


def hub_links(env: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses of the hub's pages by name; empty outside a hub."""
    base = env.get("JUPYTERHUB_BASE_URL", "")
    if not base:
        return {}
    root = f"{env.get('JUPYTERHUB_HOST', '')}{base.rstrip('/')}/"
    return {
        "Projects": f"{root}{SERVICE}",
        "My signature": f"{root}{SERVICE}factors",
        "Log out": f"{root}hub/logout",
    }


def account_bar(backend: Backend, env: Mapping[str, str] = os.environ) -> w.HTML:
    """Return name, projects, help and the hub's links as a widget."""
    name = html.escape(backend.account.actor.name)
    projects = html.escape(", ".join(backend.account.projects()))
    rows = "".join(f"<dt>{html.escape(what)}</dt><dd>{html.escape(words)}</dd>" for what, words in HELP)
    links = "".join(
        f"<a href='{html.escape(address, quote=True)}' target='_top' class='{_look(title)}'>{title}</a>"
        for title, address in hub_links(env).items()
    )
    bar = w.HTML(
        f"<div class='eci-account'><span><b>{name}</b> · {projects}</span>"
        f"<details><summary>Help</summary><dl>{rows}</dl></details>{links}</div>"
    )
    bar.add_class("eci-account-bar")
    return bar


def _look(title: str) -> str:
    return "eci-log-out" if title == "Log out" else ""
