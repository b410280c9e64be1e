"""How every page looks: head, navigation, style. No scripts; texts are escaped where they are put in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from eci_annotate.proxy.page.login_sessions import LoginSession

PLACES = (("/queue", "Queue"), ("/quarantine", "Quarantine"), ("/verify", "Verify"), ("/preview", "Preview"))
STYLE = """:root{color-scheme:light dark;--ink:#17222d;--soft:#566675;--ground:#f5f7f9;--card:#fff;--line:#d5dde4;
--accent:#0b5a8f;--on-accent:#fff;--warn:#8a1f1f;--warn-ground:#fdeeee;--good-ground:#e9f5ec;--changed:#fff4d1}
@media (prefers-color-scheme:dark){:root{--ink:#e5ebf0;--soft:#a3b1bd;--ground:#11181f;--card:#1a242e;--line:#33424f;
--accent:#6db8ea;--on-accent:#0c1a24;--warn:#ffb3ab;--warn-ground:#40201f;--good-ground:#1d3a27;--changed:#40371a}}
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
header{background:var(--card);border-bottom:1px solid var(--line)}
.bar,main{max-width:72rem;margin:0 auto;padding:0 1.25rem}.bar{display:flex;gap:.25rem 1rem;align-items:center;
flex-wrap:wrap;min-height:3.5rem}.bar strong{margin-right:1rem}.bar form{margin-left:auto;display:flex;gap:.75rem;
align-items:center}nav{display:flex;gap:.25rem}nav a{padding:.4rem .8rem;border-radius:.4rem;text-decoration:none;
color:var(--ink)}nav a[aria-current]{background:var(--accent);color:var(--on-accent)}main{padding-bottom:4rem}
h1{font-size:1.6rem;margin:1.5rem 0 .5rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}p{margin:.5rem 0}
.soft{color:var(--soft)}a{color:var(--accent)}table{border-collapse:collapse;background:var(--card);width:100%;
border:1px solid var(--line)}th,td{text-align:left;vertical-align:top;padding:.45rem .75rem;
border-bottom:1px solid var(--line);overflow-wrap:anywhere}th{font-weight:600}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;width:8rem}
tr.changed{background:var(--changed)}i.gone{color:var(--warn)}code{font:15px ui-monospace,monospace}
.cards{display:flex;flex-wrap:wrap;gap:1rem;margin:1rem 0}
.cards div{background:var(--card);border:1px solid var(--line);
border-radius:.5rem;padding:.75rem 1.25rem;min-width:11rem;flex:1}.cards b{display:block;font-size:1.5rem;
font-variant-numeric:tabular-nums}.note,.warn{padding:.7rem 1rem;border-radius:.4rem;margin:1rem 0;
background:var(--good-ground)}.warn{background:var(--warn-ground);color:var(--warn)}
.box{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.25rem;margin:1rem 0;
max-width:34rem}label{display:block;font-weight:600;margin:.75rem 0 .35rem}label.pick{font-weight:400;margin:0}
table+label.pick{margin-top:.6rem}section table{max-width:34rem}section td:first-child{width:10rem}
input[type=text],input[type=password],textarea{font:inherit;width:100%;padding:.5rem .6rem;color:inherit;
background:var(--ground);border:1px solid var(--soft);border-radius:.35rem}
button,a.button{font:inherit;padding:.45rem 1rem;margin:.75rem .5rem .25rem 0;border-radius:.4rem;cursor:pointer;
border:1px solid var(--accent);background:var(--accent);color:var(--on-accent);text-decoration:none;
display:inline-block}button.quiet,a.quiet{background:transparent;color:var(--accent)}
button.danger{background:transparent;border-color:var(--warn);color:var(--warn)}
.bar button{margin:0;padding:.25rem .7rem}
button[disabled]{opacity:.5;cursor:not-allowed}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
figure{display:inline-block;margin:.5rem 1.5rem .5rem 0}figure img{display:block;max-width:22rem;background:#000}
summary{cursor:pointer;margin:.5rem 0}details table{table-layout:fixed;font-size:14px}
"""


def page(title: str, body: str, session: LoginSession | None = None, refresh: tuple[float, str] | None = None) -> str:
    """Return a page.

    Parameters
    ----------
    title
        Its title and heading.
    body
        HTML below the heading.
    session
        The login, for the navigation and its message.
    refresh
        After how many seconds the browser opens which page by itself.
    """
    again = f'<meta http-equiv="refresh" content="{refresh[0]:.0f}; url={refresh[1]}">' if refresh else ""
    message, head = "", '<header><div class="bar"><strong>eci-proxy</strong></div></header>'
    if session:
        message = f'<p class="note" role="status">{escape(session.message)}</p>' if session.message else ""
        session.message, head = "", _header(title, session)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - eci-proxy</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">{again}</head>'
        f"<body>{head}<main><h1>{escape(title)}</h1>{message}{body}</main></body></html>"
    )


def _header(title: str, session: LoginSession) -> str:
    links = "".join(
        f'<a href="{path}"{" aria-current=page" if title.startswith(name) else ""}>{name}</a>' for path, name in PLACES
    )
    return (
        f'<header><div class="bar"><strong>eci-proxy</strong><nav aria-label="Pages">{links}</nav>'
        f'<form method="post" action="/logout">{form_token(session)}<span class="soft">{escape(session.user)}</span>'
        f'<button class="quiet">Log out</button></form></div></header>'
    )


def form_token(session: LoginSession) -> str:
    """Return the hidden field that each form needs."""
    return f'<input type="hidden" name="token" value="{session.form_token}">'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """Return a table; cells are HTML, and columns in `numeric` are aligned to the right."""
    kind = [' class="number"' if n in numeric else "" for n in range(len(columns))]
    head = "".join(f'<th scope="col"{kind[n]}>{name}</th>' for n, name in enumerate(columns))
    body = "".join(f"<tr>{''.join(f'<td{kind[n]}>{cell}</td>' for n, cell in enumerate(row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def counted(number: int, what: str = "instance") -> str:
    """Return a number with its noun."""
    return f"{thousands(number)} {what}{'' if number == 1 else 's'}"


def thousands(number: int) -> str:
    """Return a number with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f")


def size_text(size: float) -> str:
    """Return a size in bytes with its unit."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"


def error_page(what: str, remedy: str, session: LoginSession | None = None) -> str:
    """Return a page that says what happened and what to do."""
    body = f'<p class="warn" role="alert">{escape(what)}</p><p>{escape(remedy)}</p>'
    return page("Not done", body + '<p><a href="/queue">Back to the queue</a></p>', session)
