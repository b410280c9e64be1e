"""The manual opens with its button; HTML in it is shown as text."""

from __future__ import annotations

from eci_annotate.viewer.panels.manual import Manual


def test_a_manual_opens_and_closes_and_runs_nothing() -> None:
    manual = Manual("# Liver\n\n- **draw** <script>alert(1)</script> [a](javascript:alert(1))")
    assert manual.page.layout.display == "none" and not manual.page.value
    manual.button.value = True
    assert manual.page.layout.display == "" and "<h1>Liver</h1>" in manual.page.value
    assert "<script" not in manual.page.value and "javascript:" not in manual.page.value
    manual.button.value = False
    assert manual.page.layout.display == "none"


def test_without_a_manual_there_is_no_button() -> None:
    assert Manual("").button.layout.display == "none"
