"""The page's server: limits of head, body, time and connections; TLS; it goes on after anything that is sent to it."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eci_annotate.proxy.page.http_server import MOST_AT_ONCE, LimitedServer
from eci_annotate.proxy.page.page_service import page_in_background
from eci_annotate.proxy.site_server import serve
from tests.deid.planted import leaks
from tests.patience import listens, until
from tests.ports import free_port
from tests.proxy.page_world import COOKIE, COST, PASSWORD, USER, Site

READ_S = 1.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("page"), page={"port": 0})


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[LimitedServer]:
    with page_in_background(site.proxy, COST, READ_S) as running:
        assert running is not None
        yield running


def ask(server: LimitedServer, method: str, path: str, body: bytes | str = b"", **headers: str) -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    line.request(method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = line.getresponse()
    return answer.status, answer.read().decode() + str(answer.headers)


def raw(server: LimitedServer, content: bytes) -> bytes:
    """What is answered to bytes, up to the end."""
    with socket.create_connection(("127.0.0.1", server.server_port), 30) as line:
        try:
            line.sendall(content)
            return b"".join(iter(lambda: line.recv(65536), b""))
        except ConnectionError:
            return b""


def test_each_answer_forbids_scripts_frames_copies_and_referrers(server: LimitedServer) -> None:
    for path in ("/login", "/queue", "/style.css"):
        _, told = ask(server, "GET", path)
        assert "default-src 'none'" in told and "script-src" not in told and "frame-ancestors 'none'" in told
        assert "Cache-Control: no-store" in told and "Referrer-Policy: no-referrer" in told
        assert "Server:" not in told and "<script" not in told and "style=" not in told
    assert ask(server, "HEAD", "/login")[1].startswith("Cache-Control")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n\r\n",
        b"KanariePID77\r\n\r\n",
        b"GET /KanariePID77\r\n\r\n",
        b"GET /KanariePID77 HTTP/9.9\r\n\r\n",
        b"DELETE /KanariePID77 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /KanariePID77 HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"GET http://evil.example/KanariePID77 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nKanariePID77\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: \xff\xfe=Kanarie;;;=\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \xb2\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\n%%%%",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=\xff\xff",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: Kanarie\r\n" * 99 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 Kanarie",
    ],
)
def test_what_is_no_request_is_refused_and_repeated_nowhere(
    site: Site,
    server: LimitedServer,
    content: bytes,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.create_connection(("127.0.0.1", server.server_port), 30) as line:
        line.sendall(content)
        line.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert b" 200 " not in answer.split(b"\n")[0] and b"Traceback" not in answer and b"root:" not in answer
    told = capfd.readouterr()
    assert leaks(answer + (told.out + told.err + caplog.text + site.records()).encode()) == []
    assert ask(server, "GET", "/login")[0] == 200


def test_heads_and_bodies_beyond_the_limit_are_refused(server: LimitedServer) -> None:
    assert b" 200 " not in raw(
        server, b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * (20 << 10) + b"\r\n\r\n"
    )
    many = b"".join(b"X%d: %s\r\n" % (n, b"a" * 1000) for n in range(90))
    assert b" 200 " not in raw(server, b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n" + many + b"\r\n")
    assert ask(server, "POST", "/login", b"a" * (65 << 10), **FORM)[0] == 413
    assert ask(server, "POST", "/login", b"a=1&" * 5000, **FORM)[0] == 400
    assert b" 413 " in raw(
        server, b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n" + b"a" * (1 << 20)
    )
    assert ask(server, "POST", "/login", b"a=1", Content_Type="text/plain")[0] == 415
    assert ask(server, "GET", "/login")[0] == 200


def test_slow_and_silent_clients_are_cut_off_and_do_not_keep_others_out(server: LimitedServer) -> None:
    lines = [socket.create_connection(("127.0.0.1", server.server_port), 30) for _ in range(MOST_AT_ONCE + 8)]
    begun = time.monotonic()
    lines[0].sendall(b"GET /login HTTP/1.1\r\n")
    with pytest.raises(OSError):
        while time.monotonic() - begun < 20:
            lines[0].sendall(b"X: y\r\n")  # always a little more
            time.sleep(0.1)
        raise AssertionError("a slow client was not cut off")
    for line in lines:
        line.close()
    assert ask(server, "GET", "/login")[0] == 200


def test_a_login_works_over_the_network_and_over_tls(tmp_path: Path) -> None:
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names]
    folder = tmp_path / "site"
    folder.mkdir()
    subprocess.run([*words, "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)
    site = Site(tmp_path, page={"port": 0, "tls": {"certificate": "cert", "key": "key"}})
    with page_in_background(site.proxy, COST, READ_S) as server:
        assert server is not None
        silent = socket.create_connection(("127.0.0.1", server.server_port))  # never says hello
        trusted = ssl.create_default_context(cafile=str(folder / "cert"))
        line = http.client.HTTPSConnection("127.0.0.1", server.server_port, timeout=30, context=trusted)
        line.request("GET", "/login")
        answer = line.getresponse()
        cookie, body = answer.headers["Set-Cookie"], answer.read().decode()
        assert cookie.startswith("__Host-") and "; Secure" in cookie
        token = body.split('name="token" value="')[1].split('"')[0]
        form = f"user={USER}&password={PASSWORD.replace(' ', '+')}&token={token}"
        line.request("POST", "/login", form, {"Cookie": cookie.split(";")[0], "Origin": "null", **FORM})
        answer = line.getresponse()
        assert answer.status == 303 and f"__Host-{COOKIE}=" in str(answer.headers)
        silent.close()


def test_without_a_user_the_page_is_off(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.users.delete(USER)
    with page_in_background(site.proxy) as server:
        assert server is None


def test_the_page_is_a_part_of_the_proxy_that_runs(tmp_path: Path) -> None:
    port = free_port()
    site = Site(tmp_path, page={"port": port})
    over = threading.Event()
    running = threading.Thread(target=serve, args=(site.proxy, over))
    running.start()
    try:
        assert until(lambda: listens(port)), "the page did not open"
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        line.request("GET", "/login")
        assert line.getresponse().status == 200
        site.receive(tmp_path / "hospital")
        until(lambda: site.proxy.queue.counts().get("quarantined") == 3)
        assert site.proxy.queue.counts() == {"quarantined": 3, "de-identified": 1}
    finally:
        over.set()
        running.join()
