"""Hostile code in a kernel: each attempt runs as that kernel's system user, with its whole environment, and fails."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.hub.hub_world import SERVICE_PREFIX, Hub
from tests.patience import until

Of = Callable[[str], Page]
pytestmark = pytest.mark.needs_root

HIDDEN = [
    "hub.sqlite", "cookie_secret", "uids.json", "accounts.yaml", "proxy.pid", "service", "repository/eci.json",
    "repository/members", "repository/members/anna.service",
    "repository/authority/service.secret", "repository/authority/authority.key", "repository/archive",
    "homes/ben", "homes/ben/.cache", "homes/ben/.tmp",
]  # fmt: skip


@pytest.fixture(autouse=True)
def both(of: Of) -> None:
    """The attacker's and the victim's servers run."""
    of("anna")
    of("ben")


@pytest.mark.parametrize("name", HIDDEN)
def test_no_file_of_others_is_read(hub: Hub, name: str) -> None:
    look = "answer(refusal(os.listdir if Path(path).is_dir() else open, path))"
    try_it = f"""
try:
    {look}
except PermissionError as error:
    answer(type(error).__name__)
"""
    assert (hub.folder / name).exists()
    assert hub.as_user("anna", try_it, path=str(hub.folder / name)) == "PermissionError"


@pytest.mark.parametrize("name", ["", "homes", "homes/ben", "service", "repository", "python/bin"])
def test_no_file_is_written_elsewhere(hub: Hub, name: str) -> None:
    code = "answer(refusal(Path(path, 'left.txt').write_text, 'x'))"
    there = (hub.folder / name).exists()  # `python` only where the interpreter is out of reach
    assert hub.as_user("anna", code, path=str(hub.folder / name)) == (
        "PermissionError" if there else "FileNotFoundError"
    )


def test_folders_do_not_tell_who_is_there(hub: Hub) -> None:
    code = "answer([refusal(os.listdir, one) for one in paths])"
    paths = [str(hub.folder), str(hub.folder / "homes"), "/run/eci-hub"]
    assert hub.as_user("anna", code, paths=paths) == ["PermissionError"] * 3


def others(hub: Hub) -> dict[str, int]:
    """Processes that hold secrets."""
    found = {
        "hub": hub.process.pid,
        "proxy": hub.processes(having="configurable-http-proxy")[0],
        "service": hub.processes(having=" -m eci_annotate.hub ")[0],
        "culler": hub.processes(having="jupyterhub_idle_culler")[0],
        "decoder": hub.processes(having="decoder.worker_host")[0],
        "ben's server": hub.processes("ben", "voila_server")[0],
        "ben's kernel": hub.kernel("ben"),
    }
    assert len(set(found.values())) == 7
    return found


def test_what_decodes_images_reads_no_file_and_knows_no_token(hub: Hub) -> None:
    (host,) = hub.processes(having="decoder.worker_host")
    uid = int(Path(f"/proc/{host}/cmdline").read_bytes().split(b"\0")[-3])
    (service,) = hub.processes(having=" -m eci_annotate.hub ")[-1:]
    assert uid not in (0, Path(f"/proc/{service}").stat().st_uid, hub.uid("anna"), hub.uid("ben"))
    assert b"TOKEN" not in Path(f"/proc/{host}/environ").read_bytes()
    for name in HIDDEN:
        tried = ["/usr/bin/test", "-r", str(hub.folder / name)]
        assert subprocess.run(tried, user=uid, group=uid, extra_groups=[], check=False).returncode == 1, name


@pytest.mark.parametrize("what", ["environ", "mem", "fd", "cwd", "root"])
def test_no_process_of_others_is_read(hub: Hub, what: str) -> None:
    code = """
def look(process):
    path = f"/proc/{process}/{what}"
    if what == "fd": os.listdir(path)
    elif what in ("cwd", "root"): os.readlink(path)
    else: open(path, "rb").read(1)
