"""A hub to try out: a sample project, one user per role, and the hub itself, in one folder that may be deleted.

`make hub`, or `python hubconfig/demo.py FOLDER`. Running it again starts what exists.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep

import yaml
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from eci_annotate.errors import EciError, Refused
from eci_annotate.userservers.run_as import die_with_parent
from eci_annotate.workflow.actor import ROLES, Role

HERE = Path(__file__).resolve().parent
PROJECT, OWNER = "liver-ct", "olga"
PATIENCE_S, ENDING_S = 120, 20


@dataclass(frozen=True)
class Person:
    """A user of the demo; a member of the sample project, unless the role is not a project role."""

    role: str
    site: str
    everywhere: bool = True
    what: str = ""

    @property
    def is_member(self) -> bool:
        """Whether the project has such a role."""
        return self.role in ROLES

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites whose subjects they work on."""
        return ("*",) if self.everywhere else (self.site,)

    @property
    def group(self) -> str:
        """The hub's group, which selects the landing page."""
        return f"{PROJECT}/{self.role}" + ("" if self.everywhere else f"/{self.site}")


PEOPLE: Mapping[str, Person] = {
    "anna": Person(Role.ANNOTATOR, "KAU", False, "radiologist at one hospital: the task at hand, nothing else"),
    "ben": Person(Role.ANNOTATOR, "VIE", False, "radiologist at another hospital: sees no subject of the first"),
    "ruth": Person(Role.REVIEWER, "KAU", what="accepts or rejects what was signed"),
    "dev": Person(Role.DEVELOPER, "KAU", what="JupyterLab, with signed data only"),
    OWNER: Person(Role.OWNER, "KAU", what="the project's pages; also the hub's administrator"),
    "dora": Person(Role.DATA_MANAGER, "KAU", what="imports subjects"),
    "axel": Person(Role.AUDITOR, "KAU", what="reads the audit trail"),
    "tess": Person("teacher", "KAU", what="JupyterLab with the workshop, on their own phantom"),
}


def make_repository(folder: Path, tell: Callable[[str], None], small: bool = False) -> None:
    """Create the sample project: one subject per site, one of them with signed work.

    Parameters
    ----------
    small
        Phantoms only, for tests.
    """
    from eci_annotate.demo.rehearsal import rehearse
    from eci_annotate.dicom.phantom import write_phantom
    from eci_annotate.repository.admin.create import create_repository
    from eci_annotate.repository.admin.import_dicom import import_folders
    from eci_annotate.repository.keys.repository_folder import credential, find
    from eci_annotate.repository.keys.service_keys import enable_service
    from eci_annotate.repository.local.backend import LocalBackend
    from eci_annotate.repository.open_repository import open as open_repository
    from eci_annotate.repository.service.local_service import service_of

    key = create_repository(folder, project=PROJECT, member=OWNER, site=PEOPLE[OWNER].site)
    os.environ["ECI_ANNOTATE_CREDENTIAL"] = str(key)
    enable_service(find(folder), credential(find(folder)))
    repository = open_repository(folder)
    backend = repository.backend
    assert isinstance(backend, LocalBackend)
    members, owner = service_of(backend).members, backend.account.actor
    members.admit(owner, PROJECT, OWNER)
    for name, person in PEOPLE.items():
        if name != OWNER and person.is_member:
            tell(f"Adding {name}, {person.role}")
            members.add(owner, PROJECT, name, roles=(person.role,), site=person.site, sites=person.sites)
    sample = HERE.parent / "notebooks" / "sample" / "liver_ct_crlm_1004" / "ct"
    for site, kind in (("KAU", "axial"), ("VIE", "anisotropic")):
        tell(f"Importing images of {site}")
        if small or kind != "axial" or not sample.exists():
            phantom = folder.parent / f".phantom-{site}"
            write_phantom(phantom, "tiny" if small and kind == "axial" else kind)
            import_folders(backend, [phantom], project=PROJECT, site=site)
            shutil.rmtree(phantom)
        else:
            import_folders(backend, [sample], project=PROJECT, site=site)
    tell("Annotating one subject, and signing")
    rehearse(repository, kind="oblique", project=PROJECT, site="KAU")
    del os.environ["ECI_ANNOTATE_CREDENTIAL"]


def give_to_service(folder: Path) -> None:
    """As root, give the repository to the service's account: nobody else can read it."""
    from eci_annotate.userservers.system_users import SERVICE

    folder.chmod(0o700)
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, SERVICE, SERVICE, follow_symlinks=False)


def pins(folder: Path) -> dict[str, str]:
    """Return the signing PINs of the demo's users: generated once, stored next to the passwords."""
    from datetime import UTC, datetime

    from eci_annotate.repository.keys.factors import FactorBook
    from eci_annotate.repository.keys.repository_folder import find

    path = folder / "pins.yaml"
    if path.exists():
        known: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return known
    book = FactorBook(find(folder / "repository"), lambda: datetime.now(UTC))
    made = {name: "-".join((token_hex(2), token_hex(2))) for name, person in PEOPLE.items() if person.is_member}
    for name, pin in made.items():
        book.set_pin(name, pin)
    path.touch(0o600)
    path.write_text(yaml.safe_dump(made), encoding="utf-8")
    return made


