"""Who arrives where, and what of a server a radiologist can reach: the one page, and nothing behind it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page

from tests.hub.hub_world import OUTSIDER, Hub, log_in
from tests.patience import until

Of = Callable[[str], Page]
APP, LAB, SERVICE = "app", "lab", "service"
BEHIND = [
    "lab", "lab/tree/01_annotate.ipynb", "tree", "notebooks/01_annotate.ipynb", "edit/x.py", "consoles/x",
    "api/contents", "api/contents/01_annotate.ipynb", "api/terminals", "terminals/1", "api/sessions",
    "api/kernels", "api/kernelspecs",
    "files/01_annotate.ipynb", "voila/tree", "voila/render/01_annotate.ipynb", "voila/api/contents", "nbconvert/html/x",
    "voila/files/01_annotate.ipynb", "voila/files/sample/SOURCE.txt", "proxy/18010/", "metrics", "api/config/x",
    "api/nbconvert", "lab/api/settings", "api/shutdown", "hub/admin",
]  # fmt: skip
CHANGES = ["api/contents/x.ipynb", "api/kernels", "api/sessions", "api/terminals", "files/x.py", "lab/api/workspaces/x"]


def lands(page: Page) -> str:
    """What kind of page it is."""
    if page.url.split("/")[2].startswith("eci--service"):
        return SERVICE
    if page.locator("body[data-voila]").count():
        return APP
    page.wait_for_selector("#jupyter-config-data", state="attached")
    return LAB if "/lab" in page.url else page.url


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("anna", APP), ("ben", APP), ("ruth", APP), (OUTSIDER, APP), ("dev", LAB), ("tess", LAB),
        ("olga", SERVICE), ("dora", SERVICE), ("axel", SERVICE),
    ],
)  # fmt: skip
def test_each_role_lands_at_its_place(of: Of, hub: Hub, name: str, where: str) -> None:
    page = of(name)
    assert lands(page) == where
    assert page.url.split("/")[2] == f"{hub.host('eci--service' if where == SERVICE else name)}:{hub.port}"


def test_the_developer_has_the_inspect_notebook(of: Of) -> None:
    page = of("dev")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    assert page.url.endswith("/lab/tree/02_inspect.ipynb")
    page.wait_for_timeout(1500)
    assert page.locator("text=Jupyter news").count() == 0, "nobody in a hospital is asked for news"


def test_the_teacher_has_the_workshop_and_no_task(of: Of, hub: Hub) -> None:
    page = of("tess")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    assert page.url.endswith("/lab/tree/05_workshop.ipynb")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_selector(".eci-stage")
    assert (hub.folder / "homes" / "tess" / "workshop" / "eci.json").exists()
    page.locator(".eci-title", has_text="ECI_SCHOOL_S0001").first.wait_for()


def test_services_of_a_hub_in_the_background_hear_that_it_ends(hub: Hub) -> None:
    for words in (" -m eci_annotate.hub ", "jupyterhub_idle_culler"):
        status = Path(f"/proc/{hub.processes(having=words)[-1]}/status").read_text()
        ignored = int(re.search(r"SigIgn:\s*(\w+)", status)[1], 16)  # type: ignore[index]
        assert not ignored & 1 << signal.SIGINT - 1, "it would be killed after half a minute"


@pytest.mark.parametrize(("name", "password"), [("anna", "not the password"), ("mallory", "anything at all")])
def test_without_an_account_nothing(browser: Browser, hub: Hub, name: str, password: str) -> None:
    page = browser.new_page()
    log_in(page, hub, name, password)
    page.wait_for_selector(".login_error")
    assert "/hub/login" in page.url
    page.goto(hub.url("/user/anna/", "anna"))
    assert "/hub/login" in page.url
    page.context.close()


def test_nobody_makes_an_account_for_himself(hub: Hub) -> None:
    assert hub.ask("/hub/signup").status == 404


def test_a_password_cannot_be_tried_for_ever(browser: Browser, hub: Hub) -> None:
    page = browser.new_page()
    for _ in range(6):
        log_in(page, hub, "axel", "a wrong password")
        page.wait_for_selector(".login_error")
    log_in(page, hub, "axel")
    page.wait_for_selector(".login_error")
    page.context.close()


@pytest.mark.parametrize("path", BEHIND)
def test_a_radiologist_reaches_nothing_behind_the_page(of: Of, hub: Hub, path: str) -> None:
    got = hub.ask_as(of("anna"), f"/user/anna/{path}", "anna")
    assert got.status in {403, 404, 405} and "jupyter-config-data" not in got.text


def test_a_refusal_is_a_page_with_a_way_back_and_no_error_in_the_log(of: Of, hub: Hub) -> None:
    of("anna")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
    got = hub.ask(f"/user/anna/api/kernels/{UUID(int=1)}/channels", "anna", headers=upgrade)
    assert got.status == 403 and "You do not have access to this page" in got.text and 'href="/user/anna/"' in got.text
    assert "Uncaught exception" not in hub.log()


@pytest.mark.parametrize("path", ["nothing", "deep/er/path", "lab", "voila/files/x.png", "voila/templates/x"])
def test_an_address_that_leads_nowhere_is_a_page_with_a_way_back(of: Of, hub: Hub, path: str) -> None:
    page: Any = of("anna").context.new_page()
    answer = page.goto(hub.url(f"/user/anna/{path}", "anna"))
    assert answer.status == 404 and "Page not found" in page.inner_text("h1")
    page.get_by_role("link", name="Go to your tasks").click()
    page.wait_for_selector("body[data-voila]", state="attached")
    page.close()


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", CHANGES)
def test_a_radiologist_changes_nothing_behind_the_page(of: Of, hub: Hub, path: str, method: str) -> None:
    got = hub.ask_as(of("anna"), f"/user/anna/{path}", "anna", method, "{}")
    assert got.status in {403, 404, 405}, got.status


def test_nobody_reaches_the_server_of_another(of: Of, hub: Hub) -> None:
    of("anna")
    for name in ("ben", "dev"):
        page = of(name).context.new_page()
        page.goto(hub.url("/user/anna/", "anna"))
        assert page.locator("body[data-voila]").count() == 0 and "403" in page.content()
        page.close()


SOCKET = """([url, message]) => new Promise((done) => {
  const socket = new WebSocket(url); const got = [];
  socket.onopen = () => { got.push('open'); if (message) socket.send(message); };
  socket.onmessage = (event) => got.push(event.data);
  socket.onerror = () => got.push('error');
  setTimeout(() => { socket.close(); done(got.map(String)); }, 1500);
})"""


def kernel_id(page: Page) -> str:
    """The kernel behind an app's page."""
    page.wait_for_selector("#jupyter-config-data", state="attached")
    text = page.locator("#jupyter-config-data").text_content() or "{}"
    return str(json.loads(text)["kernelId"])


