"""While hub, proxy, service or a user's server is down, a kernel's process tries to answer in its place, and cannot."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from eci_annotate.errors import EciError
from eci_annotate.repository.remote.http_client import Line
from tests.hub.hub_world import SERVICE_PREFIX, Hub, end, hubs, signed_in, start
from tests.patience import until

pytestmark = pytest.mark.needs_root
ROUTES = ["api", "page", "notebook"]
AT_ONCE_S = 15  # two cores, shared: the service itself needs 2 to 4 s to start
SUBJECTS = "api/projects/liver-ct/subjects"

# Takes whatever name or port it can get, as often as it can, and answers as a hub that knows the owner.
IMPOSTOR = """
import selectors, stat, time
body = json.dumps({"name": "olga", "kind": "user", "admin": True, "groups": [], "session_id": None,
                   "scopes": ["access:services!service=eci", "custom:eci:person"]}).encode()
reply = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body
chosen, taken, heard = selectors.DefaultSelector(), [], []
def take(family, where):
    one = socket.socket(family)
    try:
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if family == socket.AF_UNIX:
            try: os.unlink(where)
            except OSError: pass
        else:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(where); one.listen(64)
    except OSError:
        one.close(); return
    chosen.register(one, selectors.EVENT_READ); taken.append(where if family == socket.AF_UNIX else list(where[:2]))
places = [(socket.AF_UNIX, path) for path in paths]
places += [(socket.AF_INET, (ip, port)) for port in ports for ip in ("127.0.0.1", "0.0.0.0")]
places += [(socket.AF_INET6, (ip, port)) for port in ports for ip in ("::1", "::")]
end = time.monotonic() + seconds
while time.monotonic() < end:
    for family, where in places:
        if (where if family == socket.AF_UNIX else list(where[:2])) not in taken: take(family, where)
    for key, _ in chosen.select(0.005):
        line = key.fileobj.accept()[0]
        line.settimeout(1)
        try: heard.append(line.recv(65536).decode(errors="replace")); line.sendall(reply)
        except OSError: pass
        line.close()
answer({"taken": taken, "heard": heard})
"""


@pytest.fixture(scope="module")
def kept() -> Iterator[Hub]:
    """A hub whose user servers outlive it."""
    with hubs(keep_servers=True) as one:
        yield one
        end(one.process)
        for name in ("anna", "ben"):
            for left in one.processes(name):
                os.kill(left, signal.SIGKILL)


@pytest.fixture(scope="module")
def ben(browser: Browser, kept: Hub) -> Iterator[Page]:
    """The victim, at work; the attacker works too."""
    attacker = signed_in(browser, kept, "anna")
    page = signed_in(browser, kept, "ben")
    for name in ("anna", "ben"):
        kept.kernel(name)
    yield page
    attacker.context.close()
    page.context.close()


def impostor(kept: Hub, pool: ThreadPoolExecutor, seconds: float, *more: int) -> Future[Any]:
    """Run the attack beside the test, as anna's kernel."""
    names = ["hub.sock", "service.sock", "proxy/api.sock", f"servers/{kept.uid('ben')}.sock"]
    paths = [str(kept.sockets / name) for name in names]
    ports = [*range(kept.port, kept.port + 4), *more]
    return pool.submit(kept.as_user, "anna", IMPOSTOR, paths=paths, ports=ports, seconds=seconds)


def check_nothing_gained(kept: Hub, attack: Future[Any]) -> None:
    """No name that others ask was taken, and nobody asked the impostor."""
    got = attack.result()
    assert got["heard"] == [], got
    assert not [one for one in got["taken"] if isinstance(one, str) or one[1] == kept.port], got["taken"]


def asks(kept: Hub, route: str, token: str) -> Callable[[], int]:
    """One request with a token: as a program, as a browser, as a notebook; returns the status, 0 for no answer."""
    session = {"Cookie": f"__Host-eci-session={token}; eci-session={token}; service-eci={token}"}

    def through_proxy() -> int:
        path, headers = (SUBJECTS, {"Authorization": f"Bearer {token}"}) if route == "api" else ("", session)
        try:
            return kept.ask(SERVICE_PREFIX + path, "eci--service", headers=headers).status
        except OSError:
            return 0

    def as_notebook() -> int:
        try:
            Line(kept.api, token, "s").ask("GET", "projects/liver-ct/subjects", again=False)
        except EciError:
            return 403
        return 200

    return as_notebook if route == "notebook" else through_proxy


def during(seconds: float, ask: Callable[[], int]) -> list[int]:
    """All answers in that time."""
    stop, got = time.monotonic() + seconds, []
    while time.monotonic() < stop:
        got.append(ask())
        time.sleep(0.05)
    return got


@pytest.mark.parametrize("route", ROUTES)
def test_a_made_up_token_is_nobodys_while_the_hub_is_killed(kept: Hub, ben: Page, route: str) -> None:
    with ThreadPoolExecutor() as pool:
        attack = impostor(kept, pool, 12)
        time.sleep(1)
        before = kept.pid
        os.kill(before, signal.SIGKILL)
        assert 200 not in during(10, asks(kept, route, "whatever-i-like"))
        check_nothing_gained(kept, attack)
    assert until(lambda: alive(kept), 30) and kept.pid != before


def alive(kept: Hub) -> bool:
    """Whether hub and service answer through the proxy."""
    try:
        return all(
            kept.ask(path, who).status == 200
            for path, who in (("/hub/health", ""), (f"{SERVICE_PREFIX}health", "eci--service"))
        )
    except OSError:
        return False


