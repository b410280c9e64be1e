"""Saving as a pure state machine: `step(state, event, now)` returns the next state and the actions to take.

Clean ──changed──▶ Dirty ──due──▶ Sending ──sent──▶ Clean, or Dirty when more has come
                                     └──refused──▶ Failing ──due──▶ Sending
any state ──lease lost, closed──▶ Lost
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.viewer.plain_error import plain

FLUSH_S = 0.4
RETRY_S = 5.0


@dataclass(frozen=True)
class Clean:
    """Everything is saved, since `at`; None: nothing was changed yet."""

    at: datetime | None = None


@dataclass(frozen=True)
class Dirty:
    """Changes wait for the next flush."""


@dataclass(frozen=True)
class Sending:
    """A batch is being sent."""

    failing: bool = False


@dataclass(frozen=True)
class Failing:
    """The last batch was refused; it will be retried."""


@dataclass(frozen=True)
class Lost:
    """Nothing can be saved any more, and why."""

    why: str


State = Clean | Dirty | Sending | Failing | Lost


@dataclass(frozen=True)
class Changed:
    """A change was made that is in no draft yet."""


@dataclass(frozen=True)
class Due:
    """Pending changes are due to be saved."""


@dataclass(frozen=True)
class Sent:
    """Result of a batch: the error that stopped it, and whether changes are pending now."""

    error: EciError | None
    unsaved: bool


@dataclass(frozen=True)
class Closed:
    """The session ended."""

    why: str


Event = Changed | Due | Sent | Closed


@dataclass(frozen=True)
class SendBatch:
    """Save pending changes."""


@dataclass(frozen=True)
class Wait:
    """Become `Due` after a while."""

    seconds: float


@dataclass(frozen=True)
class Report:
    """Tell the user what went wrong."""

    error: EciError


@dataclass(frozen=True)
class Announce:
    """Announce that everything is saved."""


Action = SendBatch | Wait | Report | Announce
Step = tuple[State, tuple[Action, ...]]


def step(state: State, event: Event, now: datetime) -> Step:
    """Return the state after an event, and the actions to take."""
    match state, event:
        case Lost(), _:
            return state, ()
        case _, Closed(why):
            return Lost(why), ()
        case Clean(), Changed():
            return Dirty(), (Wait(FLUSH_S),)
        case ((Clean() | Dirty()), Due()):
            return Sending(), (SendBatch(),)
        case Failing(), Due():
            return Sending(failing=True), (SendBatch(),)
        case Sending(), Sent():
            return _sent(state, event, now)
        case _:
            return state, ()


def _sent(state: Sending, sent: Sent, now: datetime) -> Step:
    match sent.error:
        case None if sent.unsaved:
            return Dirty(), (Wait(FLUSH_S),)
        case None:
            return Clean(now), (Announce(),)
        case LeaseLost() as error:
            return Lost(plain(error)), (Report(error),)
        case error:
            report = () if state.failing else (Report(error),)
            return Failing(), (*report, Wait(RETRY_S))


def is_usable(state: State) -> bool:
    """Whether anything can still be saved."""
    return not isinstance(state, Lost)


def words(state: State, safe_at: datetime) -> str:
    """Return the state of saving for the title line; `safe_at`: when everything was last saved."""
    match state:
        case Failing() | Sending(failing=True):
            return f"not saved since {safe_at.astimezone():%H:%M:%S}"
        case Clean(at=datetime() as at):
            return f"saved {at.astimezone():%H:%M:%S}"
        case Clean():
            return ""
    return "saving …"
