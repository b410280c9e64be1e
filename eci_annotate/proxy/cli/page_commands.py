"""`eci-proxy page`: the users of the local page, which is a part of `eci-proxy run` from the first user on."""

from __future__ import annotations

import argparse
import getpass

from eci_annotate.errors import BadRequest
from eci_annotate.proxy.cli import site_setup
from eci_annotate.proxy.cli.terminal_output import print_line, print_table


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add these commands to the command line."""
    text = "Users of the local page: set a password, list, delete. The page is a part of eci-proxy run."
    parser = commands.add_parser("page", help=text, description=text)
    kinds = parser.add_subparsers(required=True, metavar="ACTION")
    for name, action, text in (
        ("password", _password, "Add a user, or change a password; it is asked for at the terminal."),
        ("users", _users, "List the users."),
        ("delete", _delete, "Delete a user; their login ends at once."),
    ):
        kind = kinds.add_parser(name, help=text, description=text)
        if name != "users":
            kind.add_argument("name", help="small letters, digits, '.', '_' and '-'")
        kind.set_defaults(command=action)


def _password(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.page.page_service import users_of

    with site_setup.opened(chosen) as proxy:
        users, page = users_of(proxy), proxy.configuration.page
        is_first = not users.names()
        password = getpass.getpass(f"Password of {chosen.name}, 12 characters or more: ")
        if getpass.getpass("The same password again: ") != password:
            raise BadRequest("The two passwords differ.", "Try again.")
        users.set_password(chosen.name, password)
        scheme = "https" if page.certificate else "http"
        host = page.names[0] if page.names else page.host
        proxy.records.accessed(getpass.getuser(), "page password", "command", user=chosen.name)
    print_line(f"{chosen.name} may log in at {scheme}://{host}:{page.port}/")
    if is_first:
        print_line("This is the first user: restart the proxy, so that it opens the page.")


def _users(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.page.page_service import users_of

    with site_setup.opened(chosen) as proxy:
        names = users_of(proxy).names()
    if names:
        print_table(["user"], [[name] for name in names])
    else:
        print_line("The page has no user; it is off. Add one with: eci-proxy page password NAME")


def _delete(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.page.page_service import users_of

    with site_setup.opened(chosen) as proxy:
        users_of(proxy).delete(chosen.name)
        proxy.records.accessed(getpass.getuser(), "page user deleted", "command", user=chosen.name)
    print_line(f"Deleted {chosen.name}.")
