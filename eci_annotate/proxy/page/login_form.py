"""The page that asks for name and password."""

from __future__ import annotations

from html import escape

from eci_annotate.proxy.page.page_layout import page


def login_page(site: str, token: str, problem: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    site
        The site's name.
    token
        What the form must carry.
    problem
        Why the login before did not succeed.
    """
    warning = f'<p class="warn" role="alert">{escape(problem)}</p>' if problem else ""
    body = (
        f'<p>The proxy of site {escape(site)}.</p>{warning}<form class="box" method="post" action="/login">'
        f'<input type="hidden" name="token" value="{token}">'
        '<label for="user">Name</label><input type="text" id="user" name="user" maxlength="32" required autofocus '
        'autocomplete="username" autocapitalize="off" spellcheck="false">'
        '<label for="password">Password</label><input type="password" id="password" name="password" maxlength="256" '
        'required autocomplete="current-password"><button>Log in</button></form>'
        '<p class="soft">Users are added at the proxy: <code>eci-proxy page password NAME</code></p>'
    )
    return page("Log in", body)