def write_settings(folder: Path, port: int, insecure: bool, more: Mapping[str, object] | None = None) -> Path:
    """Write the hub's settings; returns the file."""
    groups: dict[str, list[str]] = {}
    for name, person in PEOPLE.items():
        groups.setdefault(person.group, []).append(name)
    chosen = {
        "state": str(folder), "repository": str(folder / "repository"), "port": port, "admins": [OWNER],
        "groups": groups, "insecure_demo": insecure, **(more or {}),
    }  # fmt: skip
    (folder / "hub.yaml").write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")
    return folder / "hub.yaml"


def accounts(folder: Path) -> dict[str, str]:
    """Return the demo's passwords: generated once, stored in a file that only this user can read."""
    from eci_annotate.userservers.accounts import make_accounts

    path = folder / "accounts.yaml"
    if path.exists() and (folder / "hub.sqlite").exists():
        known: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return known
    made = make_accounts(f"sqlite:///{folder}/hub.sqlite", dict.fromkeys(PEOPLE))
    path.touch(0o600)
    path.write_text(yaml.safe_dump(made), encoding="utf-8")
    return made


@contextmanager
def telling() -> Iterator[Callable[[str], None]]:
    """Show a line in the terminal with the current step and its duration."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as line:
        task = line.add_task("Looking around")

        def tell(what: str) -> None:
            line.update(task, description=what)
            if not line.console.is_terminal:
                line.console.print(what)

        yield tell


def prepare(folder: Path, port: int, insecure: bool, tell: Callable[[str], None]) -> dict[str, str]:
    """Create what is missing; returns the accounts."""
    if os.geteuid() != 0 and not insecure:
        raise Refused(
            "Without root, all users would share one system user.",
            "Run `make hub` as root; or, with no real data, `make hub INSECURE_DEMO=1`.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "sample-1.stamp"
    if not made.exists():
        shutil.rmtree(folder / "repository", ignore_errors=True)
        make_repository(folder / "repository", tell)
        (folder / "pins.yaml").unlink(missing_ok=True)
        made.touch()
    tell("Making PINs")
    pins(folder)
    give_to_service(folder / "repository")
    tell("Making accounts")
    more = {"warm": str(warm)} if (warm := HERE.parent / ".venv" / "numba").is_dir() else {}
    write_settings(folder, port, insecure, more)
    return accounts(folder)


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the hub, which exits with this process; its log goes to `hub.log`."""
    words = [sys.executable, str(HERE / "serve.py")]
    env = os.environ | {"ECI_HUB_CONFIG": str(folder / "hub.yaml"), "PATH": _path()}
    (folder / "hub.log").touch(0o600)
    end_with_me = partial(die_with_parent, signal.SIGTERM)
    with (folder / "hub.log").open("wb") as log:
        return subprocess.Popen(words, env=env, cwd=folder, stdout=log, stderr=log, preexec_fn=end_with_me)


def _path() -> str:
    """Return the environment's programs, then the system's: user servers inherit it."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "/usr/bin:/bin")])


def check_port(port: int, patience_s: float = ENDING_S) -> None:
    """Refuse if another program listens already; an earlier hub may need some seconds to exit."""
    end = monotonic() + patience_s
    while True:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
                return
            except OSError as error:
                if monotonic() > end:
                    raise Refused(f"Port {port} is taken.", f"Choose another: make hub PORT={port + 1000}") from error
        sleep(0.5)


def wait(hub: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Wait until the hub answers."""
    end = monotonic() + PATIENCE_S
    while monotonic() < end and hub.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/hub/health", timeout=2).read()
            return
        except OSError:
            sleep(0.3)
    hub.terminate()
    raise Refused("The hub did not start.", f"See {folder / 'hub.log'}.")


def show(url: str, passwords: Mapping[str, str], signing: Mapping[str, str], insecure: bool) -> None:
    """Print address and users."""
    console = Console()
    table = Table("name", "password", "PIN to sign", "role", "site", "what they see")
    for name, person in PEOPLE.items():
        table.add_row(name, passwords[name], signing.get(name, "–"), person.role, person.site, person.what)
    console.print(table)
    if insecure:
        console.print("Insecure demo: one system user, so each can act as any other. No real data.", style="bold red")
    console.print(f"The hub is at {url}  (Ctrl-C ends it)", style="bold", soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Create the demo, start the hub, print its address, and wait."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--port", type=int, default=8000)
    words.add_argument("--insecure-demo", action="store_true", help="all users share this system user")
    words.add_argument("--no-browser", action="store_true")
    chosen = words.parse_args(arguments)
    folder = chosen.folder.resolve()
    with telling() as tell:
        passwords = prepare(folder, chosen.port, chosen.insecure_demo, tell)
        tell("Starting the hub")
        check_port(chosen.port)
        hub = start(folder)
        wait(hub, chosen.port, folder)
    show(url := f"http://hub.localhost:{chosen.port}/", passwords, pins(folder), chosen.insecure_demo)
    if not chosen.no_browser:
        webbrowser.open(url)
    try:
        sys.exit(hub.wait())
    except KeyboardInterrupt:
        hub.terminate()
        hub.wait(60)


if __name__ == "__main__":
    try:
        main()
    except EciError as error:
        sys.exit(f"{error.what} {error.remedy}")
