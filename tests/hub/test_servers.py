"""The parts of a user's server that need no hub: numbers, folders, interpreters, accounts, the banner."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders
from tornado.web import Application

from eci_annotate.errors import Refused
from eci_annotate.userservers import accounts, banner, python_interpreter
from eci_annotate.userservers.spawner import SharedSpawner, UidSpawner, end_all, without_outputs
from eci_annotate.userservers.system_users import FIRST, UidMap
from tests.hub.hub_world import CHECKOUT, place
from tests.ports import free_ports


def test_a_number_is_given_once_and_for_ever(tmp_path: Path) -> None:
    names = [f"user{number % 40}" for number in range(400)]
    with ThreadPoolExecutor(8) as many:
        given = list(many.map(lambda name: UidMap(tmp_path / "uids.json").uid(name), names))
    known = dict(zip(names, given, strict=True))
    assert sorted(known.values()) == list(range(FIRST, FIRST + 40))
    assert [UidMap(tmp_path / "uids.json").uid(name) for name in names] == given
    assert (tmp_path / "uids.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "../x", "a b", "ä", ".ssh", "x" * 60])
def test_no_name_leads_out_of_the_folder_of_homes(tmp_path: Path, name: str) -> None:
    spawner = SharedSpawner(user=SimpleNamespace(name=name), homes=str(tmp_path))
    assert spawner.home.resolve().parent == tmp_path.resolve() and not spawner.home.name.startswith(".")


def anna(folder: Path) -> UidSpawner:
    """A user's spawner, in folders of a test."""
    (folder / "run").mkdir()
    places = {"homes": str(folder / "homes"), "runtime": str(folder / "run"), "uid_file": str(folder / "uids.json")}
    return UidSpawner(user=SimpleNamespace(name="anna"), **places)


@pytest.mark.needs_root
def test_a_home_of_somebody_else_is_given_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "homes" / "anna").mkdir(parents=True)
    os.chown(tmp_path / "homes" / "anna", 25_000, 25_000)
    spawner = anna(tmp_path)
    with pytest.raises(PermissionError, match="belongs to another"):
        spawner.make_places(FIRST)


@pytest.mark.needs_root
def test_root_writes_nothing_where_a_user_could_lay_a_link(tmp_path: Path) -> None:
    (tmp_path / "homes").mkdir()
    spawner = anna(tmp_path)
    spawner.make_places(FIRST)
    made = [path for path in tmp_path.rglob("*") if path.stat().st_uid == FIRST]
    assert made == [tmp_path / "homes" / "anna", tmp_path / "run" / str(FIRST)] or len(made) == 2
    assert list(spawner.home.iterdir()) == [], "what is inside, the user makes himself"
    (tmp_path / "run" / str(FIRST)).rmdir()
    (tmp_path / "run" / str(FIRST)).symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        spawner.make_places(FIRST)


def test_a_notebook_is_given_without_what_it_showed_somebody(tmp_path: Path) -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "source": "1 + 1", "execution_count": 7, "outputs": [{"text": "ECI_KAU_S0001"}]},
        {"cell_type": "markdown", "source": "é"},
    ]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}), encoding="utf-8")
    given = json.loads(without_outputs(path))
    assert given["cells"] == [{**cells[0], "execution_count": None, "outputs": []}, cells[1]] and given["nbformat"] == 4


def test_a_gift_is_given_once(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "1", "outputs": [{"text": "of somebody else"}], "execution_count": 3}
    (tmp_path / "first.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    spawner = SharedSpawner(
        user=SimpleNamespace(name="anna"), homes=str(tmp_path), gifts=[str(tmp_path / "first.ipynb")]
    )
    spawner.fill_home()
    (given,) = json.loads((spawner.home / "first.ipynb").read_text())["cells"]
    assert given["source"] == "1" and given["outputs"] == [] and given["execution_count"] is None
    (spawner.home / "first.ipynb").write_text("changed")
    spawner.fill_home()
    assert (spawner.home / "first.ipynb").read_text() == "changed"


@pytest.mark.needs_root
def test_all_processes_of_a_user_are_ended_and_no_others() -> None:
    mine, other = (subprocess.Popen(["sleep", "60"], user=uid, group=uid) for uid in (26_001, 26_002))
    end_all(26_001)
    assert mine.wait(5) == -9 and other.poll() is None
    other.kill()
    other.wait()


