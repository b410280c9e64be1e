"""Commands for whoever runs a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import say, show
from eci_annotate.errors import Refused

hub = typer.Typer(help="A hub's accounts.", no_args_is_help=True)


@hub.callback()
def main() -> None:
    """Keep `account` a command of its own."""


@hub.command()
def account(
    names: Annotated[list[str], typer.Argument(help="The names that the project's members have.")],
    state: Annotated[Path, typer.Option(help="The hub's state folder.", envvar="ECI_HUB_STATE")],
    database: Annotated[str, typer.Option(help="URL of the hub's database; by default in the state folder.")] = "",
) -> None:
    """Create accounts with generated passwords, or reset the passwords of existing ones. Hand each over once."""
    if not database and not state.is_dir():
        raise Refused(f"No hub found in {state}.", "Give --state, the folder of the hub's settings.")
    from eci_annotate.userservers.accounts import make_accounts

    made = make_accounts(database or f"sqlite:///{state.resolve()}/hub.sqlite", dict.fromkeys(names))
    show("Accounts", ["name", "password"], [list(pair) for pair in made.items()])
    say("Add the people to a project next: eci-annotate member add")
