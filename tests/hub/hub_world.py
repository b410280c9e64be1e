"""A real hub with its proxy, service, people and servers, on free ports, in a folder of its own; and attackers in it.

`hubs(**settings)` starts one; `Hub.as_user(name, code)` runs Python with the uid and the environment of that person's
live kernel; `signed_in(browser, hub, name)` is a page on which that person is logged in.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser, BrowserContext, Page

from eci_annotate.repository.remote.unix_url import unix_url
from eci_annotate.userservers.listener import listen_tcp
from eci_annotate.userservers.python_interpreter import reachable, user_python
from tests.patience import PATIENCE_S, until
from tests.ports import free_ports

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
IS_ROOT = os.geteuid() == 0
PORTS = 4
SERVICE_PREFIX = "/services/eci/"
OUTSIDER = "nemo"  # has an account, and is member of nothing


@cache
def proxy() -> str:
    """The proxy's program, or nothing."""
    installed = CHECKOUT / ".venv" / "node" / "node_modules" / ".bin" / "configurable-http-proxy"
    named = os.environ.get("ECI_HUB_PROXY_COMMAND", "")
    return named or (str(installed) if installed.exists() else shutil.which("configurable-http-proxy") or "")


def place() -> Path:
    """A new folder that other system users may pass through: pytest's own folders are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="eci-hub-", dir="/var/tmp"))
    folder.chmod(0o711)
    if not os.environ.get("ECI_KEEP"):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def tree() -> tuple[Path, Path]:
    """Checkout and interpreter, as other system users can reach them: hard links where they cannot."""
    environment = Path(sys.prefix)
    if not IS_ROOT or (reachable(CHECKOUT) and reachable(environment)):
        return CHECKOUT, Path(sys.executable)
    copy = place()
    for what, name in ((CHECKOUT, "checkout"), (environment, "environment")):
        linked = subprocess.run(["cp", "-al", what, copy / name], capture_output=True)
        if linked.returncode:
            shutil.copytree(what, copy / name, symlinks=True, dirs_exist_ok=True)
        (copy / name).chmod(0o755)
    return copy / "checkout", copy / "environment" / "bin" / Path(sys.executable).name


@dataclass
class Answer:
    """Status, headers and body of an HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


@dataclass
class Hub:
    """A running hub.

    Parameters
    ----------
    folder
        Its state: `repository`, `homes`, `hub.sqlite`, `hub.log`, `service` …
    port
        The public port; `people` are the accounts with their passwords.
    """

    folder: Path
    port: int
    people: Mapping[str, str]
    process: subprocess.Popen[bytes]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def url(self, path: str = "/", who: str = "") -> str:
        """An address; `who`: a user's or the service's (`eci--service`) own host."""
        return f"{self.scheme}://{self.host(who)}:{self.port}{path}"

    @property
    def scheme(self) -> str:
        """How browsers speak to it."""
        return "https" if "tls_cert" in self.settings else "http"

    def host(self, who: str = "") -> str:
        """A host name."""
        return f"{who}.hub.localhost" if who else "hub.localhost"

    @property
    def service(self) -> str:
        """The service's pages for a browser."""
        return self.url(SERVICE_PREFIX, "eci--service")

    @property
    def sockets(self) -> Path:
        """Folder of the sockets of hub, proxy, service and servers."""
        return sockets(self.folder, self.port)

    @property
    def api(self) -> str:
        """The service as kernels see it."""
        return unix_url(self.sockets / "service.sock", SERVICE_PREFIX)

    @property
    def pid(self) -> int:
        """JupyterHub's own process, which is started again when it ends."""
        return self.processes(having=" -m jupyterhub ")[0]

    def ask(
        self, path: str, who: str = "", method: str = "GET", headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Answer:
        """One request through the proxy, as it is; redirects are not followed."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.request(method, path, body or None, headers={"Host": f"{self.host(who)}:{self.port}", **(headers or {})})
        got = line.getresponse()
        answer = Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        line.close()
        return answer

    def ask_as(self, page: Page, path: str, who: str, method: str = "GET", body: str = "") -> Answer:
        """One request with the cookies of somebody's browser; redirects to the same host are followed."""
        headers = {
            "Cookie": "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies(self.url(path, who)))
        }
        for _ in range(5):
            answer = self.ask(path, who, method, headers, body)
            onward = answer.headers.get("location", "")
            if not onward.startswith("/"):
                break
            path = onward
        return answer

    def processes(self, name: str = "", having: str = "") -> list[int]:
        """Process ids of a person's (or anybody's below the hub), whose command line has some words; oldest first."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                line = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                if having in line and (folder.stat().st_uid == self.uid(name) if name else self._below(folder)):
                    found.append((int(_stat(folder)[19]), int(folder.name)))
        return [process for _, process in sorted(found)]  # by their start: numbers begin again after the highest

    def _below(self, folder: Path) -> bool:
        while folder.name not in ("0", "1", str(self.process.pid)):
            folder = Path("/proc", _stat(folder)[1])
        return folder.name == str(self.process.pid)

    def uid(self, name: str) -> int:
        """A person's system user."""
        known: dict[str, int] = json.loads((self.folder / "uids.json").read_text())
        return known[name]

    def kernel(self, name: str) -> int:
        """A person's live kernel."""
        found: list[int] = []
        if not until(lambda: found.extend(self.processes(name, "ipykernel_launcher")) or found, pause_s=0.2):
            raise TimeoutError(f"{name} has no kernel")
        return found[-1]

    def server(self, name: str) -> Path:
        """The socket of a person's server."""
        return self.sockets / "servers" / f"{self.uid(name)}.sock"

    def as_user(self, name: str, code: str, **given: Any) -> Any:
        """Run code as a person's kernel would: same system user, same environment. `answer(value)` ends it.

        `given` are names that the code can use; they pass as JSON.
        """
        kernel = self.kernel(name)
        program = Path(f"/proc/{kernel}/cmdline").read_bytes().split(b"\0")[0].decode()
        done = subprocess.run(
            [program, "-c", PRELUDE + code], input=json.dumps(given), capture_output=True, text=True, timeout=60,
            user=self.uid(name), group=self.uid(name), extra_groups=[], env=_environment(kernel),
            cwd=self.folder / "homes" / name,
        )  # fmt: skip
        if done.returncode or not done.stdout:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout.splitlines()[-1])

    def log(self) -> str:
        """What hub, proxy, service and servers said."""
        return (self.folder / "hub.log").read_text(encoding="utf-8", errors="replace")