answer({name: refusal(look, process) for name, process in processes.items()})
"""
    found = hub.as_user("anna", code, processes=others(hub), what=what)
    assert set(found.values()) == {"PermissionError"}, found


def test_no_process_of_others_is_ended(hub: Hub) -> None:
    code = "answer([refusal(os.kill, process, signal.SIGTERM) for process in processes])"
    processes = list(others(hub).values())
    assert hub.as_user("anna", code, processes=processes) == ["PermissionError"] * len(processes)


def test_nobody_becomes_somebody_else(hub: Hub) -> None:
    code = "answer([refusal(os.setuid, 0), refusal(os.setuid, uid), refusal(os.setgid, 0), refusal(os.setgroups, [0])])"
    assert hub.as_user("anna", code, uid=hub.uid("ben")) == ["PermissionError"] * 4
    assert hub.uid("ben") != hub.uid("anna")


def test_the_environment_has_one_token_and_no_other_secret(hub: Hub) -> None:
    names = hub.as_user("anna", "answer(sorted(os.environ))")
    assert not {"CONFIGPROXY_AUTH_TOKEN", "ECI_HUB_CONFIG", "ECI_ANNOTATE_CREDENTIAL", "ECI_ANNOTATE_SECRET"} & set(
        names
    )
    assert not [name for name in names if name.startswith("ECI_HUB_")]
    tokens = {hub.as_user("anna", f"answer(os.environ[{name!r}])") for name in names if "TOKEN" in name}
    assert len(tokens) == 1


LISTEN = """
import time, zmq
def ports():
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [int(p[1].split(":")[1], 16) for p in map(str.split, lines) if p[3] == "0A" and int(p[7]) == uid]
context, heard = zmq.Context(), 0
one = context.socket(zmq.SUB)
one.subscribe(b"")
found = ports()
for port in found:
    one.connect(f"tcp://127.0.0.1:{port}")
end = time.monotonic() + 2
while time.monotonic() < end:
    heard += bool(one.poll(100) and one.recv_multipart())
answer([len(found), heard])
"""
CHATTER = """
import time
from jupyter_client import BlockingKernelClient
client, heard = BlockingKernelClient(), []
client.load_connection_file(file)
client.start_channels()
end = time.monotonic() + 6
while time.monotonic() < end:
    client.kernel_info()
    try:
        client.get_shell_msg(timeout=1)  # what is asked is answered before the next question
        heard.append(client.get_iopub_msg(timeout=0.1)["msg_type"])
    except Exception:
        pass
answer(heard)
"""


def test_what_a_kernel_publishes_reaches_nobody_else(hub: Hub) -> None:
    """ZMQ over TCP could be subscribed to by every user of the machine; the owner's socket file cannot."""
    line = Path(f"/proc/{hub.kernel('ben')}/cmdline").read_text()
    file = next(word for word in line.split("\0") if word.endswith(".json"))
    with ThreadPoolExecutor() as beside:
        own = beside.submit(hub.as_user, "ben", CHATTER, file=file)
        time.sleep(1.5)
        ports, heard = hub.as_user("anna", LISTEN, uid=hub.uid("ben"))
        assert len(own.result()) > 5, "the owner hears it: there was something to hear"
    assert json.loads(Path(file).read_text())["transport"] == "ipc"
    assert ports >= 1 and heard == 0


def test_sockets_of_kernels_are_their_owners(hub: Hub) -> None:
    sockets = [path for path in Path("/run/eci-hub", str(hub.uid("ben"))).rglob("*") if path.is_socket()]
    assert len(sockets) >= 4, "where the kernel's sockets are"
    code = """
def connect(path):
    with socket.socket(socket.AF_UNIX) as one: one.connect(path)
answer([refusal(connect, path) for path in sockets])
"""
    assert set(hub.as_user("anna", code, sockets=[str(path) for path in sockets])) == {"PermissionError"}


