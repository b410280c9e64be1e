"""No page shows Python: every remedy in the package becomes words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from eci_annotate import errors
from eci_annotate.errors import EciError, Refused
from eci_annotate.viewer.plain_error import plain, plain_remedy

PACKAGE = Path(errors.__file__).parent
ELSEWHERE = {"cli", "hub", "userservers", "demo"}  # no page of the viewer shows their errors
PYTHON = re.compile(r"\w\(\w*\)|\w\(\w+=|\w=[\w'\"{.]|(^|\s)--\w|\b(True|False|None)\b|\brepo\.")
NAMES = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, EciError)}


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else ""


def remedies() -> Iterator[str]:
    """Every remedy that the code states as a literal."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if ELSEWHERE & set(path.relative_to(PACKAGE).parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
                yield from (text_of(each) for each in node.args[1:2])
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "remedy":
                yield text_of(node.value)


def test_no_remedy_on_a_page_is_python() -> None:
    found = [text for text in remedies() if text]
    assert len(found) > 150 and sum(bool(PYTHON.search(text)) for text in found) > 15
    shown = [plain_remedy(Refused("It was refused.", text)) for text in found]
    assert [text for text in shown if PYTHON.search(text)] == []


@pytest.mark.parametrize(("remedy", "shown"), [
    ("Sign with verdict='accept' or verdict='reject'.", "Choose Accept or Reject."),
    ("Call worklist() for your tasks.", "Choose a task in the list."),
    ("Name one: volume(series_uid=...).", "Choose a series in the list on the left."),
    ("Draw again.", "Draw again."),
    ("", ""),
])  # fmt: skip
def test_what_a_page_says(remedy: str, shown: str) -> None:
    assert plain(Refused("It was refused.", remedy)) == f"It was refused. {shown}".strip()