def message(kind: str, content: dict[str, object]) -> str:
    header = {"msg_id": "m1", "msg_type": kind, "session": "s1", "username": "", "version": "5.3", "date": ""}
    return json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})


def test_a_radiologist_runs_no_code_of_his_own(of: Of, hub: Hub) -> None:
    page = of("anna")
    url = f"ws://{hub.host('anna')}:{hub.port}/user/anna/api/kernels/{kernel_id(page)}/channels"
    code = "open('ran', 'w').write('x')"
    ran = message("execute_request", {"code": code, "silent": False, "store_history": False})
    got = page.evaluate(SOCKET, [url, ran])
    assert got[0] == "open" and not any("execute_reply" in one for one in got)
    known = page.evaluate(SOCKET, [url, message("kernel_info_request", {})])
    assert any("kernel_info_reply" in one for one in known), "the same way with a message that may pass"


def test_a_radiologist_has_no_terminal(of: Of, hub: Hub) -> None:
    url = f"ws://{hub.host('anna')}:{hub.port}/user/anna/terminals/websocket/1"
    assert of("anna").evaluate(SOCKET, [url, ""]) == ["error"]


UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.mark.parametrize("origin", ["", "own", "https://evil.example"])
def test_a_websocket_without_a_cookie_is_refused(of: Of, hub: Hub, origin: str) -> None:
    path = f"/user/anna/api/kernels/{kernel_id(of('anna'))}/channels"
    named = {"Origin": hub.url("", "anna") if origin == "own" else origin} if origin else {}
    assert hub.ask(path, "anna", headers=UPGRADE | named).status == 403


def test_a_websocket_from_a_page_of_another_is_refused(of: Of, hub: Hub) -> None:
    url = f"ws://{hub.host('anna')}:{hub.port}/user/anna/api/kernels/{kernel_id(of('anna'))}/channels"
    assert of("ben").evaluate(SOCKET, [url, ""]) == ["error"]


def test_no_page_of_a_server_can_be_framed(of: Of, hub: Hub) -> None:
    for name in ("anna", "dev"):
        answer = hub.ask_as(of(name), f"/user/{name}/", name)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in hub.ask("/hub/login").headers["content-security-policy"]


def test_the_app_asks_no_other_host(browser: Browser, hub: Hub) -> None:
    context = browser.new_context()
    page, hosts = context.new_page(), set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    log_in(page, hub, "ruth")
    kernel_id(page)
    page.wait_for_timeout(1500)
    assert {host for host in hosts if not host.endswith(f"hub.localhost:{hub.port}")} == set()
    context.close()


def test_the_probe_starts_no_kernel_and_a_page_left_ends_its_own(of: Of, hub: Hub) -> None:
    page = of("ben")
    old, before = kernel_id(page), set(hub.processes("ben", "ipykernel_launcher"))
    for _ in range(3):
        assert hub.ask("/user/ben/api", "ben").status == 200
    assert set(hub.processes("ben", "ipykernel_launcher")) <= before
    page.reload()
    assert kernel_id(page) != old
    until(lambda: len(hub.processes("ben", "ipykernel_launcher")) <= len(before), 20)
    assert len(hub.processes("ben", "ipykernel_launcher")) == len(before), "the page that was left ends its own"


def test_cookies_are_bound_to_their_host(of: Of, hub: Hub) -> None:
    login = [one for one in of("anna").context.cookies() if "jupyterhub-hub-login" in one["name"]]
    assert login and all(one["name"].startswith("__Host-") and one["httpOnly"] for one in login)
