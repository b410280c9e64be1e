"""The pipeline's page: a task is added, set up, tried on a subject in memory; nothing changes until it is published."""

from __future__ import annotations

from typing import Any

from hub_world import Hub, signed_in
from playwright.sync_api import Browser

P = "liver-ct"


def test_a_task_is_added_tried_and_not_yet_there(browser: Browser, hub: Hub) -> None:
    page: Any = signed_in(browser, hub, "olga")
    page.wait_for_selector("#projects")  # the login has come to its end
    page.goto(f"{hub.service}projects/{P}/pipeline")
    page.wait_for_selector("#picture svg")
    before = page.text_content("#drawing")
    page.get_by_role("button", name="Add a task").click()
    page.wait_for_selector("[name='3.name']")
    for name, value in {"name": "measure", "title": "Measure once more", "after": "annotate"}.items():
        page.fill(f"[name='3.{name}']", value)
    page.select_option("[name='3.kind']", "annotate")
    page.check("[name='3.role'][value=annotator]")
    page.check("[name='3.tool'][value=box]")
    page.get_by_role("button", name="Check and try it").click()
    page.wait_for_selector("#trial")
    assert "measure" in page.inner_text("#trial") and "Measure once more" in page.text_content("#picture")
    page.fill("[name='3.after']", "nothing")
    page.get_by_role("button", name="Check and try it").click()
    assert "nothing" in page.inner_text("#problem")
    page.goto(f"{hub.service}projects/{P}/pipeline")
    assert page.text_content("#drawing") == before
    page.context.close()
