"""Where sign-up is on: who asks for an account waits until an administrator approves, and is then member of nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.hub.hub_world import Hub, hubs, log_in, signed_in

NEW, OWNER = "nina", "olga"


@pytest.fixture(scope="module")
def open_hub() -> Iterator[Hub]:
    """A hub on which people ask for accounts."""
    with hubs(signup=True) as hub:
        yield hub


def ask(page: Page, hub: Hub, name: str, password: str) -> str:
    """Fill the form in; what the hub says to it."""
    page.goto(hub.url("/hub/signup"))
    page.fill("input[name=username]", name)
    page.fill("input[name=signup_password]", password)
    page.fill("input[name=signup_password_confirmation]", password)
    page.click("#signup_submit")
    return page.locator(".alert").first.inner_text()


def refused(page: Page, hub: Hub, name: str, password: str) -> bool:
    """Whether the hub lets nobody in by that name and password."""
    log_in(page, hub, name, password)
    page.wait_for_load_state()
    return "/hub/login" in page.url and page.locator("#login_submit").is_visible()


def authorised(owner: Page, hub: Hub) -> str:
    """What the administrator's list says of the newcomer."""
    owner.wait_for_load_state("networkidle")  # what login leads to is under way
    owner.goto(hub.url("/hub/authorize"))
    return owner.locator(f"tr#{NEW} td").nth(2).inner_text()


def join(owner: Page, hub: Hub) -> None:
    """The owner makes the newcomer an annotator of her site."""
    owner.goto(f"{hub.service}projects/liver-ct/members")
    form = owner.locator("#add")
    form.locator("input[name=name]").fill(NEW)
    form.locator("input[value=annotator]").check()
    form.get_by_role("button", name="Invite").click()
    owner.locator(f"#member-{NEW}").wait_for()


def test_an_account_is_asked_for_approved_and_is_then_member_of_nothing(open_hub: Hub, browser: Browser) -> None:
    password = secrets.token_urlsafe(12)
    page = browser.new_context().new_page()
    assert "at least 12 characters" in ask(page, open_hub, NEW, "short")
    assert "sent to the admin" in ask(page, open_hub, NEW, password)
    assert refused(page, open_hub, NEW, password)
    owner = signed_in(browser, open_hub, OWNER)
    assert authorised(owner, open_hub) == "No"
    for elsewhere in (open_hub.service, "data:text/html,<p>a page of somebody's"):
        owner.goto(elsewhere)
        with owner.expect_navigation():
            owner.evaluate("address => { location.href = address }", open_hub.url(f"/hub/authorize/{NEW}"))
        assert "Authorize Users" in owner.locator("body").inner_text() and authorised(owner, open_hub) == "No"
    assert refused(page, open_hub, NEW, password)
    owner.locator(f"tr#{NEW} a", has_text="Authorize").click()
    owner.wait_for_url("**/authorize#*")
    assert authorised(owner, open_hub) == "Yes"
    log_in(page, open_hub, NEW, password)
    page.wait_for_url(lambda url: url.startswith(f"http://{NEW}."))
    page.get_by_text("You are not a member of any project here.").wait_for()
    join(owner, open_hub)
    page.get_by_role("button", name="Open").first.wait_for()
