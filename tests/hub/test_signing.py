"""Signing needs the person: her PIN or passkey on the service's page. What a kernel or a script tries fails."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from eci_annotate.errors import Refused
from eci_annotate.repository.keys.factors import FactorBook
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.context import utc_now
from eci_annotate.repository.pending_signature import Pending
from eci_annotate.repository.remote.backend import RemoteBackend, RemoteImages
from eci_annotate.repository.remote.http_client import Line
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Task
from tests.hub.hub_world import SERVICE_PREFIX, Hub, signed_in
from tests.repository.repository_world import ANSWERS, MEANING, lines

Of = Callable[[str], Page]
pytestmark = pytest.mark.needs_root
P, S, PIN = "liver-ct", "ECI_KAU_S0001", "blue-7-liver"
TOKEN = "answer(os.environ['JUPYTERHUB_API_TOKEN'])"


def opened(hub: Hub, name: str, session: str = "test") -> Repository:
    """The repository as that person's kernel opens it."""
    line = Line(hub.api, hub.as_user(name, TOKEN), session)
    return Repository(RemoteBackend(line), RemoteImages(line))


@pytest.fixture(scope="module")
def anna(hub: Hub, of: Of) -> Page:
    book = FactorBook(find(hub.folder / "repository"), utc_now)
    book.set_pin("anna", PIN)
    owner = (hub.folder / "repository").stat()
    for name in ("anna.factors", "factors.lock"):
        os.chown(hub.folder / "repository" / "members" / name, owner.st_uid, owner.st_gid)
    return of("anna")


@pytest.fixture
def work(hub: Hub, anna: Page) -> Iterator[tuple[Task, Pending, Page]]:
    """A task of anna's that waits for her, and a window of hers on the service's page."""
    repo = opened(hub, "anna")
    task = repo.start(S, "annotate", project=P, take_over=True, rerun=bool(repo.versions(S, project=P)))
    if not task.draft().snapshot:
        task.save(lines(task))
    task.answer(ANSWERS)
    waiting = task.begin_signing(MEANING)
    assert isinstance(waiting, Pending)
    page = anna.context.new_page()
    yield task, waiting, page
    page.close()


def test_the_person_signs_with_a_pin_what_the_page_shows(hub: Hub, work: tuple[Task, Pending, Page]) -> None:
    task, waiting, page = work
    assert waiting.url.startswith(hub.service)
    page.goto(waiting.url)
    page.wait_for_selector("#sign")
    assert page.locator("input[name=pin]").evaluate("e => e === document.activeElement"), "one can type at once"
    assert "lesion 1" in page.inner_text("#annotations") and MEANING in page.inner_text("#meaning")
    assert "Cyst" in page.inner_text("#report")
    image = page.locator("#annotations img").first
    assert image.evaluate("i => i.naturalWidth") > 50
    page.fill("input[name=pin]", "not-it-1")
    page.click("#sign")
    assert "Wrong PIN" in page.inner_text("#problem") and waiting.poll() is None
    page.fill("input[name=pin]", PIN)
    page.click("#sign")
    page.wait_for_selector("#done")
    signed = waiting.poll()
    assert signed is not None and (signed.reader, signed.meaning) == ("anna", MEANING)
    assert (signed.event.assurance, signed.event.factor) == ("hub", "pin")
    assert opened(hub, "anna").verify(signed).passed
    page.goto(waiting.url)
    assert "This is signed" in page.inner_text("main")
    assert task.version == signed.version


def test_a_passkey_signs_and_its_challenge_is_the_content(hub: Hub, work: tuple[Task, Pending, Page]) -> None:
    _, waiting, page = work
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    page.goto(f"{hub.service}factors")
    page.click("#add-passkey")
    page.wait_for_selector("#problem")  # without the old factor there is no new one
    page.fill("input[name=pin]", PIN)
    page.click("#add-passkey")
    page.wait_for_selector("#done")
    page.goto(waiting.url)
    page.click("#passkey")
    page.wait_for_selector("#done")
    signed = waiting.poll()
    assert signed is not None and signed.event.factor == "webauthn"


def test_a_draft_that_changed_meanwhile_is_not_signed(work: tuple[Task, Pending, Page]) -> None:
    task, waiting, page = work
    page.goto(waiting.url)
    page.wait_for_selector("#sign")
    task.save(lines(task, uid="u2"))
    page.fill("input[name=pin]", PIN)
    page.click("#sign")
    assert "no longer open" in page.inner_text("main")
    with pytest.raises(Refused):
        waiting.poll()


def test_the_link_is_for_its_person_alone(work: tuple[Task, Pending, Page], of: Of) -> None:
    _, waiting, _ = work
    page = of("ben").context.new_page()
    answer = page.goto(waiting.url)
    page.wait_for_selector("#problem")
    assert "Subject not found" in page.inner_text("main") and answer is not None
    page.close()


KERNEL = """
token = os.environ['JUPYTERHUB_API_TOKEN']
tries = [{"Authorization": f"token {token}"}, {"Authorization": f"Bearer {token}"}, {}]
tries += [{"Cookie": f"{name}={token}"} for name in names]
body = "token=x&nonce=00&pin=" + pin
for one in list(tries):
    tries.append({**one, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin",
                  "Origin": origin, "Content-Type": "application/x-www-form-urlencoded"})
def post(url, headers):
    return ask(url, "POST", headers, body.encode())[0]
answer([post(url, one) for url in urls for one in tries])
"""