def test_a_server_is_no_use_without_its_owners_login(hub: Hub) -> None:
    code = """
base = f"http://127.0.0.1:{port}/user/ben/"
host = {"Host": f"ben.hub.localhost:{port}"}
mine = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"], **host}
upgrade = {**host, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
channels = base + f"api/kernels/{kernel}/channels"
answer([ask(base, headers=host)[0], ask(base, headers=mine)[0], ask(channels, headers=upgrade)[0],
        ask(channels, headers=upgrade | mine)[0], ask(base + "voila/api/shutdown/" + kernel, "POST", mine)[0],
        ask(base + "voila/api/shutdown/" + kernel, "POST", host)[0],
        ask(base + "api/kernels/" + kernel, "DELETE", mine)[0]])
"""
    line = Path(f"/proc/{hub.kernel('ben')}/cmdline").read_text()
    kernel = line.split("kernel-")[1].split(".json")[0]
    got = hub.as_user("anna", code, port=hub.port, kernel=kernel)
    assert got[0] == 302 and got[1] == 403 and set(got[2:]) == {403}, got


HUB_API = [
    ("POST", "users/anna/tokens"), ("GET", "users/anna/tokens"),
    ("POST", "users/ben/tokens"), ("GET", "users"),
    ("GET", "users/ben"), ("PATCH", "users/anna"), ("DELETE", "users/ben"),
    ("POST", "users/mallory"),
    ("GET", "groups"), ("POST", "groups/liver-ct%2Fowner/users"), ("GET", "services"), ("GET", "services/eci"),
    ("GET", "proxy"), ("GET", "info"), ("POST", "shutdown"), ("POST", "users/ben/server"),
    ("DELETE", "users/ben/server"), ("POST", "users/anna/server"),
    ("POST", "users/ben/activity"), ("POST", "users/ben/shares"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), HUB_API)
def test_the_kernels_token_does_nothing_at_the_hub(hub: Hub, method: str, path: str) -> None:
    code = """
headers = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"], "Content-Type": "application/json"}
body = b'{"users": ["anna"], "admin": true, "servers": {}}' if method in ("POST", "PATCH") else None
answer(ask(os.environ["JUPYTERHUB_API_URL"] + "/" + path, method, headers, body))
"""
    status, body = hub.as_user("anna", code, method=method, path=path)
    assert status in {403, 404}, (status, body)


def test_the_token_says_little(hub: Hub) -> None:
    code = """
headers = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}
answer(json.loads(ask(os.environ["JUPYTERHUB_API_URL"] + "/user", headers=headers)[1])["scopes"])
"""
    scopes = hub.as_user("anna", code)
    known = {"access:services!service=eci", "users:activity!user=anna", "access:servers!server=anna/"}
    reading = {one for one in scopes if one.startswith("read:users:") and one.endswith("!user=anna")}
    assert set(scopes) - reading == known and "custom:eci:person" not in scopes


def test_the_token_is_no_login(hub: Hub) -> None:
    code = """
token = os.environ["JUPYTERHUB_API_TOKEN"]
hub = os.environ["JUPYTERHUB_API_URL"].removesuffix("/api")
ask_for = (f"{hub}/api/oauth2/authorize?client_id=service-eci&response_type=code"
           "&redirect_uri=/services/eci/oauth_callback&state=x")
ways = [({"Authorization": "token " + token}, ""), ({}, "&token=" + token),
        ({"Cookie": f"jupyterhub-hub-login={token}; __Host-jupyterhub-hub-login={token}"}, "")]
answer([[*ask(ask_for + more, headers=headers)] for headers, more in ways] +
       [[*ask(ask_for, "POST", ways[0][0], b"scopes=identify")]])
"""
    got = hub.as_user("anna", code)
    assert [status for status, _ in got[:3]] == [302, 302, 302] and got[3][0] == 403
    grants = """
token, client = os.environ["JUPYTERHUB_API_TOKEN"], os.environ["JUPYTERHUB_CLIENT_ID"]
url = os.environ["JUPYTERHUB_API_URL"] + "/oauth2/token"
base = f"client_secret={token}&redirect_uri=/user/anna/oauth_callback"
wishes = [f"grant_type=authorization_code&code=x&client_id={client}",
          f"grant_type=client_credentials&client_id={client}",
          f"grant_type=password&username=anna&password=x&client_id={client}",
          f"grant_type=refresh_token&refresh_token={token}&client_id={client}",
          "grant_type=authorization_code&code=x&client_id=service-eci"]
form = {"Content-Type": "application/x-www-form-urlencoded"}
answer([ask(url, "POST", form, f"{base}&{wish}".encode())[0] for wish in wishes])
"""
    assert set(hub.as_user("anna", grants)) <= {400, 401, 403}