PRELUDE = """
import http.client, json, os, sys, socket, signal, urllib.request, urllib.error
from pathlib import Path
globals().update(json.load(sys.stdin))
def answer(value):
    print(json.dumps(value), flush=True); os._exit(0)  # at once: a heartbeat's thread may hold its socket for ever
def refusal(f, *a, **k):
    '''Name of the error that stops it, or None.'''
    try:
        f(*a, **k)
    except Exception as error:
        return type(error).__name__
def ask(url, method="GET", headers=None, body=None):
    '''Status of an answer; redirects are not followed.'''
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *a): return None
    request = urllib.request.Request(url, method=method, headers=headers or {}, data=body)
    if url.startswith("http+unix://"):
        from urllib.parse import unquote
        place, _, path = url.removeprefix("http+unix://").partition("/")
        line = http.client.HTTPConnection("localhost", timeout=20)
        line.sock = socket.socket(socket.AF_UNIX)
        line.sock.settimeout(20)
        line.sock.connect(unquote(place))
        line.request(method, "/" + path, body, headers or {})
        got = line.getresponse()
        return [got.status, got.read().decode(errors="replace")]
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=20) as got:
            return [got.status, got.read().decode(errors="replace")]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode(errors="replace")]
"""


def _stat(folder: Path) -> list[str]:
    """What the kernel says of a process after its name: state, parent …, its start as the twentieth."""
    return (folder / "stat").read_text().rsplit(")", 1)[1].split()


