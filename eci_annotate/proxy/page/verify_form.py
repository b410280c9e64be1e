"""The page that verifies: a local patient ID, a pseudonym or an ECI number gives all three. By POST only."""

from __future__ import annotations

from html import escape

from eci_annotate.errors import NotFound
from eci_annotate.proxy.link_table import Link
from eci_annotate.proxy.page.login_sessions import LoginSession
from eci_annotate.proxy.page.page_layout import form_token, page, table
from eci_annotate.proxy.page.page_message import PageRequest
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.site_records import look_up

LONGEST = 128


def verify_page(session: LoginSession, answer: str = "") -> str:
    """Return the page with the form, and an answer above it."""
    form = (
        f'<form class="box" method="post" action="/verify" autocomplete="off">{form_token(session)}'
        f'<label for="asked">Patient ID, pseudonym or ECI number</label>'
        f'<input type="text" id="asked" name="asked" maxlength="{LONGEST}" required autofocus spellcheck="false" '
        'autocapitalize="off">'
        f'<label for="issuer">Issuer of the patient ID, if it has one</label>'
        f'<input type="text" id="issuer" name="issuer" maxlength="{LONGEST}" spellcheck="false">'
        "<button>Find</button></form>"
        '<p class="soft">Each lookup is recorded at the site with your name and the pseudonym, not the patient ID.</p>'
    )
    return page("Verify", answer + form, session, (session_end(session), "/login"))


def session_end(session: LoginSession) -> float:
    """Return after how many seconds a page with patients is replaced by itself."""
    return session.idle_s + 2


def verified(proxy: Proxy, request: PageRequest, session: LoginSession) -> str:
    """Return the page with who was found, after the lookup has been recorded."""
    asked, issuer = request.field("asked").strip()[:LONGEST], request.field("issuer").strip()[:LONGEST]
    if not asked:
        return verify_page(session, '<p class="warn" role="alert">Give a patient ID, pseudonym or ECI number.</p>')
    try:
        link = look_up(proxy.links, proxy.records, asked, issuer, session.user, "page")
    except NotFound as error:
        answer = f'<p class="warn" role="alert">{escape(error.what)} {escape(error.remedy)}</p>'
        return verify_page(session, answer)
    return verify_page(session, _answer(link))


def _answer(link: Link) -> str:
    rows = [("Patient ID", link.patient_id), ("Issuer", link.issuer), ("Pseudonym", link.pseudonym)]
    rows = [(name, f"<code>{escape(value)}</code>") for name, value in rows if value]
    number = f"<code>{escape(link.number)}</code>" if link.number else "not given yet: nothing was confirmed so far"
    return f'<section aria-label="Result">{table(["Name", "Value"], [*rows, ("ECI number", number)])}</section>'
