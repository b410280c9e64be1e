"""The datasheet of a training set: what is in it, by whose hands, by which rules, and who is not in it; no dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from eci_annotate.repository.datasets.dataset_layout import NamedFiles, Rows, json_bytes
from eci_annotate.repository.datasets.dataset_plan import WITHDRAWN, DatasetPlan, RefusedSubject
from eci_annotate.repository.datasets.reader_agreement import ReaderAgreement
from eci_annotate.repository.datasets.subject_split import DatasetPart
from eci_annotate.version import __version__

NOT_STATED = "not stated"
CONSENT = "Subjects whose consent was withdrawn are not in the set."
AGREEMENT = "Of all subjects of the projects that were read twice or more, also of those that are not in the set."


def datasheet_files(
    plan: DatasetPlan, kind: str, rows: Rows, refused: Sequence[RefusedSubject], agreement: ReaderAgreement
) -> NamedFiles:
    """Yield ``datasheet.json`` and ``DATASHEET.md``.

    Parameters
    ----------
    plan
        What was chosen, by which rules.
    kind
        The format.
    rows
        Of the samples that are in it.
    refused
        The subjects that are not.
    agreement
        Of the readers.
    """
    document = datasheet(plan, kind, rows, refused, agreement)
    yield "datasheet.json", json_bytes(document)
    yield "DATASHEET.md", markdown(document).encode()


def datasheet(
    plan: DatasetPlan, kind: str, rows: Rows, refused: Sequence[RefusedSubject], agreement: ReaderAgreement
) -> dict[str, Any]:
    """Return the datasheet as plain values; the parameters are those of `datasheet_files`."""
    subjects = {part: sorted({row["subject"] for row in rows if row["part"] == part}) for part in DatasetPart}
    return {
        "format": kind,
        "projects": list(plan.projects),
        "feed_position": plan.position,
        "software": f"eci_annotate {__version__}",
        "rules": plan.rules.document(),
        "licence": plan.rules.licence or NOT_STATED,
        "consent": {
            "rule": CONSENT,
            "withdrawn": [{"project": r.project, "subject": r.subject} for r in refused if r.why == WITHDRAWN],
        },
        "agreement": {"rows": list(agreement.rows), "notes": list(agreement.notes)},
        "classes": plan.values,
        "counts": {
            "subjects": len({row["subject"] for row in rows}),
            "cases": len(rows),
            "annotations": sum(len(row["labels"]) for row in rows),
            "annotations_by_class": dict(Counter(name for row in rows for name in row["classes"])),
            "cases_by_part": {str(part): sum(row["part"] == part for row in rows) for part in DatasetPart},
            "cases_by_reader": dict(Counter(row["reader"] for row in rows)),
            "cases_by_verdict": dict(Counter(row["verdict"] for row in rows)),
            "refused_subjects": len(refused),
        },
        "split": {str(part): names for part, names in subjects.items()},
        "cases": list(rows),
        "refused": [{"project": each.project, "subject": each.subject, "why": each.why} for each in refused],
    }


def markdown(document: dict[str, Any]) -> str:
    """Return a datasheet for people to read."""
    counts, rules = document["counts"], document["rules"]
    by_part = [[part, n, len(document["split"][part])] for part, n in counts["cases_by_part"].items()]
    by_class = [
        [name, value, counts["annotations_by_class"].get(name, 0)] for name, value in document["classes"].items()
    ]
    columns = ["case", "part", "task", "version", "reader", "verdict", "seal"]
    cases = [[row[name] for name in columns[:-1]] + [row["seal"][:12]] for row in document["cases"]]
    refused = [[each["project"], each["subject"], each["why"]] for each in document["refused"]]
    sections = [
        f"# Datasheet: {', '.join(document['projects'])}",
        f"{counts['cases']} cases of {counts['subjects']} subjects with {counts['annotations']} signed annotations; "
        f"{counts['refused_subjects']} subjects refused. Format {document['format']}, written by "
        f"{document['software']} at position {document['feed_position']} of the feed.",
        "## Rules\n\n" + _table(["rule", "value"], sorted(rules.items())),
        f"## Licence\n\n{document['licence']}",
        "## Consent\n\n" + " ".join([CONSENT, *_withdrawn(document["consent"]["withdrawn"])]),
        "## Split by subject\n\n" + _table(["part", "cases", "subjects"], by_part),
        "## Classes\n\n" + _table(["class", "value", "annotations"], by_class),
        "## Readers\n\n" + _table(["reader", "cases"], sorted(counts["cases_by_reader"].items())),
        "## Agreement of readers\n\n" + _agreement(document["agreement"]),
        "## Cases\n\n" + _table(columns, cases),
        "## Refused subjects\n\n" + (_table(["project", "subject", "why"], refused) if refused else "None."),
    ]
    return "\n\n".join(sections) + "\n"


def _withdrawn(subjects: Sequence[dict[str, str]]) -> list[str]:
    names = ", ".join(f"{each['subject']} ({each['project']})" for each in subjects)
    return [f"Withdrawn: {names}." if names else "None was withdrawn."]


def _agreement(found: dict[str, Any]) -> str:
    rows = [["" if cell is None else cell for cell in row.values()] for row in found["rows"]]
    table = [AGREEMENT, _table(list(found["rows"][0]), rows)] if rows else []
    return "\n\n".join([*table, *found["notes"]])


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)