def _environment(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


@cache
def sample(small: bool) -> Path:
    """The demo's repository, with phantoms or the sample CT; made once, copied for each hub."""
    folder = place()
    code = (
        "import sys; sys.path.insert(0, 'hubconfig'); import demo; from pathlib import Path;"
        f"demo.make_repository(Path({str(folder / 'repository')!r}), print, small={small})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True, capture_output=True)
    return folder / "repository"


def _accounts(folder: Path, names: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Accounts as the hub's own version of JupyterHub lays its database out."""
    code = (
        "import json, sys; from eci_annotate.userservers.accounts import make_accounts;"
        "print(json.dumps(make_accounts(sys.argv[1], dict.fromkeys(sys.argv[2:]))))"
    )
    words = [sys.executable, "-c", code, f"sqlite:///{folder}/hub.sqlite", *names]
    env = os.environ | environment
    done = subprocess.run(words, env=env, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _prepare(
    folder: Path,
    port: int,
    settings: Mapping[str, Any],
    more_people: Sequence[str],
    environment: Mapping[str, str],
    state: Path | None,
    small: bool,
) -> dict[str, str]:
    sys.path.insert(0, str(CHECKOUT / "hubconfig"))
    import demo

    if state is None:
        shutil.copytree(sample(small), folder / "repository")
    else:
        shutil.copytree(state, folder, dirs_exist_ok=True)
    demo.give_to_service(folder / "repository")
    numbers = 30_000 + 16 * port  # hubs of neighbouring tests share no system user
    chosen = {
        "first_uid": numbers,
        "proxy_command": [proxy()],
        "memory": "3G",
        **settings,
    }
    if (warm := CHECKOUT / ".venv" / "numba").is_dir() or (
        warm := Path(os.environ.get("NUMBA_CACHE_DIR", "-"))
    ).is_dir():
        chosen["warm"] = str(warm)
    demo.write_settings(folder, port, bool(chosen.pop("insecure_demo", not IS_ROOT)), chosen)
    if state is not None:
        known: dict[str, str] = yaml.safe_load((folder / "accounts.yaml").read_text())
        return known
    made = _accounts(folder, [*demo.PEOPLE, *more_people], environment)
    (folder / "accounts.yaml").touch(0o600)
    (folder / "accounts.yaml").write_text(yaml.safe_dump(made))
    return made


def start(
    folder: Path, port: int, environment: Mapping[str, str] | None = None, run_as: int | None = None
) -> subprocess.Popen[bytes]:
    """Start the hub that was prepared in a folder, and wait until it answers."""
    checkout, python = tree()
    somebody: dict[str, Any] = {}
    if run_as is not None:
        python = user_python(folder / "python", running=python)
        somebody = {"user": run_as, "group": run_as, "extra_groups": []}
        for path in (folder, *folder.rglob("*")):
            os.chown(path, run_as, run_as, follow_symlinks=False)
    env = {
        **os.environ, "ECI_HUB_CONFIG": str(folder / "hub.yaml"), "PYTHONPATH": str(checkout),
        "PATH": f"{python.parent}:{os.environ['PATH']}", **(environment or {}),
    }  # fmt: skip
    for name in [one for one in env if one.startswith(("JUPYTER_", "JUPYTERLAB_", "IPYTHON"))]:
        del env[name]
    if environment and "PYTHONPATH" in environment:
        env["PYTHONPATH"] = f"{environment['PYTHONPATH']}:{checkout}"
    words = [str(python), str(checkout / "hubconfig" / "serve.py")]
    if port in _kept:  # as systemd would
        numbers = [one.fileno() for one in _kept[port]]
        moved = " ".join(f"{place}<&{number}" for place, number in enumerate(numbers, 3))
        given = f'exec {moved}; LISTEN_FDS={len(numbers)} LISTEN_PID=$$ exec "$@"'
        words, somebody["pass_fds"] = ["bash", "-c", given, "bash", *words], numbers
    with (folder / "hub.log").open("ab") as log:
        somebody["preexec_fn"] = _in_the_background
        process = subprocess.Popen(words, env=env, cwd=folder, stdout=log, stderr=log, **somebody)
    _await(process, port, folder)
    return process


_kept: dict[int, list[socket.socket]] = {}


def sockets(folder: Path, port: int) -> Path:
    """Where the sockets of the hub in a folder are."""
    return (Path("/run/eci-hub") if folder.stat().st_uid == 0 else folder / "run") / f"hub-{port}"


def _in_the_background() -> None:
    """As a shell begins a script's background job: it does not hear Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored below nohup, and then by the hub too


def _line(port: int, closed: bool) -> http.client.HTTPConnection:
    if not closed:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=ssl._create_unverified_context())


def _await(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Hub and service: the service is started last."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            for who, path in (("", "/hub/health"), ("eci--service.", f"{SERVICE_PREFIX}health")):
                line = _line(port, "tls_cert" in (folder / "hub.yaml").read_text())
                line.request("GET", path, headers={"Host": f"{who}hub.localhost:{port}"})
                if line.getresponse().status != 200:
                    break
            else:
                return
        time.sleep(0.1)
    raise RuntimeError((folder / "hub.log").read_text()[-4000:])


def end(process: subprocess.Popen[bytes]) -> None:
    """End a hub, and with it its proxy, services and servers."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def hubs(
    more_people: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    run_as: int | None = None,
    state: Path | None = None,
    small: bool = True,
    **settings: Any,
) -> Iterator[Hub]:
    """Start a hub of the demo's people (and more, in no group), with settings over the usual ones; end it.

    `run_as`: the hub itself is this system user, not root. `state`: a state folder to continue, in place of a new one.
    `small`: phantoms, in place of the sample CT.
    """
    folder, port = place(), free_ports(PORTS)
    process: subprocess.Popen[bytes] | None = None
    try:
        if settings.get("keep_servers"):
            _kept[port] = listen_tcp("127.0.0.1", port)
        people = _prepare(folder, port, settings, more_people, environment or {}, state, small)
        process = start(folder, port, environment, run_as)
        yield Hub(folder, port, people, process, settings)
    finally:
        if process is not None:
            end(process)
        if not os.environ.get("ECI_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


def log_in(page: Page, hub: Hub, name: str, password: str | None = None) -> None:
    """Go to the hub, fill the form in, and be taken wherever one is taken."""
    page.goto(hub.url("/"))
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", hub.people[name] if password is None else password)
    page.click("#login_submit")


def landed(page: Page, hub: Hub, name: str) -> None:
    """Wait until the person's own server or the service's page is there."""
    mine = f"{hub.scheme}://{hub.host(name)}:{hub.port}/user/"
    page.wait_for_url(lambda url: url.startswith((mine, hub.service)))
    page.wait_for_load_state("domcontentloaded")


def signed_in(browser: Browser, hub: Hub, name: str) -> Page:
    """A new page of a person who has arrived."""
    own = hub.scheme == "https"  # a certificate of nobody's
    context: BrowserContext = browser.new_context(viewport={"width": 1500, "height": 950}, ignore_https_errors=own)
    page = context.new_page()
    log_in(page, hub, name)
    landed(page, hub, name)
    return page
