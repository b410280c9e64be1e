"""Findings: what is wrong with a definition, each with its remedy."""

from __future__ import annotations

from collections.abc import Iterable

Finding = tuple[str, str]


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that are listed twice or more, each once, in their order."""
    listed = list(names)
    return [name for name in dict.fromkeys(listed) if listed.count(name) > 1]
