"""A subject of the liver-ct pipeline and three actors, in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.commands import Command, Enrol, Seal, Sign
from eci_annotate.workflow.subject.decide import decide
from eci_annotate.workflow.subject.events import Event
from eci_annotate.workflow.subject.state import Subject, evolve
from eci_annotate.workflow.subject.versions import seal_of, unsealed
from eci_annotate.workflow.trust.rsa_keys import PrivateKey
from eci_annotate.workflow.trust.seals import Manifest, SealedPart
from eci_annotate.workflow.usecase.usecase import shipped_use_case

P, S = "liver-ct", "ECI_KAU_S0001"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
KEY = PrivateKey.generate(2048)


def actor(name: str, *roles: str, session: str = "one") -> Actor:
    return Actor(name, "KAU", {P: roles}, "key", session)


OLGA = actor("olga", "owner")
ANNA = actor("anna", "annotator")
BEN = actor("ben", "annotator")
RUTH = actor("ruth", "reviewer")


class World:
    """A subject that commands are done to, with its events."""

    def __init__(self) -> None:
        self.state, self.events, self.now = Subject(), list[Event](), T0

    def do(self, command: Command, who: Actor) -> list[Event]:
        if isinstance(command, Sign):
            command = self._sealed(command, who)
        new = list(decide(command, self.state, who, self.now))
        for event in new:
            self.state = evolve(event, self.state)
        self.events += new
        return new

    def _sealed(self, command: Sign, who: Actor) -> Seal:
        said: dict[str, Any] = {name: getattr(command, name) for name in ("project", "subject", "task", "fence")}
        rest: dict[str, Any] = {name: getattr(command, name) for name in ("meaning", "verdict", "reason")}
        manifest = Manifest((SealedPart("snapshot", "easel", "ab" * 32),), "test")
        order = Seal(**said, **rest, manifest=manifest, signature="", key=KEY.public)
        if command.task not in self.state.work:
            return order
        seal = seal_of(self.state, unsealed(order, self.state, who, self.now))
        return replace(order, signature=KEY.sign(seal))

    def fence(self, task: str) -> int:
        return self.state.work[task].fence


def enrolled() -> World:
    """A subject that is not ingested yet."""
    made = World()
    case = shipped_use_case(P)
    made.do(Enrol(P, S, "KAU", case.digest, case.pipeline), OLGA)
    return made
