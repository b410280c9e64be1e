"""`eci-proxy quarantine`: what was set aside and why; released by a person, run again by new rules, or deleted."""

from __future__ import annotations

import argparse
import getpass
from typing import TYPE_CHECKING

from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import Refused
from eci_annotate.proxy.cli import site_setup
from eci_annotate.proxy.cli.terminal_output import print_line, print_table

if TYPE_CHECKING:
    from eci_annotate.proxy.instance_queue import QueuedInstance
    from eci_annotate.proxy.proxy_service import Proxy


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add these commands to the command line."""
    text = "Instances that were set aside: list, release, retry, delete."
    parser = commands.add_parser("quarantine", help=text, description=text)
    kinds = parser.add_subparsers(required=True, metavar="ACTION")
    names = ", ".join(cause.name for cause in Cause)
    for name, action, text in (
        ("list", _list, "List them by number and cause."),
        ("release", _release, "De-identify and send them although they were set aside: somebody looked at them."),
        ("retry", _retry, "De-identify them again, after the policy has changed."),
        ("delete", _delete, "Delete them, originals included."),
    ):
        kind = kinds.add_parser(name, help=text, description=text)
        kind.add_argument("numbers", type=int, nargs="*", help="which ones; without numbers all of a cause")
        kind.add_argument("--cause", choices=[cause.name for cause in Cause], metavar="CAUSE", help=names)
        if name in ("release", "delete"):
            kind.add_argument("--reason", required=True, help="stored in the proxy's log of decisions; no names")
        kind.set_defaults(command=action)


def _chosen(proxy: Proxy, chosen: argparse.Namespace, everything: bool = False) -> list[QueuedInstance]:
    from eci_annotate.proxy.quarantine_decisions import quarantined

    causes = [Cause[chosen.cause]] if chosen.cause else []
    if not chosen.numbers and not causes and not everything:
        raise Refused("Nothing was chosen.", "Give numbers as listed, or --cause.")
    return quarantined(proxy, chosen.numbers, causes)


def _list(chosen: argparse.Namespace) -> None:
    with site_setup.opened(chosen) as proxy:
        if not proxy.queue.causes():
            print_line("Nothing is quarantined.")
            return
        rows = _chosen(proxy, chosen, everything=True)
        lines = [[each.id, cause.name, f"It {cause.value}."] for each in rows for cause in each.causes]
        print_table(["number", "cause", "why"], lines)


def _release(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.quarantine_decisions import release

    with site_setup.opened(chosen) as proxy:
        print_line(f"Released {release(proxy, _chosen(proxy, chosen), chosen.reason, getpass.getuser())}.")


def _retry(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.quarantine_decisions import retry

    with site_setup.opened(chosen) as proxy:
        number = retry(proxy, _chosen(proxy, chosen, everything=True))
        print_line(f"{number} are de-identified again by the policy that holds now.")


def _delete(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.quarantine_decisions import delete

    with site_setup.opened(chosen) as proxy:
        print_line(f"Deleted {delete(proxy, _chosen(proxy, chosen), chosen.reason, getpass.getuser())}.")
