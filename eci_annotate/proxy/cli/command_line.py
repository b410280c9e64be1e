"""The command `eci-proxy`: it parses, calls the proxy, and prints. Every refusal is one line and exit code 1.

What is heavy is imported when a command runs, so that `--help` comes at once.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from eci_annotate.errors import BadConfiguration, EciError, NotInstalled, StoreUnavailable
from eci_annotate.proxy.cli import page_commands, quarantine_commands, site_setup
from eci_annotate.proxy.cli.terminal_output import ProgressBar, plain_text, print_line, print_table
from eci_annotate.version import __version__

CONFIGURATION = "ECI_PROXY_CONFIGURATION"
Command = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; a refusal is printed as one line with its remedy."""
    chosen = argument_parser().parse_args(arguments)
    try:
        chosen.command(chosen)
    except EciError as error:
        sys.exit(plain_text(f"{error.what} {error.remedy}"))
    except ModuleNotFoundError as error:
        sys.exit(plain_text(NotInstalled(f"The package {error.name} is missing.", "pip install eci-proxy")))
    except OSError as error:  # without the path, which may name a patient
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        problem = StoreUnavailable(f"The operating system refused: {reason}.", "Check disk space and permissions.")
        sys.exit(plain_text(problem))
    except KeyboardInterrupt:
        sys.exit(130)


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of `eci-proxy`."""
    parser = argparse.ArgumentParser(
        prog="eci-proxy",
        description="Receive DICOM images at a hospital, de-identify them, and upload them to an eci_annotate hub.",
    )
    default = os.environ.get(CONFIGURATION, "proxy.yaml")
    parser.add_argument(
        "-c", "--configuration", type=Path, default=Path(default), help=f"default: ${CONFIGURATION}, or proxy.yaml"
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    site_setup.add_to(commands)
    for name, command, text in (
        ("run", _run, "Receive, de-identify and upload until stopped."),
        ("numbers", _numbers, "Fetch numbers that the centre reserved, to give them while there is no connection."),
        ("status", _status, "Show what was received, held, sent and confirmed, and how fast."),
    ):
        commands.add_parser(name, help=text, description=text).set_defaults(command=command)
    _add_send(commands)
    _add_verify(commands)
    _add_fetch(commands)
    _add_preview(commands)
    _add_batch(commands)
    quarantine_commands.add_to(commands)
    page_commands.add_to(commands)
    return parser


Commands = argparse._SubParsersAction


def _add_send(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "De-identify and upload files, folders, ZIPs or DICOMDIRs, once."
    send = commands.add_parser("send", help=text, description=text)
    send.add_argument("sources", type=Path, nargs="+", metavar="SOURCE")
    send.add_argument("--only-receive", action="store_true", help="leave the rest to a proxy that runs")
    send.set_defaults(command=_send)


def _add_verify(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "Show local patient ID, pseudonym and ECI number of a patient from any of the three."
    verify = commands.add_parser("verify", help=text, description=text)
    verify.add_argument("name", help="patient ID, pseudonym or ECI number; - reads it from standard input")
    verify.add_argument("--issuer", default="", help="issuer of the patient ID, if it has one")
    verify.set_defaults(command=_verify)


def _add_fetch(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "Fetch studies from the PACS by patient ID, study UID, or a CSV of accession numbers."
    fetch = commands.add_parser("fetch", help=text, description=text)
    which = fetch.add_mutually_exclusive_group(required=True)
    which.add_argument("--patient", help="patient ID")
    which.add_argument("--study", help="study instance UID")
    which.add_argument("--accessions", type=Path, help="CSV file; the first column, or the one named AccessionNumber")
    fetch.set_defaults(command=_fetch)


def _add_preview(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "Show what would leave: original beside result, as an HTML page that stays at the site. Nothing is sent."
    preview = commands.add_parser("preview", help=text, description=text)
    preview.add_argument("sources", type=Path, nargs="+", metavar="SOURCE")
    preview.add_argument("--out", type=Path, required=True, help="a new HTML file")
    preview.set_defaults(command=_preview)


def _add_batch(commands: Commands[argparse.ArgumentParser]) -> None:
    text = "Copy de-identified files that wait to an SFTP server, by public key."
    batch = commands.add_parser("sftp", help=text, description=text)
    batch.add_argument("target", help="USER@HOST[:PORT]/FOLDER")
    batch.add_argument("--identity", type=Path, required=True, help="private key (OpenSSH)")
    batch.add_argument("--known-hosts", type=Path, required=True, help="file with the server's public key")
    batch.set_defaults(command=_sftp)


def _run(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.event_log import log_to_stderr
    from eci_annotate.proxy.site_server import serve

    log_to_stderr()
    with site_setup.opened(chosen) as proxy:
        serve(proxy)


def _send(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.receive.file_sources import take_paths

    bar = ProgressBar()
    with site_setup.opened(chosen) as proxy:
        counts = take_paths(proxy.spool, chosen.sources, bar)
        left = 0 if chosen.only_receive else proxy.drain(bar)
        bar.close()
        print_table(["files", "number"], sorted(counts.items()))
        if left:
            print_line(f"{left} are still on their way; they continue with: eci-proxy run")
        site_setup.print_status(proxy)


def _status(chosen: argparse.Namespace) -> None:
    with site_setup.opened(chosen) as proxy:
        site_setup.print_status(proxy)


def _verify(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.site_records import look_up

    name = sys.stdin.readline().strip() if chosen.name == "-" else chosen.name
    with site_setup.opened(chosen) as proxy:
        link = look_up(proxy.links, proxy.records, name, chosen.issuer, getpass.getuser(), "command")
    rows = [["patient ID", link.patient_id], ["issuer", link.issuer], ["pseudonym", link.pseudonym]]
    print_table(["name", "value"], [*rows, ["ECI number", link.number or "not given yet"]])


def _numbers(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.send.centre_client import Centre

    with site_setup.opened(chosen) as proxy:
        settings = proxy.configuration.centre
        if settings is None:
            raise BadConfiguration("No centre is configured.", "Add centre to the configuration.")
        centre = Centre(settings)
        try:
            subjects = centre.take_numbers()
        finally:
            centre.close()
        proxy.links.reserve(subjects)
        print_line(f"Fetched {len(subjects)} numbers; {proxy.links.reserved()} can be given without connection.")


def _fetch(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.receive.fetch_query import queries_of
    from eci_annotate.proxy.receive.pacs import fetch

    bar = ProgressBar()
    with site_setup.opened(chosen) as proxy:
        report = fetch(proxy, queries_of(chosen.patient, chosen.study, chosen.accessions), bar)
        bar.close()
        print_table(["studies", "number"], sorted(report.counts.items()))
        for what, lines in sorted(report.lines.items()):
            print_line(f"Lines of the list, {what}: {', '.join(map(str, sorted(set(lines))))}")


def _preview(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.preview import write_preview

    bar = ProgressBar()
    with site_setup.opened(chosen) as proxy:
        series = write_preview(chosen.sources, chosen.out, proxy.policy, proxy.names, bar)
    bar.close()
    print_line(f"Wrote {chosen.out} about {series} series. It identifies patients: keep it at the site.")


def _sftp(chosen: argparse.Namespace) -> None:
    from eci_annotate.proxy.send.sftp_batch import Target, send_batch

    bar = ProgressBar()
    with site_setup.opened(chosen) as proxy:
        target = Target.from_text(chosen.target, chosen.identity, chosen.known_hosts)
        number = send_batch(proxy, target, bar)
    bar.close()
    print_line(f"Copied {number} files.")


if __name__ == "__main__":
    main()
