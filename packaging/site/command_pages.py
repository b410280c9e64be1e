"""Reference pages of the commands, written from their parsers: usage, help, arguments and options of each."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

import typer


def parser_of(app: typer.Typer) -> Any:
    """Return the command that typer makes of an application."""
    return typer.main.get_command(app)


def commands_of(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every command below this one with the words that call it, groups included."""
    yield path, command
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from commands_of(inner, (*path, name))


def command_page(app: typer.Typer, name: str) -> str:
    """Write the page of one program.

    Parameters
    ----------
    app
        The program.
    name
        What users type.
    """
    parts = [f"# {name}\n\nWritten from the program's own parser; `{name} COMMAND --help` says the same.\n"]
    for path, command in commands_of(parser_of(app), (name,)):
        if len(path) > 1 and not command.hidden:
            parts.append(_section(path, command))
    return "\n".join(parts)


def parsers_of(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Give a parser of argparse and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from parsers_of(inner)


def proxy_page(parser: argparse.ArgumentParser) -> str:
    """Write the page of a program whose parser is argparse's."""
    parts = [f"# {parser.prog}\n\nWritten from the program's own parser.\n"]
    for each in parsers_of(parser):
        each.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
        title = "" if each is parser else f"## {each.prog}\n\n"
        parts.append(f"{title}```\n{each.format_help().strip()}\n```\n")
    return "\n".join(parts)


def _section(path: tuple[str, ...], command: Any) -> str:
    level = "##" if len(path) == 2 else "###"
    lines = [f"{level} {' '.join(path)}", "", _escaped(command.help or ""), ""]
    if getattr(command, "commands", None) is not None:
        return "\n".join(lines)
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    usage = [*path, *(_argument(each) for each in arguments), *(["[OPTIONS]"] if options else [])]
    lines += ["```", " ".join(usage), "```", ""]
    rows = [(f"`{_argument(each)}`", getattr(each, "help", "") or "") for each in arguments]
    rows += [(_option(each), each.help or "") for each in options]
    if rows:
        lines += ["| | |", "| --- | --- |", *(f"| {left} | {_escaped(text)} |" for left, text in rows), ""]
    return "\n".join(lines)


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    name = f"{name}..." if parameter.nargs == -1 else name
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{each}`" for each in [*parameter.opts, *parameter.secondary_opts])
    shown = parameter.default
    if parameter.is_flag or shown in (None, "", [], ()) or callable(shown):
        return names
    return f"{names} (default `{getattr(shown, 'value', shown)}`)"


def _escaped(text: str) -> str:
    return re.sub(r"([<>|*_])", r"\\\1", " ".join(text.split()) if "\n\n" not in text else text.strip())
