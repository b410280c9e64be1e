"""`eci-proxy init`, `check` and `backup`: a new site's files, and whether everything that they name can be used."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eci_annotate.errors import BadConfiguration, EciError
from eci_annotate.proxy.cli.terminal_output import print_line, print_table

if TYPE_CHECKING:
    from eci_annotate.proxy.configuration import Configuration
    from eci_annotate.proxy.proxy_service import Proxy

Check = tuple[str, str]
_SAMPLE = """\
# eci-proxy: see docs/hospital.md. Paths are relative to this file.
site: {site}
spool: spool            # files on their way, the queue, the link table
key: site.key           # the site's secret: keep a copy in a safe place
policy: policy.yaml     # what is removed and kept: see docs/deid.md
centre:
  url: {url}
  credential: credential   # from the project's owner: eci-annotate site issue
# receive:
#   ae_title: ECIPROXY
#   port: 11112
#   senders:
#   - {{ae_title: CT1, address: 10.1.2.3}}
# watch: [inbox]
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add these commands to the command line."""
    text = "Create configuration, policy and secret of a new site in a folder."
    init = commands.add_parser("init", help=text, description=text)
    init.add_argument("folder", type=Path)
    init.add_argument("--site", required=True, help="the site's short name, as agreed with the centre")
    init.add_argument("--url", default="https://hub.example.org/services/eci", help="address of the centre")
    init.set_defaults(command=_init)
    text = "Check the configuration, and everything that it names; the centre and the PACS too."
    check = commands.add_parser("check", help=text, description=text)
    check.add_argument("--offline", action="store_true", help="ask no other machine")
    check.set_defaults(command=_check)
    text = "Write a copy of the link table, as encrypted as itself. The site's secret is not in it: keep it elsewhere."
    backup = commands.add_parser("backup", help=text, description=text)
    backup.add_argument("out", type=Path, help="a new file")
    backup.set_defaults(command=_backup)


@contextmanager
def opened(chosen: argparse.Namespace) -> Iterator[Proxy]:
    """The proxy of the configuration that was chosen."""
    from eci_annotate.proxy.configuration import read_configuration
    from eci_annotate.proxy.proxy_service import Proxy

    proxy = Proxy(read_configuration(chosen.configuration))
    try:
        yield proxy
    finally:
        proxy.close()


def print_status(proxy: Proxy) -> None:
    """Print where the instances are."""
    from eci_annotate.proxy.queue_summary import summary_of

    found = summary_of(proxy)
    rows: list[list[object]] = [["waiting to be registered", found.waiting]] if found.waiting else []
    print_table(["state", "instances"], [*rows, *([name, number] for name, number in sorted(found.counts.items()))])
    if found.causes:
        print_line("")
        print_table(["quarantined: it", "instances"], [[cause.value, n] for cause, n in found.causes.items()])
    for reason, number in found.reasons.items():
        print_line(f"{number} are held back at the centre: {reason}")
    if found.failing:
        print_line(f"{found.failing} could not be uploaded yet and are tried again. See: eci-proxy check")
    if found.moving:
        remaining = f"; about {found.remaining_s / 60:.0f} min remain" if found.remaining_s else ""
        size = f"{found.left_bytes / 1e6:.0f} MB"
        print_line(f"{found.moving} instances ({size}) are on their way, {found.rate:.1f} per second{remaining}.")


def _init(chosen: argparse.Namespace) -> None:
    from eci_annotate.deid.pseudonymiser import create_key

    folder: Path = chosen.folder
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in (
        ("proxy.yaml", _SAMPLE.format(site=chosen.site, url=chosen.url)),
        ("policy.yaml", f"site: {chosen.site}\n"),
    ):
        if (folder / name).exists():
            raise BadConfiguration(f"{name} exists already.", "Choose a new folder.")
        (folder / name).write_text(content, encoding="utf-8")
    print_line(
        f"The site's secret has the fingerprint {create_key(folder / 'site.key').fingerprint}. Keep a copy safe."
    )
    print_line(f"Next: put the credential into {folder / 'credential'} (mode 0600), then eci-proxy check")


def _check(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.configuration import read_configuration

    configuration = read_configuration(chosen.configuration)
    checks = [*checks_of(configuration, offline=chosen.offline)]
    print_table(["what", "result"], [[what, result or "well"] for what, result in checks])
    if any(result for _, result in checks):
        raise BadConfiguration("Something in the configuration cannot be used.", "See the table.")


def checks_of(configuration: Configuration, offline: bool = False) -> Iterator[Check]:
    """Yield what was checked, and what is wrong with it; empty if nothing is."""
    yield "site's secret", _refusal(lambda: configuration.pseudonymiser())
    yield "policy", _refusal(lambda: configuration.policy())
    yield "spool", _spool(configuration.spool)
    yield "link table", _refusal(lambda: _links(configuration))
    for folder in configuration.watch:
        yield f"watched folder {folder.name}", "" if os.access(folder, os.R_OK | os.W_OK) else "cannot be written"
    if configuration.centre:
        yield "credential", _refusal(lambda: _centre(configuration, False))
        if not offline:
            yield "centre", _refusal(lambda: _centre(configuration, True))
    if configuration.pacs and not offline:
        yield "PACS (C-ECHO)", _refusal(lambda: _echo(configuration))
    if configuration.receive:
        yield "receiver", _refusal(lambda: _receiver(configuration))
    yield "local page", _refusal(lambda: _page(configuration))


def _refusal(attempt: object) -> str:
    try:
        attempt()  # type: ignore[operator]
    except EciError as error:
        return str(error)
    return ""


def _spool(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(folder).free
    except OSError:
        return "cannot be created"
    return "" if free > 10 << 30 else f"only {free / 1e9:.0f} GB are free"


def _links(configuration: Configuration) -> None:
    from eci_annotate.proxy.link_table import LinkTable

    path = configuration.spool / "links.sqlite"
    if path.exists():
        LinkTable(path, configuration.pseudonymiser()).close()


def _centre(configuration: Configuration, ask: bool) -> None:
    from eci_annotate.proxy.send.centre_client import Centre

    assert configuration.centre is not None
    centre = Centre(configuration.centre)
    try:
        if ask:
            centre.states([])
    finally:
        centre.close()


def _echo(configuration: Configuration) -> None:
    from eci_annotate.proxy.receive.pacs import echo

    assert configuration.pacs is not None
    echo(configuration.pacs)


def _receiver(configuration: Configuration) -> None:
    from eci_annotate.proxy.receive.store_scp import tls_context

    assert configuration.receive is not None
    tls_context(configuration.receive)


def _page(configuration: Configuration) -> None:
    from eci_annotate.proxy.page.page_service import tls_of

    tls_of(configuration.page)


def _backup(chosen: argparse.Namespace) -> None:
    with opened(chosen) as proxy:
        if chosen.out.exists():
            raise BadConfiguration("The backup file exists already.", "Give a new file.")
        proxy.links.back_up(chosen.out)
        print_line(f"Wrote {proxy.links.number()} patients.")