@pytest.mark.needs_root
def test_an_interpreter_out_of_reach_is_replaced() -> None:
    folder = place()
    (folder / "closed").mkdir(mode=0o700)
    hidden = folder / "closed" / "python"
    hidden.symlink_to(sys.executable)
    made = python_interpreter.user_python(folder / "thin", running=hidden)
    code = "import eci_annotate, jupyterhub, numpy, sys; print(sys.prefix)"
    done = subprocess.run([made, "-c", code], user=27_000, group=27_000, capture_output=True, text=True, cwd="/")
    assert done.stdout.strip() == str(folder / "thin"), done.stderr


def test_packages_out_of_reach_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(closed))
    with pytest.raises(Refused, match="cannot read"):
        python_interpreter.user_python(tmp_path / "thin")


def test_accounts_are_made_and_passwords_renewed(tmp_path: Path) -> None:
    from jupyterhub import orm
    from nativeauthenticator.orm import UserInfo

    url = f"sqlite:///{tmp_path}/hub.sqlite"
    first = accounts.make_accounts(url, {"anna": None, "ben": "long enough words"})
    second = accounts.make_accounts(url, {"anna": None})
    session = orm.new_session_factory(url)()
    anna, ben = UserInfo.find(session, "anna"), UserInfo.find(session, "ben")
    assert anna.is_valid_password(second["anna"]) and not anna.is_valid_password(first["anna"])
    assert ben.is_valid_password("long enough words") and ben.is_authorized
    assert (tmp_path / "hub.sqlite").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="too short"):
        accounts.make_accounts(url, {"anna": "short"})


@pytest.mark.parametrize(("kind", "changed"), [("text/html; charset=UTF-8", True), ("application/json", False)])
def test_the_banner_is_on_pages_alone(kind: str, changed: bool) -> None:
    page = b"<html><body class='x'>hello</body></html>"
    headers = HTTPHeaders({"Content-Type": kind, "Content-Length": str(len(page))})
    _, headers, chunk = banner.Banner(None).transform_first_chunk(200, headers, page, True)
    assert (b"eci-insecure-demo" in chunk) is changed and int(headers["Content-Length"]) == len(chunk)


def test_the_banner_waits_for_the_body_of_a_page_in_parts() -> None:
    one = banner.Banner(None)
    headers = HTTPHeaders({"Content-Type": "text/html"})
    parts = [one.transform_first_chunk(200, headers, b"<head></head>", False)[2]]
    parts += [one.transform_chunk(part, False) for part in (b"\n<body id=", b"'b'", b">x", b"<body>", b"end")]
    whole = b"".join(parts)
    assert (
        whole.count(b"eci-insecure-demo") == 1
        and whole.startswith(b"<head></head>\n<body id='b'><div")
        and whole.endswith(b"x<body>end")
    )


def test_a_file_that_comes_in_parts_keeps_its_length() -> None:
    headers = HTTPHeaders({"Content-Type": "text/javascript", "Content-Length": "1000"})
    assert banner.Banner(None).transform_first_chunk(200, headers, b"<body>", False)[2] == b"<body>"
    assert headers["Content-Length"] == "1000"


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False), (None, False)])
def test_the_banner_is_shown_where_it_is_true(monkeypatch: pytest.MonkeyPatch, value: str | None, shown: bool) -> None:
    monkeypatch.delenv(banner.INSECURE, raising=False)
    if value is not None:
        monkeypatch.setenv(banner.INSECURE, value)
    application = Application()
    banner.show_on(application)
    assert (banner.Banner in application.transforms) is shown


def test_an_administrator_makes_accounts_at_the_terminal(tmp_path: Path) -> None:
    program = [Path(sys.executable).parent / "eci-annotate", "hub", "account", "anna", "ben", "--state", tmp_path]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0 and "anna" in done.stdout and "ben" in done.stdout, done.stderr
    none = subprocess.run([*program[:-1], tmp_path / "none"], capture_output=True, text=True)
    assert none.returncode == 1 and "No hub" in none.stderr


def test_the_demo_says_when_its_port_is_taken() -> None:
    sys.path.insert(0, str(CHECKOUT / "hubconfig"))
    import demo

    port = free_ports(1)
    demo.check_port(port)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(Refused, match=f"Port {port} is taken"):
            demo.check_port(port, patience_s=0.5)
