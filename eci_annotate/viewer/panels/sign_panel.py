"""Signing: the statement, a second click to confirm, and the confirmation that stays on the screen."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from eci_annotate.errors import EciError, StoreUnavailable
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.session.event_loop import every
from eci_annotate.workflow.subject.lease import to_minute

MEANING = "I drew this and checked it in every view"
ADJUDICATION_MEANING = "I settled the readings and checked the result in every view"
REVIEW_MEANING = "I reviewed this annotation"
POLL_S = 1.0
SENT_WHOLE = {"continuous_update": False}  # when the field loses focus, before the click that needs it
VERDICTS = [("—", ""), ("Accept", "accept"), ("Reject", "reject")]


def what_was_signed(signed: Any) -> str:
    """Return the version, and for a review its verdict: a rejection must not look like an acceptance."""
    verdict = {value: label for label, value in VERDICTS if value}.get(signed.verdict or "")
    return f"Signed{f' with the verdict {verdict}' if verdict else ''}: version {signed.version}"


def signed_words(signed: Any) -> str:
    """Return what was signed, by whom and when."""
    seal = f", seal {signed.seal[:16]}" if signed.seal else ""
    return f"{what_was_signed(signed)} by {signed.reader}, {to_minute(signed.at)} UTC{seal}"


class SignPanel:
    """Sign button with statement; a review also has a verdict and a reason.

    Parameters
    ----------
    sign
        Called with meaning, verdict, reason and secret; returns the signed version, or raises an `EciError`.
    asks_secret
        Whether the user's signing key requires a secret; it is discarded as soon as it has been used.
    signed
        Called with the version once it has been confirmed on the service's page.
    remark
        Returns what the user should know before confirming, such as that nothing was changed.
    next_version
        Whether this is not the first version; it then has a reason.
    """

    def __init__(
        self,
        sign: Callable[[str, str, str, str], Any],
        review: bool,
        asks_secret: bool = False,
        signed: Callable[[Any], object] = lambda signed: None,
        remark: Callable[[], str] = lambda: "",
        next_version: bool = False,
    ) -> None:
        self._sign, self._signed, self._remark = sign, signed, remark
        self._waiting: Any = None
        self.meaning = w.Text(value=REVIEW_MEANING if review else MEANING, layout=w.Layout(width="auto"), **SENT_WHOLE)
        self.verdict = w.Dropdown(options=VERDICTS, layout=w.Layout(width="auto"))
        why = "reason, when rejecting" if review else "what changed in this version, and why"
        self.reason = w.Text(placeholder=why, layout=w.Layout(width="auto"), **SENT_WHOLE)
        self.button = w.Button(
            icon="check", description="Sign …", tooltip="Sign: creates a version that cannot be changed"
        )
        half = {"layout": w.Layout(width="auto", flex="1 1 120px")}  # beside each other, or the second is out of sight
        self.confirm = w.Button(icon="check", description="Sign for good", button_style="success", **half)
        self.back = w.Button(description="Not yet", **half)
        self.said, self.note = w.HTML(), w.HTML()
        extra = [self.verdict, self.reason] if review else [self.reason] if next_version else []
        self.secret = w.Password(placeholder="your signing secret", layout=w.Layout(width="auto"), **SENT_WHOLE)
        sure = [self.secret] if asks_secret else []
        # Back comes first: a double click on Sign … must not confirm
        self.sure = w.HBox([*sure, self.back, self.confirm], layout=w.Layout(display="none", flex_flow="row wrap"))
        parts = [w.HTML("<b>Signature</b>"), *extra, self.meaning, self.note, self.said, self.button, self.sure]
        self.widget = w.VBox(parts)
        self.widget.add_class("eci-sign")
        self.button.on_click(lambda _: self._turn(True))
        self.back.on_click(lambda _: self._turn(False))
        self.confirm.on_click(lambda _: self._go())

    def _turn(self, sure: bool) -> None:
        """Ask or ask no longer, and give the keyboard focus to what takes the place of the button that goes."""
        self._ask(sure)
        (self.sure.children[0] if sure else self.button).focus()

    def _ask(self, sure: bool) -> None:
        if sure:
            self.show_remark()
            self.clear_problem()
        self.sure.layout.display = "flex" if sure else "none"
        self.button.layout.display = "none" if sure else ""

    def show_remark(self) -> None:
        """Show what the user should know before signing."""
        remark = html.escape(self._remark())
        self.note.value = f"<div class='eci-warned' role='status'>{remark}</div>" if remark else ""

    def clear_problem(self) -> None:
        """Remove a refusal that is over."""
        if "eci-problem" in self.said.value:
            self.said.value = ""

    def _go(self) -> None:
        if self.sure.layout.display == "none":
            return  # the second click of a double click: the first one was carried out
        self.confirm.disabled = True
        secret, self.secret.value = self.secret.value, ""
        try:
            begun = self._sign(self.meaning.value, self.verdict.value, self.reason.value, secret)
            if hasattr(begun, "poll"):
                self._await(begun)
            else:
                self._show(begun)
        except EciError as error:
            self.said.value = f"<div class='eci-problem' role='alert'>{html.escape(plain(error))}</div>"
            self._turn(False)
        finally:
            self.confirm.disabled = False

    def _await(self, waiting: Any) -> None:
        """Poll the service until the user has confirmed on its page."""
        self._waiting = waiting
        self._ask(False)
        address = html.escape(waiting.url, quote=True)
        link = f"<a class='eci-link-button' href='{address}' target='_blank' rel='noopener'>Confirm and sign</a>"
        told = "Not signed yet. Confirm on the signing page, which opens in a new tab; this page updates automatically."
        self.said.value = f"<div class='eci-waiting' role='status'>{told}<br>{link}</div>"
        every(POLL_S, lambda: self._poll(waiting))

    def _poll(self, waiting: Any) -> bool:
        """Return whether to poll again."""
        if waiting is not self._waiting:
            return False
        try:
            signed = waiting.poll()
        except StoreUnavailable:
            return True
        except EciError as error:
            self.said.value = f"<div class='eci-problem'>{html.escape(plain(error))}</div>"
            return False
        if signed is not None:
            self._signed(signed)
            self._show(signed)
        return signed is None

    def _show(self, signed: Any) -> None:
        self.close()
        seal = f"Seal <code>{signed.seal[:16]}</code>" if signed.seal else "Hidden until you have repeated the reading"
        reason = f"Reason: {html.escape(signed.reason)}<br>" if signed.reason else ""
        self.said.value = (
            f"<div class='eci-signed'><b>{what_was_signed(signed)}</b> of {html.escape(signed.task)}, "
            f"{html.escape(signed.subject)}<br>by {html.escape(signed.reader)} at {to_minute(signed.at)} UTC<br>"
            f"{reason}“{html.escape(signed.meaning)}”<br>{seal}</div>"
        )

    def close(self) -> None:
        """Disable signing."""
        self._ask(False)
        for widget in (self.meaning, self.verdict, self.reason, self.button):
            widget.disabled = True
