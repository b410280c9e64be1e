"""The documentation says what exists: commands, options and names; the site builds and loads nothing from elsewhere."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import eci_annotate
from eci_annotate.cli import app
from eci_annotate.proxy.cli.command_line import argument_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts),
        *(ROOT / "forms").rglob("*.md"),
    ]
)
FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```$", re.M | re.S)
EXTERNAL = re.compile(
    r"""<(?:script|img|iframe|source)[^>]+src="?(?:https?:)?//|<link[^>]+stylesheet[^>]+href="?(?:https?:)?//"""
)


def code_of(text: str) -> Iterator[str]:
    """Lines of code blocks, and code spans."""
    for block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCE.sub("", text)))


def command_lines(text: str, program: str) -> Iterator[list[str]]:
    """Words after the program's name, up to a comment or the description beside it."""
    for code in code_of(text):
        for line in re.findall(rf"(?:^|[\s/(]){program} (?! )(.*)", code):
            yield re.split(r"\s{2,}|\s#|[;&]| \|", line)[0].split()


def unknown(words: list[str], command: Any, inner: Any, options: Any) -> list[str]:
    """What of a command line the parser does not know."""
    wrong = []
    while words and inner(command):
        choices = words[0].split("|")
        wrong += [each for each in choices if each not in inner(command) and re.fullmatch("[a-z][a-z-]*", each)]
        if choices[0] not in inner(command):
            return wrong
        command, words = inner(command)[choices[0]], words[1:]
    named = {word.split("=")[0].rstrip(".,:)]") for word in words if word.startswith("--")}
    return wrong + sorted(named - options(command) - {"--help"})


def click_options(command: Any) -> set[str]:
    return {name for each in command.params for name in [*each.opts, *each.secondary_opts]}


def argparse_commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    kinds = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return {name: inner for kind in kinds for name, inner in kind.choices.items()}


def argparse_options(parser: argparse.ArgumentParser) -> set[str]:
    return {name for action in parser._actions for name in action.option_strings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_name_on_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    ours, proxy = typer.main.get_command(app), argument_parser()
    found = [
        (" ".join(words), wrong)
        for words in command_lines(text, "eci-annotate")
        if (wrong := unknown(words, ours, lambda c: getattr(c, "commands", {}), click_options))
    ]
    found += [
        (" ".join(words), wrong)
        for words in command_lines(text, "eci-proxy")
        if (wrong := unknown(words, proxy, argparse_commands, argparse_options))
    ]
    assert found == []
    names = {name for code in code_of(text) for name in re.findall(r"(?<![\w./-])eci\.([A-Za-z_]\w*)(?!\.|\w)", code)}
    assert names - set(eci_annotate.__all__) - {"json"} == set()
    targets = {
        line.split(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if re.match(r"[a-z]+:", line)
    }
    asked = {word for code in code_of(text) for word in re.findall(r"^make ([a-z]+)\b", code)}
    assert asked - targets == set()


def test_a_command_that_does_not_exist_is_seen() -> None:
    ours = typer.main.get_command(app)
    block = "```\neci-annotate held lost demo\neci-annotate export demo out --nothing x     words\n```\n"
    text = f"{block} and `eci-annotate fly`"
    wrong = [
        unknown(words, ours, lambda c: getattr(c, "commands", {}), click_options)
        for words in command_lines(text, "eci-annotate")
    ]
    assert wrong == [["lost"], ["--nothing"], ["fly"]]


def test_the_index_lists_every_decision() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\d{4}-[^)]+)\)", (folder / "README.md").read_text())
    assert sorted(listed) == sorted(p.name for p in folder.glob("0*.md"))


@pytest.mark.walk
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [Path(sys.executable).parent / "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"]
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    env = {**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert {str(p.relative_to(tmp_path / "site")) for p in pages if EXTERNAL.search(p.read_text())} == set()
    python = (tmp_path / "site" / "reference" / "python.html").read_text()
    assert all(f"eci.{name}" in python for name in set(eci_annotate.__all__) - {"__version__"})
    assert "--include-pending" in (tmp_path / "site" / "reference" / "command-line.html").read_text()
