"""The page of the queue: instances by state, rate and remaining time; it renews itself."""

from __future__ import annotations

from html import escape

from eci_annotate.proxy.instance_queue import QueueState
from eci_annotate.proxy.page.login_sessions import LoginSession
from eci_annotate.proxy.page.page_layout import counted, page, size_text, table, thousands
from eci_annotate.proxy.queue_summary import QueueSummary

EVERY_S = 10
_STATES = (
    (QueueState.RECEIVED.value, "Received", "wait to be de-identified"),
    (QueueState.QUARANTINED.value, "Quarantined", "set aside until somebody decides: see Quarantine"),
    (QueueState.DEIDENTIFIED.value, "De-identified", "wait to be uploaded"),
    (QueueState.SENT.value, "Sent", "the centre has the whole file, and has not confirmed it yet"),
    (QueueState.HELD.value, "Held at the centre", "the centre found something that the agreed policy forbids"),
    (QueueState.CONFIRMED.value, "Confirmed", "stored in the archive, with a subject"),
    ("duplicate", "Duplicates", "came twice; sent once"),
    ("deleted", "Deleted", "deleted from quarantine by a person"),
)


def queue_page(site: str, found: QueueSummary, session: LoginSession, renews: bool) -> str:
    """Return the page of the queue of a site; `renews`: it opens itself again every ten seconds."""
    cards = "".join(f"<div><b>{value}</b>{name}</div>" for value, name in _figures(found))
    counts = {**found.counts}
    if found.waiting:
        counts[QueueState.RECEIVED.value] = counts.get(QueueState.RECEIVED.value, 0) + found.waiting
    rows = [(name, thousands(counts.get(key, 0)), text) for key, name, text in _STATES]
    body = [f'<p class="soft">Site {escape(site)}. {_renewal(renews)}</p><div class="cards">{cards}</div>']
    if found.failing:
        body.append(
            f'<p class="warn" role="alert">{counted(found.failing)} could not be uploaded yet. The proxy '
            "tries again. If this lasts, ask your administrator to run <code>eci-proxy check</code>.</p>"
        )
    body.append(table(["State", "Instances", "Meaning"], rows, numeric=(1,)))
    if found.causes:
        causes = [(f"It {escape(cause.value)}", thousands(n)) for cause, n in found.causes.items()]
        body.append(f"<h2>Why instances are quarantined</h2>{table(['Cause', 'Instances'], causes, numeric=(1,))}")
    if found.reasons:
        reasons = [(escape(reason), thousands(n)) for reason, n in found.reasons.items()]
        body.append(f"<h2>Why the centre holds instances</h2>{table(['Reason', 'Instances'], reasons, numeric=(1,))}")
    return page("Queue", "".join(body), session, (EVERY_S, "/queue/renewed") if renews else None)


def _figures(found: QueueSummary) -> list[tuple[str, str]]:
    return [
        (thousands(found.moving), f"on their way ({size_text(found.left_bytes)})"),
        (f"{60 * found.rate:.0f} per minute", "confirmed, in the last ten minutes"),
        (_remaining(found), "remaining time"),
        (thousands(found.counts.get(QueueState.QUARANTINED.value, 0)), "quarantined"),
    ]


def _renewal(renews: bool) -> str:
    if renews:
        return f'This page is updated every {EVERY_S} seconds. <a href="/queue/paused">Pause</a>'
    return 'This page is not updated. <a href="/queue">Continue</a>'


def _remaining(found: QueueSummary) -> str:
    if not found.moving:
        return "nothing to do"
    if found.remaining_s is None:
        return "not known yet"
    minutes = found.remaining_s / 60
    if minutes < 1:
        return "below 1 min"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
