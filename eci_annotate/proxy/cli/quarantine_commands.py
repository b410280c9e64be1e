"""`eci-proxy quarantine`: what was set aside and why; released by a person, run again by new rules, or deleted."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eci_annotate.deid.quarantine import NEVER_ACCEPTED, Cause
from eci_annotate.errors import NotFound, Refused
from eci_annotate.proxy.cli import site_setup
from eci_annotate.proxy.cli.terminal_output import print_line, print_table

if TYPE_CHECKING:
    from eci_annotate.proxy.instance_queue import QueuedInstance
    from eci_annotate.proxy.proxy_service import Proxy

MOST = 100_000


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
    from eci_annotate.proxy.instance_queue import QueueState

    causes = [Cause[chosen.cause]] if chosen.cause else []
    rows = proxy.queue.waiting(QueueState.QUARANTINED, MOST, causes)
    if not chosen.numbers and not causes and not everything:
        raise Refused("Nothing was chosen.", "Give numbers as listed, or --cause.")
    found = [each for each in rows if not chosen.numbers or each.id in chosen.numbers]
    if not found:
        raise NotFound("No such instance is quarantined.", "See: eci-proxy quarantine list")
    return found


def _list(chosen: argparse.Namespace) -> None:
    with site_setup.opened(chosen) as proxy:
        if not proxy.queue.causes():
            print_line("Nothing is quarantined.")
            return
        rows = _chosen(proxy, chosen, everything=True)
        lines = [[each.id, cause.name, f"It {cause.value}."] for each in rows for cause in each.causes]
        print_table(["number", "cause", "why"], lines)


def _release(chosen: argparse.Namespace) -> None:
    with site_setup.opened(chosen) as proxy:
        rows = _chosen(proxy, chosen)
        stuck = [each.id for each in rows if set(each.causes) & NEVER_ACCEPTED]
        if stuck:
            what = f"{len(stuck)} of them cannot be released, such as number {stuck[0]}."
            raise Refused(what, "Correct them at their source, or change the policy; or delete them.")
        _note(proxy, "released", rows, chosen.reason)
        accepted = {each.id: " ".join(cause.name for cause in each.causes) for each in rows}
        print_line(f"Released {proxy.queue.retry(list(accepted), accepted)}.")


def _retry(chosen: argparse.Namespace) -> None:
    with site_setup.opened(chosen) as proxy:
        number = proxy.queue.retry([each.id for each in _chosen(proxy, chosen, everything=True)])
        print_line(f"{number} are de-identified again by the policy that holds now.")


def _delete(chosen: argparse.Namespace) -> None:
    with site_setup.opened(chosen) as proxy:
        rows = _chosen(proxy, chosen)
        _note(proxy, "deleted", rows, chosen.reason)
        done = [each for each in rows if proxy.queue.delete(each)]
        for each in done:
            proxy.spool.forget(each.content, "", keep_original=False)
        print_line(f"Deleted {len(done)}.")


def _note(proxy: Proxy, what: str, rows: Sequence[QueuedInstance], reason: str) -> None:
    """Add to the proxy's log of decisions: which contents, by digest, who, when, and why."""
    import getpass
    import os

    if not reason.strip():
        raise Refused("A decision needs a reason.", "Say how you made sure; no names.")
    line = {"at": time.time(), "by": getpass.getuser(), "what": what, "why": reason, "of": [r.content for r in rows]}
    handle = os.open(proxy.spool.root / "decisions.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