@pytest.mark.parametrize("route", ROUTES)
def test_a_made_up_token_is_nobodys_while_the_hub_hangs(kept: Hub, ben: Page, route: str) -> None:
    with ThreadPoolExecutor() as pool:
        attack = impostor(kept, pool, 6)
        os.kill(kept.pid, signal.SIGSTOP)
        try:
            assert 200 not in during(5, asks(kept, route, "whatever-i-like"))
        finally:
            os.kill(kept.pid, signal.SIGCONT)
        check_nothing_gained(kept, attack)
    assert until(lambda: alive(kept), 30)


@pytest.mark.parametrize("whole", [False, True], ids=["service", "with-its-supervisor"])
@pytest.mark.parametrize("route", ROUTES)
def test_nobody_gets_requests_of_a_service_that_was_killed(kept: Hub, ben: Page, route: str, whole: bool) -> None:
    token = kept.as_user("ben", "answer(os.environ['JUPYTERHUB_API_TOKEN'])")
    ask = asks(kept, route, token)
    with ThreadPoolExecutor() as pool:
        attack = impostor(kept, pool, 12)
        time.sleep(1)
        running = kept.processes(having=" -m eci_annotate.hub ")
        begun = time.monotonic()
        os.kill(running[0 if whole else -1], signal.SIGKILL)
        wanted = 403 if route == "page" else 200  # the page is for sessions
        assert until(lambda: ask() == wanted and alive(kept), AT_ONCE_S), kept.log()[-2000:]
        print(f"service back after {time.monotonic() - begun:.1f} s")
        check_nothing_gained(kept, attack)
    assert not set(running[-1:]) & set(kept.processes(having=" -m eci_annotate.hub "))


def test_nobody_gets_requests_of_a_proxy_that_was_killed(kept: Hub, ben: Page) -> None:
    with ThreadPoolExecutor() as pool:
        attack = impostor(kept, pool, 10)
        time.sleep(1)
        os.kill(kept.processes(having="configurable-http-proxy")[0], signal.SIGKILL)
        got = during(7, lambda: kept.ask("/hub/health").status if alive(kept) else 0)
        check_nothing_gained(kept, attack)
    assert got[-1] == 200


def test_nobody_gets_requests_of_a_user_server_that_was_killed(kept: Hub, ben: Page) -> None:
    """With the user's cookies, which are a login."""
    server = kept.processes("ben", "voila_server")[0]
    place = kept.as_user("ben", "answer(os.environ['JUPYTERHUB_SERVICE_URL'])")
    with ThreadPoolExecutor() as pool:
        attack = impostor(kept, pool, 6, int(place.split(":")[2].split("/")[0]))
        time.sleep(0.5)
        os.kill(server, signal.SIGKILL)
        got = during(4, lambda: kept.ask_as(ben, "/user/ben/", "ben").status)
        check_nothing_gained(kept, attack)
    assert 200 not in got
    with ben.context.new_page() as again:
        assert until(lambda: started_again(kept, again, "ben"), 90), kept.log()[-2000:]


def started_again(kept: Hub, page: Page, name: str) -> bool:
    """Ask for a server until one runs: the hub first has to notice that the old one ended."""
    page.goto(kept.url(f"/hub/spawn/{name}"))
    return until(lambda: bool(kept.processes(name, "ipykernel_launcher")), 15)


def test_names_of_sockets_are_roots(kept: Hub, ben: Page) -> None:
    code = """
def link(path): os.symlink(aim, path)
tries = []
for folder in folders:
    tries += [refusal(os.mkdir, folder + "/x"), refusal(os.rename, folder, folder + "x"), refusal(link, folder + "/y")]
tries += [refusal(os.unlink, one) for one in sockets] + [refusal(os.rename, one, one + "x") for one in sockets]
answer(tries)
"""
    folders = [str(kept.sockets / name) for name in ("", "proxy", "servers")] + ["/run/eci-hub", "/run"]
    sockets = [str(kept.sockets / name) for name in ("hub.sock", "service.sock")]
    got = kept.as_user("anna", code, folders=folders, sockets=sockets, aim="/tmp")
    assert set(got) == {"PermissionError"}, got


def test_no_process_of_a_user_has_the_public_socket(kept: Hub, ben: Page) -> None:
    lines = map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
    listening = {f"socket:[{one[9]}]" for one in lines if one[3] == "0A" and int(one[1].split(":")[1], 16) == kept.port}
    assert listening
    for process in kept.processes("anna") + kept.processes("ben"):
        for one in Path(f"/proc/{process}/fd").iterdir():
            with suppress(FileNotFoundError):
                assert str(one.readlink()) not in listening, Path(f"/proc/{process}/cmdline").read_text()


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_hub_and_it_starts_again(kept: Hub, ben: Page, sign: signal.Signals) -> None:
    below = [one for one in kept.processes() if one != kept.process.pid]
    server = kept.processes("ben", "voila_server")[0]
    mine = [one for one in below if Path(f"/proc/{one}").stat().st_uid not in (kept.uid("anna"), kept.uid("ben"))]
    assert len(mine) >= 5, "hub, proxy, supervisor, service, culler"
    token = kept.as_user("ben", "answer(os.environ['JUPYTERHUB_API_TOKEN'])")
    tokens = (kept.folder / "service_tokens.json").read_bytes()
    os.kill(kept.process.pid, sign)
    assert kept.process.wait(75) is not None  # it is killed if it has not ended after 60 s
    assert until(lambda: not [one for one in mine if Path(f"/proc/{one}").exists()], 20)
    kept.process = start(kept.folder, kept.port)
    assert kept.processes("ben", "voila_server")[0] == server, "it outlived the hub, and is not started again"
    assert until(lambda: kept.ask_as(ben, "/user/ben/", "ben").status == 200, 20)
    assert until(lambda: asks(kept, "notebook", token)() == 200, 10)
    assert (kept.folder / "service_tokens.json").read_bytes() == tokens
