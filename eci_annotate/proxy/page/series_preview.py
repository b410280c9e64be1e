"""The preview of what is in the spool: a series, or a quarantined instance. Files are decoded in a process of its own.

A decoder that crashes or hangs on a hostile file costs that process only.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock

from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import NotFound, Overloaded
from eci_annotate.proxy.instance_queue import QueuedInstance, QueueState
from eci_annotate.proxy.page.login_sessions import LoginSession
from eci_annotate.proxy.page.page_layout import counted, page, table
from eci_annotate.proxy.page.verify_form import session_end
from eci_annotate.proxy.proxy_service import Proxy

PATIENCE_S, WAIT_S = 60.0, 30.0
_one = Lock()
_WARNING = '<p class="warn">This page shows a patient. It is not stored.</p>'


@dataclass(frozen=True)
class PreviewJob:
    """What is drawn: the files, with causes that set them aside, and a title; the secret by its file."""

    title: str
    files: tuple[Path, ...]
    causes: tuple[Cause, ...]
    policy: Policy
    key: Path


def preview_list(proxy: Proxy, session: LoginSession) -> str:
    """Return the page that lists series on their way."""
    rows = [
        (
            f'<a href="/preview/{row.id}">Series of instance {row.id}</a>',
            str(number),
            row.state.value,
            f"<code>{row.pseudonym}</code>",
        )
        for row, number in proxy.queue.series()
    ]
    text = (
        "<p>Original beside result, for series whose originals are still at the proxy. Instances that were set aside "
        'are on the page <a href="/quarantine">Quarantine</a>. Before a site goes live: '
        "<code>eci-proxy preview FOLDER --out preview.html</code></p>"
    )
    listed = table(["Series", "Instances", "State", "Pseudonym"], rows, numeric=(1,))
    return page("Preview", text + (listed if rows else "<p>No series is on its way.</p>"), session)


def preview_page(proxy: Proxy, number: int, session: LoginSession) -> str:
    """Return the page about an instance's series, after the access has been recorded.

    Raises
    ------
    NotFound
        There is no such instance, or its original is deleted.
    Overloaded
        It takes too long, or a decoder crashed.
    """
    row = proxy.queue.get(number)
    job = None if row is None else _job(proxy, row)
    if row is None or job is None:
        raise NotFound("There is no original of this instance here.", "It was confirmed, deleted, or never existed.")
    proxy.records.accessed(session.user, "preview", "page", instance=row.content, patient=row.pseudonym)
    return page("Preview of a series", _WARNING + drawn(job), session, (session_end(session), "/login"))


def _job(proxy: Proxy, row: QueuedInstance) -> PreviewJob | None:
    rows = proxy.queue.of_series(row.series) if row.series else [row]
    files = tuple(path for each in rows if (path := proxy.spool.original(each.content)).exists())
    if not files:
        return None
    title = f"{counted(len(files))}, {row.state.value}"
    if row.state is QueueState.QUARANTINED:
        title = f"Instance {row.id}: what would leave if it were released"
    return PreviewJob(title, files, row.causes, proxy.policy, proxy.configuration.key)


def drawn(job: PreviewJob) -> str:
    """Return the section of a preview, drawn in a process of its own; one at a time."""
    if not _one.acquire(timeout=WAIT_S):
        raise Overloaded("Another preview is being drawn.", "Try again in a minute.")
    try:
        spawn = multiprocessing.get_context("spawn")
        receiver, sender = spawn.Pipe(duplex=False)
        process = spawn.Process(target=draw, args=(job, sender), daemon=True)
        process.start()
        sender.close()
        try:
            return _received(receiver)
        finally:
            process.kill()
            process.join()
            receiver.close()
    finally:
        _one.release()


def _received(receiver: Connection) -> str:
    try:
        content = receiver.recv_bytes() if receiver.poll(PATIENCE_S) else b""
    except (EOFError, OSError):
        content = b""
    if not content:
        raise Overloaded("The preview cannot be drawn.", "The file is damaged or too large; judge it at its source.")
    return content.decode("utf-8", "replace")


def draw(job: PreviewJob, sender: Connection) -> None:
    """Draw a preview, and send it as HTML; the work of the process."""
    import logging
    import os
    import sys

    from eci_annotate.proxy.preview import PreviewedSeries, series_section

    logging.disable(logging.CRITICAL)
    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 (a failure's text may hold values)
    series = PreviewedSeries([*job.files], Counter(job.causes))
    content = series_section(job.title, series, job.policy, Pseudonymiser.from_file(job.key), job.causes)
    sender.send_bytes(content.encode("utf-8", "replace"))