def test_only_the_hub_and_the_proxy_reach_the_inner_sockets(hub: Hub) -> None:
    code = """
def connect(path):
    with socket.socket(socket.AF_UNIX) as one: one.connect(path)
answer([refusal(connect, path) for path in paths])
"""
    paths = [hub.sockets / "proxy" / "api.sock", hub.server("ben"), hub.server("anna")]
    assert hub.as_user("anna", code, paths=list(map(str, paths))) == ["PermissionError"] * 3
    assert all(path.is_socket() for path in paths)


def test_what_a_user_leaves_behind_ends_with_his_server(of: Of, hub: Hub) -> None:
    """Or it could go on at the port of his next server, or of the service."""
    code = """
if os.fork() == 0:
    os.setsid()
    for number in (0, 1, 2):
        os.dup2(os.open("/dev/null", os.O_RDWR), number)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.execlp("sleep", "sleep", "3333")
answer(0)
"""
    hub.as_user("ben", code)
    assert until(lambda: hub.processes("ben", "sleep 3333"), 10), "it does not even begin"
    home = of("ben").context.new_page()
    home.goto(hub.url("/hub/home"))
    home.wait_for_function("window._jupyterhub_page_loaded")  # or the button does nothing yet
    with home.expect_response(lambda answer: answer.request.method == "DELETE") as stopped:
        home.click("#stop")
    assert stopped.value.status in (202, 204)
    home.wait_for_selector("#start:has-text('Start My Server')")
    until(lambda: not hub.processes("ben"), 5)
    assert hub.processes("ben") == []


def test_a_refused_form_is_answered_by_the_service(hub: Hub) -> None:
    """And not by the proxy with 503, because the service had ended the connection before the form was sent."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://evil.example"}
    path = f"{SERVICE_PREFIX}sign/liver-ct/ECI_KAU_S0001/00"
    got = {
        hub.ask(path, "eci--service", "POST", headers, "token=" + "x" * size).status for size in range(0, 60_000, 1500)
    }
    assert got == {403}


def test_the_hub_and_the_service_still_stand(hub: Hub) -> None:
    assert hub.ask("/hub/health").status == 200 and hub.process.poll() is None
    assert hub.ask("/services/eci/health", "eci--service").status == 200


HOG = """
import sys
from pathlib import Path
from eci_annotate.userservers.cgroups import Cage
Cage.of(sys.argv[1], 29_999, memory_bytes=96 * 2**20, cpus=1).enter()
held = [bytearray(2**20) for _ in range(int(sys.argv[2]))]
print("held", len(held))
"""


def test_who_takes_too_much_memory_is_ended_alone() -> None:
    from eci_annotate.userservers.cgroups import found_root

    root = found_root()
    if not root:
        pytest.skip("this machine lets nobody make control groups; docs/hub.md says what follows")
    little, much = (
        subprocess.run([sys.executable, "-c", HOG, root, str(many)], capture_output=True, text=True)
        for many in (20, 400)
    )
    assert little.stdout == "held 20\n", little.stderr
    assert much.returncode == -9 and "held" not in much.stdout
