"""The page of the quarantine: instances by cause and number; release and deletion are confirmed with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from eci_annotate.deid.quarantine import NEVER_ACCEPTED, Cause
from eci_annotate.errors import Refused
from eci_annotate.proxy.instance_queue import QueuedInstance
from eci_annotate.proxy.page.login_sessions import LoginSession
from eci_annotate.proxy.page.page_layout import counted, form_token, page, size_text, table, thousands
from eci_annotate.proxy.page.page_message import PageRefusal, PageRequest
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.quarantine_decisions import can_be_released, delete, quarantined, release, retry
from eci_annotate.proxy.site_records import LONGEST_REASON

SHOWN = 200
_STUCK = "Correct these at their source and send them again, change the policy, or delete them."


def quarantine_page(proxy: Proxy, session: LoginSession) -> str:
    """Return the page with a section for each cause."""
    causes = proxy.queue.causes()
    if not causes:
        return page("Quarantine", "<p>Nothing is quarantined.</p>", session)
    rows = quarantined(proxy)
    sections = "".join(
        _section(cause, [row for row in rows if cause in row.causes], session)
        for cause in sorted(causes, key=lambda each: each in NEVER_ACCEPTED)
    )
    text = (
        "<p>These instances were set aside, since no rule can judge them. Look at the preview, then decide. "
        "<b>Run again</b> de-identifies by the policy file as it is now, after a rule was changed.</p>"
    )
    return page("Quarantine", text + sections, session)


def _section(cause: Cause, rows: Sequence[QueuedInstance], session: LoginSession) -> str:
    stuck = cause in NEVER_ACCEPTED
    note = f"<p>{_STUCK}</p>" if stuck else ""
    name, newest = escape(cause.name), max(row.id for row in rows)
    lines = [
        (
            f'<label class="pick"><input type="checkbox" name="number" value="{row.id}"> {row.id}</label>',
            size_text(row.size),
            "; ".join(f"it {escape(each.value)}" for each in row.causes if each is not cause) or "none",
            f'<a href="/preview/{row.id}">Preview {row.id}</a>',
        )
        for row in rows[:SHOWN]
    ]
    more = f'<p class="soft">The first {SHOWN} are shown.</p>' if len(rows) > SHOWN else ""
    off = f' disabled title="{_STUCK}"' if stuck else ""
    return (
        f'<h2 id="{name}">It {escape(cause.value)} <span class="soft">({counted(len(rows))})</span></h2>{note}'
        f'<form method="post" action="/quarantine/choose">{form_token(session)}'
        f'<input type="hidden" name="cause" value="{name}"><input type="hidden" name="newest" value="{newest}">'
        f"{table(['Number', 'Size', 'Other causes', 'Preview'], lines, numeric=(1,))}{more}"
        f'<label class="pick"><input type="checkbox" name="all" value="yes"> '
        f"All {thousands(len(rows))} of this cause</label>"
        f'<button name="action" value="release"{off}>Release …</button>'
        '<button name="action" value="retry" class="quiet">Run again</button>'
        '<button name="action" value="delete" class="danger">Delete …</button></form>'
    )


def decide(proxy: Proxy, request: PageRequest, session: LoginSession) -> str:
    """Do what was chosen; returns the page that asks for confirmation, or an empty text if it is done.

    Raises
    ------
    Refused, NotFound, BadPolicy
        It cannot be done; nothing has changed.
    """
    rows, action = _rows(proxy, request), request.field("action")
    if action == "retry":
        session.message = f"To be de-identified again by the policy that holds now: {counted(retry(proxy, rows))}."
        return ""
    if action not in ("release", "delete"):
        raise PageRefusal(400, "The form is damaged.", "Open the page again.")
    if action == "release" and not all(map(can_be_released, rows)):
        raise Refused("Some of the chosen instances cannot be released.", _STUCK)
    if request.field("confirmed") != "yes":
        return _confirmation(action, rows, request, session)
    if action == "release":
        session.message = f"Released {counted(release(proxy, rows, request.field('reason'), session.user))}."
    else:
        session.message = f"Deleted {counted(delete(proxy, rows, request.field('reason'), session.user))}."
    return ""


def _rows(proxy: Proxy, request: PageRequest) -> list[QueuedInstance]:
    """Return what a form chooses: numbers, or all of a cause that there were when the page was made."""
    cause, newest = Cause.__members__.get(request.field("cause")), request.numbers("newest")
    if cause is None or len(newest) != 1:
        raise PageRefusal(400, "The form is damaged.", "Open the page again.")
    if request.field("all") == "yes":
        return quarantined(proxy, (), [cause], newest[0])
    numbers = request.numbers("number")
    if not numbers:
        raise Refused("Nothing was chosen.", "Go back, and tick instances, or all of a cause.")
    return quarantined(proxy, numbers, [cause])


def _confirmation(action: str, rows: Sequence[QueuedInstance], request: PageRequest, session: LoginSession) -> str:
    title = "Release" if action == "release" else "Delete"
    kept = [("action", action), ("confirmed", "yes"), ("cause", request.field("cause"))]
    kept += [("newest", request.field("newest")), ("all", request.field("all"))]
    kept += [("number", str(row.id)) for row in rows if request.field("all") != "yes"]
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in kept)
    text = (
        "They are de-identified and sent, although no rule could judge them. Do this only after a person has looked "
        "at their pixels."
        if action == "release"
        else "The originals are deleted from the proxy too. This cannot be undone; senders can send them again."
    )
    numbers = ", ".join(str(row.id) for row in rows[:20]) + (" …" if len(rows) > 20 else "")
    kind = ' class="danger"' if action == "delete" else ""
    body = (
        f'<p class="warn">{counted(len(rows))}, by number: {numbers}. {text}</p><form class="box" method="post" '
        f'action="/quarantine/choose">{form_token(session)}{hidden}<label for="reason">Reason (no names; it is stored '
        f'in the site\'s record of decisions)</label><textarea id="reason" name="reason" rows="3" required autofocus '
        f'maxlength="{LONGEST_REASON}"></textarea><button{kind}>{title} {counted(len(rows))}</button>'
        '<a class="button quiet" href="/quarantine">Cancel</a></form>'
    )
    return page(f"{title} {counted(len(rows))}?", body, session)
