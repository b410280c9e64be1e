"""Notify people by e-mail, and other systems by webhook, as configured in ECI_ANNOTATE_NOTIFY's file; see docs/hub.md.

It follows the feed from its last position; failed deliveries are logged and not retried.
"""

from __future__ import annotations

import json
import logging
import os
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path

import httpx
import yaml

from eci_annotate.errors import NoIdentity, NotARepository
from eci_annotate.hub.background.notices import Notice, notices, sync_notices
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.service.protocol import Service
from eci_annotate.repository.service.values import SyncState

VARIABLE, READER = "ECI_ANNOTATE_NOTIFY", "notified"
log = logging.getLogger("eci_annotate.hub")


@dataclass(frozen=True)
class Ways:
    """Destinations of notices.

    Parameters
    ----------
    server, sender
        Mail server (``host:port``) and sender address; without a server no mail is sent.
    people
        Member's name to mail address.
    webhooks
        Addresses that receive each notice as JSON.
    mail
        Kinds of notices that are mailed.
    """

    server: str = ""
    sender: str = "eci-annotate@localhost"
    people: Mapping[str, str] = field(default_factory=dict)
    webhooks: tuple[str, ...] = ()
    mail: tuple[str, ...] = ("ready", "rejected", "sync")

    @classmethod
    def from_environment(cls) -> Ways | None:
        """Load the configured file; None if no file is named."""
        named = os.environ.get(VARIABLE, "")
        if not named:
            return None
        try:
            told = yaml.safe_load(Path(named).read_text(encoding="utf-8"))
            lists = {name: tuple(told[name]) for name in ("webhooks", "mail") if name in told}
            return cls(**{**told, **lists})
        except (OSError, yaml.YAMLError, TypeError) as error:
            raise NotARepository(f"What {VARIABLE} names cannot be read.", "See docs/hub.md for its shape.") from error


class Notifier:
    """Follows the feed and notifies; several service processes take turns, so that each notice is sent once."""

    def __init__(self, service: Service, ways: Ways) -> None:
        self._service, self._ways = service, ways

    def step(self) -> int:
        """Send new notices and return their number. The first run sends none, because past events are not news."""
        news = self._service.upkeep.news(READER)
        told = [notice for each in news for notice in notices(each.events, each.since, self._service.clock())]
        for notice in told:
            self._tell(notice)
        return len(told)

    def tell_of_sync(self, states: Sequence[SyncState]) -> int:
        """Send notices about targets and rules that have begun to fail; returns their number."""
        told = list(sync_notices(states))
        for notice in told:
            self._tell(notice)
        return len(told)

    def _tell(self, notice: Notice) -> None:
        address = self._ways.people.get(notice.to, "")
        if self._ways.server and address and notice.what in self._ways.mail and self._is_member(notice):
            self._mail(notice, address)
        for hook in self._ways.webhooks:
            self._post(notice, hook)

    def _is_member(self, notice: Notice) -> bool:
        """Whether the recipient has a role in the project: a notice names its subjects, and quotes its reviews."""
        try:
            return notice.project in self._service.backend(HubIdentity(notice.to, READER)).account.projects()
        except NoIdentity:
            return False

    def _mail(self, notice: Notice, address: str) -> None:
        message = EmailMessage()
        message["From"], message["To"] = self._ways.sender, address
        message["Subject"] = f"eci_annotate: {notice.title} {notice.what}"
        message.set_content(f"{notice.text}\n")
        host, _, port = self._ways.server.partition(":")
        try:
            with smtplib.SMTP(host, int(port or 25), timeout=10) as server:
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            log.error("mail was not sent", extra={"kind": type(error).__name__})

    def _post(self, notice: Notice, hook: str) -> None:
        told = {name: getattr(notice, name) for name in ("what", "project", "subject", "task", "to", "reason")}
        try:
            body = json.dumps(told | {"text": notice.text}).encode()
            httpx.post(hook, content=body, headers={"Content-Type": "application/json"}, timeout=10).raise_for_status()
        except httpx.HTTPError as error:
            log.error("webhook did not take a notice", extra={"kind": type(error).__name__})


def tell_person(service: Service, notice: Notice) -> None:
    """Mail one notice to its person, if mail is configured; a failure is logged."""
    if ways := Ways.from_environment():
        Notifier(service, replace(ways, mail=(*ways.mail, notice.what)))._tell(notice)
