"""The signature's panel: a second click confirms, and the secret is forgotten as soon as it was used."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import ipywidgets as w
import pytest

from eci_annotate.errors import BadSecret
from eci_annotate.viewer.panels.sign_panel import SignPanel, signed_words, what_was_signed


def test_the_secret_is_asked_for_passed_on_and_forgotten() -> None:
    given: list[tuple[str, str, str, str]] = []

    def sign(*words: str) -> Any:
        given.append(words)  # type: ignore[arg-type]
        raise BadSecret("This secret does not open the signing key.", "Give the secret that you chose.")

    panel = SignPanel(sign, review=False, asks_secret=True)
    assert panel.secret in panel.sure.children
    panel.button.click()
    panel.secret.value = "blue liver"
    panel.confirm.click()
    assert given[0][3] == "blue liver" and panel.secret.value == ""
    assert "does not open" in panel.said.value and "blue liver" not in panel.said.value
    assert panel.secret not in SignPanel(sign, review=False).sure.children


def test_the_keyboard_follows_the_buttons_that_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    focused: list[Any] = []
    monkeypatch.setattr(w.DOMWidget, "focus", lambda widget: focused.append(widget))

    def sign(*words: str) -> Any:
        raise BadSecret("This secret does not open the signing key.", "Give the secret that you chose.")

    panel = SignPanel(sign, review=False)
    for button in (panel.button, panel.back, panel.button, panel.confirm):
        button.click()
    assert focused == [panel.back, panel.button, panel.back, panel.button]
    asking = SignPanel(sign, review=False, asks_secret=True)
    asking.button.click()
    assert focused[4:] == [asking.secret]


def test_what_waits_for_the_person_is_a_button_that_leads_there() -> None:
    class Waiting:
        url = 'https://hub/sign/1?a="b'

        def poll(self) -> None:
            return None

    panel = SignPanel(lambda *words: Waiting(), review=False)
    panel.button.click()
    panel.confirm.click()
    assert "class='eci-link-button' href='https://hub/sign/1?a=&quot;b'" in panel.said.value


def test_what_was_signed_says_the_verdict_everywhere() -> None:
    signed = SimpleNamespace(
        version=1, reader="ruth", at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), seal="", verdict="reject",
        reason="too <small>", task="review", subject="S1", meaning="seen",
    )  # fmt: skip
    panel = SignPanel(lambda *words: signed, review=True)
    panel.button.click()
    panel.confirm.click()
    assert "verdict Reject" in panel.said.value and "too &lt;small&gt;" in panel.said.value
    assert signed_words(signed) == "Signed with the verdict Reject: version 1 by ruth, 2026-01-02 03:04 UTC"
    signed.verdict = None
    assert what_was_signed(signed) == "Signed: version 1"