def test_a_kernel_that_knows_the_pin_cannot_sign(hub: Hub, work: tuple[Task, Pending, Page]) -> None:
    _, waiting, _ = work
    path = waiting.url.partition("/services/")[2]
    urls = [f"{hub.api.removesuffix(SERVICE_PREFIX)}/services/{path}"]
    names = ["eci-session", "__Host-eci-session", "jupyterhub-hub-login", "service-eci", "jupyterhub-session-id"]
    origin = hub.service.partition("/services/")[0]
    found = hub.as_user("anna", KERNEL, urls=urls, names=names, origin=origin, pin=PIN)
    assert len(found) == 16 and set(found) <= {302, 400, 401, 403}, found
    assert waiting.poll() is None


FRAME = """async (url) => {
  const frame = document.createElement("iframe");
  frame.src = url; document.body.append(frame);
  await new Promise((done) => { frame.onload = frame.onerror = done; setTimeout(done, 4000); });
  try { return frame.contentDocument ? frame.contentDocument.body.innerText : "closed"; }
  catch (error) { return "closed"; }
}"""
FETCH = """async (url) => {
  try { const answer = await fetch(url, { credentials: "include" }); return await answer.text(); }
  catch (error) { return "closed"; }
}"""
OPEN = """async (url) => {
  const other = window.open(url); await new Promise((done) => setTimeout(done, 4000));
  try { return other.document.body.innerText; } catch (error) { return "closed"; }
}"""
WORKER = """async (url) => {
  try { await navigator.serviceWorker.register(url); return "registered"; } catch (error) { return "closed"; }
}"""
POST = """(url) => {
  const form = document.createElement("form"); form.method = "post"; form.action = url; form.target = "_blank";
  for (const [name, value] of [["token", "x"], ["nonce", "00"], ["pin", "PIN"]]) {
    const field = document.createElement("input"); field.name = name; field.value = value; form.append(field);
  }
  document.body.append(form); form.submit(); return "sent";
}"""


@pytest.mark.parametrize("script", [FRAME, FETCH, OPEN, WORKER], ids=["frame", "fetch", "open", "worker"])
def test_a_notebooks_script_reaches_nothing_of_the_page(
    work: tuple[Task, Pending, Page], anna: Page, script: str
) -> None:
    _, waiting, page = work
    page.goto(waiting.url)
    page.wait_for_selector("#sign")  # she is logged in there: her cookies would do
    assert ".hub.localhost" in anna.url and "/user/anna/" in anna.url
    told = anna.evaluate(script, waiting.url)
    assert "Sign" not in told and told in ("closed", "", "Forbidden"), told


def test_a_notebooks_form_signs_nothing(work: tuple[Task, Pending, Page], anna: Page) -> None:
    _, waiting, page = work
    page.goto(waiting.url)
    page.wait_for_selector("#sign")
    with anna.context.expect_page() as other:
        anna.evaluate(POST.replace("PIN", PIN), waiting.url)
    other.value.wait_for_load_state()
    assert "another page" in other.value.inner_text("body") or "eci_annotate" in other.value.title()
    time.sleep(0.5)
    assert waiting.poll() is None
    other.value.close()


def test_five_wrong_pins_close_the_door(hub: Hub, work: tuple[Task, Pending, Page]) -> None:
    _, waiting, page = work
    page.goto(waiting.url)
    for _ in range(5):
        page.fill("input[name=pin]", "wrong-1")
        page.click("#sign")
        page.wait_for_selector("#problem")
    page.fill("input[name=pin]", PIN)
    page.click("#sign")
    assert "Too many wrong attempts" in page.inner_text("#problem") and waiting.poll() is None


def test_pages_show_what_the_role_allows(browser: Browser, hub: Hub, of: Of) -> None:
    def text(page: Page, path: str) -> tuple[int, str]:
        new = page.context.new_page()
        answer = new.goto(f"{hub.service}{path}")
        new.wait_for_selector("main")
        found = (answer.status if answer else 0, new.inner_text("main"))
        new.close()
        return found

    def refused(page: Page, path: str) -> bool:
        return "This did not work" in text(page, path)[1]

    olga, anna, ben = signed_in(browser, hub, "olga"), of("anna"), of("ben")
    olga.wait_for_selector("#projects")
    for path in ("members", "leases", "audit", "pipeline", "add"):
        assert not refused(olga, f"projects/{P}/{path}"), path
    for path in ("members", "leases", "audit", "add"):
        assert refused(anna, f"projects/{P}/{path}"), path
    assert S in text(anna, f"projects/{P}")[1] and S not in text(ben, f"projects/{P}")[1]
    assert refused(ben, f"projects/{P}/subjects/{S}") and refused(anna, "projects/other")
    told = text(anna, "reference")
    assert told[0] == 200 and "api/projects/{project}/subjects" in told[1] and "custom:eci:leases" in told[1]
    status, shown = text(anna, "no/such/page")
    assert status == 404 and "Page not found" in shown
    assert hub.ask(f"{SERVICE_PREFIX}no/such/page", "eci--service").headers["content-type"] == "application/json"


def test_an_owner_invites_and_ends_a_lease(browser: Browser, hub: Hub, work: tuple[Task, Pending, Page]) -> None:
    task, _, _ = work
    page: Any = signed_in(browser, hub, "olga")
    page.wait_for_selector("#projects")  # the login has come to its end
    page.goto(f"{hub.service}projects/{P}/members")
    page.wait_for_selector("#add")
    page.fill("#add [name=name]", "nora")
    page.check("#add [value=reviewer]")
    page.click("#add button")
    code = page.inner_text("#code code")
    assert len(code) == 19
    page.goto(f"{hub.service}projects/{P}/leases")
    assert task.subject in page.inner_text("#leases")
    page.click("text=End it")
    page.goto(f"{hub.service}projects/{P}/leases")
    assert "No leases" in page.inner_text("#leases") or task.subject not in page.inner_text("#leases")
