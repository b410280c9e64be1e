"""What would leave, before anything does: each series with its picture and its elements, original beside result.

The page identifies patients and stays at the site; nothing is stored or sent.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from eci_annotate.deid.deidentify import deidentify, tag_name
from eci_annotate.deid.folder_run import is_dicom
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause, said
from eci_annotate.deid.quiet import quiet
from eci_annotate.errors import BadConfiguration, NoImages
from eci_annotate.proxy.inflation_limit import MOST_BYTES, require_bounded_file
from eci_annotate.proxy.picture import png_of
from eci_annotate.proxy.receive.file_sources import Progress, files_of_source

LONGEST = 120
_STYLE = """body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1b2733}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2.5rem;border-top:1px solid #ccd5dd;padding-top:1rem}
figure{display:inline-block;margin:0 1.5rem 0 0}figure img{max-width:22rem;image-rendering:auto;background:#000}
table{border-collapse:collapse;width:100%;table-layout:fixed}td,th{border:1px solid #dde4ea;padding:.2rem .5rem;
text-align:left;vertical-align:top;overflow-wrap:anywhere}.gone{color:#a02020}.changed{background:#fff6dd}
.warn{background:#fdecec;border:1px solid #e2b4b4;padding:.6rem 1rem}details{margin:.6rem 0}"""


@dataclass
class PreviewedSeries:
    """The files of a series, and how many would be set aside, by cause."""

    files: list[Path] = field(default_factory=list, repr=False)
    causes: Counter[Cause] = field(default_factory=Counter)


def write_preview(
    sources: Sequence[Path], out: Path, policy: Policy, pseudonymiser: Pseudonymiser, tell: Progress
) -> int:
    """Write a page (mode 0600) about all series below `sources`; returns how many there are.

    Raises
    ------
    BadConfiguration
        The page exists already.
    NoImages
        There is no DICOM file.
    """
    series = _series(sources, policy, pseudonymiser, tell)
    if not series:
        raise NoImages("There is no DICOM file here.", "Give a folder with DICOM files.")
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadConfiguration("The page exists already.", "Give a new file.") from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(_head(policy, series))
        for number, each in enumerate(series, 1):
            title = f"Series {number}: {len(each.files)} files"
            stream.write(series_section(title, each, policy, pseudonymiser))
            tell("Drawing", number, len(series))
        stream.write("</body></html>\n")
    return len(series)


def _series(
    sources: Sequence[Path], policy: Policy, pseudonymiser: Pseudonymiser, tell: Progress
) -> list[PreviewedSeries]:
    found: dict[str, PreviewedSeries] = {}
    paths = [path for source in sources for path in files_of_source(source) if is_dicom(path)]
    for number, path in enumerate(paths, 1):
        dataset = _read(path)
        uid = said(dataset, "SeriesInstanceUID") if dataset is not None else ""
        each = found.setdefault(uid, PreviewedSeries())
        each.files.append(path)
        each.causes.update(_result(dataset, policy, pseudonymiser)[1])
        tell("Trying", number, len(paths))
    return list(found.values())


def _read(path: Path) -> Dataset | None:
    try:
        with quiet():
            require_bounded_file(path, MOST_BYTES)
            return dcmread(path, force=True)
    except Exception:  # whatever is wrong with it
        return None


def _result(
    dataset: Dataset | None, policy: Policy, pseudonymiser: Pseudonymiser, accepted: Sequence[Cause] = ()
) -> tuple[Dataset | None, tuple[Cause, ...]]:
    if dataset is None:
        return None, (Cause.UNREADABLE,)
    try:
        result = deidentify(dataset, policy, pseudonymiser, accepted=accepted)
    except Exception:  # its text may hold values
        return None, (Cause.UNREADABLE,)
    return result.dataset, result.causes


def _head(policy: Policy, series: Sequence[PreviewedSeries]) -> str:
    files, aside = sum(len(each.files) for each in series), sum(each.causes.total() for each in series)
    statement = "<br>".join(escape(line) for line in policy.conformance_statement().splitlines())
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Preview of {escape(policy.site)}</title>"
        f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; style-src '
        f"'unsafe-inline'\"><style>{_STYLE}</style></head><body><h1>What would leave {escape(policy.site)}</h1>"
        f"<p class=warn>This page shows patients. Keep it at the site, and delete it after use.</p>"
        f"<p>{len(series)} series, {files} files; reasons to set files aside: {aside}.</p><p>{statement}</p>"
    )


def series_section(
    title: str, series: PreviewedSeries, policy: Policy, pseudonymiser: Pseudonymiser, accepted: Sequence[Cause] = ()
) -> str:
    """Return a section about a series as HTML: pictures and elements of its middle file, original beside result.

    Parameters
    ----------
    title
        Its heading.
    series
        The files, and what would be set aside.
    policy, pseudonymiser
        What is removed, and the site's secret.
    accepted
        Causes that are taken as accepted: the result is what a release would send.
    """
    dataset = _read(series.files[len(series.files) // 2])
    made, causes = _result(dataset, policy, pseudonymiser, accepted)
    lines = [f"<h2>{escape(title)}</h2>"]
    lines += [f"<p class=warn>{count} set aside: it {escape(c.value)}.</p>" for c, count in series.causes.items()]
    if dataset is None:
        return "".join(lines)
    lines += [_figure("Original", dataset), _figure("Result", made) if made is not None else ""]
    rows = "".join(_rows(dataset, made, causes))
    lines.append(f"<details open><summary>Elements</summary><table><tr><th>element<th>original<th>result</tr>{rows}")
    return "".join(lines) + "</table></details>"


def _figure(title: str, dataset: Dataset) -> str:
    picture = png_of(dataset)
    if picture is None:
        return f"<figure><figcaption>{title}: no picture</figcaption></figure>"
    data = b64encode(picture).decode()
    return f'<figure><img alt="{title}" src="data:image/png;base64,{data}"><figcaption>{title}</figcaption></figure>'


def _rows(dataset: Dataset, made: Dataset | None, causes: Sequence[Cause]) -> Iterator[str]:
    values = dict(_flat(made, "")) if made is not None else {}
    seen = set()
    for path, text in _flat(dataset, ""):
        seen.add(path)
        after = values.get(path)
        shown = "<i class=gone>removed</i>" if after is None else escape(after)
        shown = "<i class=gone>set aside</i>" if causes else shown
        changed = " class=changed" if after != text else ""
        yield f"<tr{changed}><td>{escape(path)}<td>{escape(text)}<td>{shown}</tr>"
    for path, text in values.items():
        if path not in seen:
            yield f"<tr class=changed><td>{escape(path)}<td><td>{escape(text)}</tr>"


def _flat(dataset: Dataset, before: str) -> Iterator[tuple[str, str]]:
    """Yield each element's path and text, items of sequences included; pixels by their size."""
    for element in dataset:
        name = f"{before}{element.tag} {tag_name(int(element.tag))}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value or [], 1):
                yield from _flat(item, f"{name}[{number}] > ")
        elif isinstance(element.value, bytes):
            yield name, f"{len(element.value)} bytes"
        else:
            many = isinstance(element.value, MultiValue)
            text = "\\".join(map(str, element.value)) if many else str("" if element.value is None else element.value)
            yield name, text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
