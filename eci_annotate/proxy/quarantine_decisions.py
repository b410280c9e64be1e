"""What a person may do with quarantined instances: release them, de-identify them again, delete them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from eci_annotate.deid.quarantine import NEVER_ACCEPTED, Cause
from eci_annotate.errors import NotFound, Refused
from eci_annotate.proxy.instance_queue import QueuedInstance, QueueState
from eci_annotate.proxy.proxy_service import Proxy

MOST = 100_000


def quarantined(
    proxy: Proxy, numbers: Collection[int] = (), causes: Sequence[Cause] = (), up_to: int | None = None
) -> list[QueuedInstance]:
    """Return quarantined instances.

    Parameters
    ----------
    proxy
        The proxy.
    numbers
        Which ones; empty for all.
    causes
        Only those with one of these causes; empty for all.
    up_to
        The highest number: what came after a person looked is left out.

    Raises
    ------
    NotFound
        There is none.
    """
    rows = proxy.queue.waiting(QueueState.QUARANTINED, MOST, causes)
    wanted = frozenset(numbers)
    found = [row for row in rows if (not wanted or row.id in wanted) and (up_to is None or row.id <= up_to)]
    if not found:
        raise NotFound("No such instance is quarantined.", "Look at the list of the quarantine again.")
    return found


def can_be_released(row: QueuedInstance) -> bool:
    """Whether a person's decision is enough to send an instance."""
    return not set(row.causes) & NEVER_ACCEPTED


def release(proxy: Proxy, rows: Sequence[QueuedInstance], reason: str, by: str) -> int:
    """De-identify and send instances although they were set aside; returns how many.

    Raises
    ------
    Refused
        One of them cannot be released, or there is no reason.
    """
    stuck = [row.id for row in rows if not can_be_released(row)]
    if stuck:
        what = f"{len(stuck)} of them cannot be released, such as number {stuck[0]}."
        raise Refused(what, "Correct them at their source, or change the policy; or delete them.")
    proxy.records.decided(by, "released", rows, reason)
    # with what was accepted before: a cause may show only when another one no longer stops the object
    accepted = {row.id: " ".join(dict.fromkeys(cause.name for cause in (*row.accepted, *row.causes))) for row in rows}
    return proxy.queue.retry(list(accepted), accepted)


def retry(proxy: Proxy, rows: Sequence[QueuedInstance]) -> int:
    """Have the policy read again, and instances de-identified by it; returns how many.

    Raises
    ------
    BadPolicy
        The policy cannot be used; nothing has changed.
    """
    proxy.rules.renew()
    return proxy.queue.retry([row.id for row in rows])


def delete(proxy: Proxy, rows: Sequence[QueuedInstance], reason: str, by: str) -> int:
    """Delete instances and their originals; returns how many. Raises Refused without a reason."""
    proxy.records.decided(by, "deleted", rows, reason)
    done = [row for row in rows if proxy.queue.delete(row)]
    for row in done:
        proxy.spool.forget(row.content, "", keep_original=False)
    return len(done)
