"""What every command shares: opening, printing, tables, progress in the terminal."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eci_annotate.errors import EciError, NotFound, Refused
from eci_annotate.version import __version__
from eci_annotate.workflow.cell_text import plain

if TYPE_CHECKING:
    from eci_annotate.repository.backend import Check
    from eci_annotate.repository.local.backend import LocalBackend
    from eci_annotate.repository.repository import Repository
    from eci_annotate.repository.service.protocol import Service
    from eci_annotate.workflow.trust.rsa_keys import PrivateKey


def for_its_owner(folder: Path) -> Path:
    """The folder, unless root would leave files in somebody else's repository that its owner could not read."""
    head = folder / "eci.json"
    if os.geteuid() or not head.exists() or not (owner := head.stat()).st_uid:
        return folder
    raise Refused(
        f"This repository belongs to the system user {owner.st_uid}, who could not read files written by root.",
        f"Run it as that user: setpriv --reuid={owner.st_uid} --regid={owner.st_gid} --clear-groups",
    )


_UNBOUND = 100_000  # columns
Folder = Annotated[Path, typer.Argument(help="The repository's folder.", callback=for_its_owner)]
Project = Annotated[str | None, typer.Option(help="Which project, when there is more than one.")]
KeyFile = Annotated[Path, typer.Argument(help="Its private key (PEM, RSA)")]
Passphrase = Annotated[str, typer.Option(help="Of the key's file.", envvar="ECI_ANNOTATE_PASSPHRASE")]


def say(text: str) -> None:
    """Print a line."""
    from rich.console import Console

    Console(soft_wrap=True, highlight=False).print(plain(text), markup=False)


def show(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table; where it is too wide, without empty columns; else each row as lines. No value is cut."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    told = [[plain(value) for value in row] for row in rows]
    filled = [n for n in range(len(columns)) if any(row[n] for row in told)]

    def table(which: Sequence[int]) -> Table:
        made = Table(*(columns[n] for n in which), title=Text(plain(title)), title_justify="left")
        for row in told:
            made.add_row(*(Text(row[n], overflow="fold") for n in which))
        return made

    whole, short = table(range(len(columns))), table(filled)
    unbound = console.options.update(max_width=_UNBOUND)
    if console.measure(whole, options=unbound).maximum <= console.width or not rows:
        console.print(whole)
    elif console.measure(short, options=unbound).minimum <= console.width:
        console.print(short)
    else:
        for line in (title, *(each for row in told for each in _record(columns, row))):
            say(line)


def _record(columns: list[str], row: list[str]) -> list[str]:
    """Return a row as lines, each with the name of its column, without empty values."""
    width = max(map(len, columns))
    return ["", *(f"  {name:{width}}  {value}" for name, value in zip(columns, row, strict=True) if value)]


def tell_details(checks: list[Check]) -> None:
    """Print what checks that passed have to say: each sentence once, with the number of versions it is about."""
    told = [check for check in checks if check.passed and check.detail]
    for detail, number in Counter(check.detail for check in told if check.subject).items():
        say(f"{number} of them: {detail}")
    for check in [check for check in told if not check.subject][-1:]:
        say(check.detail)
    if any(check.check == "headers not sealed" for check in checks):
        say("Images without a seal over their headers are sealed by: eci-annotate repository seal-images")


@contextmanager
def progress() -> Iterator[Any]:
    """A function (what, done, of) that draws a bar for each `what`."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, of: int) -> None:
            tasks.setdefault(what, bar.add_task(what, total=of) if what not in tasks else None)
            bar.update(tasks[what], completed=done, total=of)

        yield tell


def open(folder: Path) -> Repository:
    """The repository in a folder."""
    from eci_annotate.repository.open_repository import open as open_repository

    return open_repository(folder)


def project(repository: Repository, name: str | None) -> str:
    """The project of that name, or the only one."""
    projects = repository.backend.account.projects()
    if name in projects:
        return str(name)
    if name is None and len(projects) == 1:
        return projects[0]
    what = (
        "Several projects exist." if name is None else f"Project {name!r} not found, or you do not have access to it."
    )
    raise NotFound(what, f"Give --project, one of: {', '.join(projects)}.")


def projects(repository: Repository, name: str | None) -> list[str]:
    """The project of that name, or all."""
    return [project(repository, name)] if name else repository.backend.account.projects()


def local(repository: Repository) -> LocalBackend:
    """The backend of an embedded repository; NotFound for any other."""
    from eci_annotate.repository.local.backend import LocalBackend

    if not isinstance(repository.backend, LocalBackend):
        raise NotFound("This works in an embedded repository only.", "Give the repository's folder.")
    return repository.backend


def service(repository: Repository) -> Service:
    """What the keys in an embedded repository's folder allow; NotFound for any other."""
    from eci_annotate.repository.service.local_service import service_of

    return service_of(local(repository))


def text_of(path: Path) -> str:
    """What a file says, whatever stands around the PEM in it; NotFound when it cannot be read."""
    try:
        return path.read_text(encoding="latin-1")
    except OSError:
        remedy = "Give a text file that has a line with BEGIN."
        raise NotFound(f"{path.name} is not a readable PEM file.", remedy) from None


def key_in(path: Path, passphrase: str) -> PrivateKey:
    """The private key of a PEM file."""
    from eci_annotate.workflow.trust.rsa_keys import PrivateKey

    return PrivateKey.from_pem(text_of(path).encode(), passphrase)


def tell_refusal(error: EciError) -> None:
    """Print what was refused, and its remedy, as one line."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text(plain(error.what), style="red"), Text(plain(error.remedy)))


def tell_version(wanted: bool) -> None:
    """Print the release and exit, if that is wanted."""
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Show the version.")]
