"""A use case is three files in a folder, checked against the schemas in `forms/schema/` and published as one blob.

Tasks pin the blob's digest, so that a form or pipeline never changes under work that has begun.
The blob is JSON without whitespace in the order of the files: the order of questions has meaning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.definition_file import read_definition
from eci_annotate.workflow.translation import ENGLISH, translated, translation_findings
from eci_annotate.workflow.usecase.form import Question, questions
from eci_annotate.workflow.usecase.hanging import Hanging, Header, hang
from eci_annotate.workflow.usecase.json_schema import fault_of, validator_of
from eci_annotate.workflow.usecase.kinetic_rule import KineticRule, check_kinetics, kinetic_rule_from
from eci_annotate.workflow.usecase.manual_pictures import read_manual
from eci_annotate.workflow.usecase.pipeline import CopyRule, Gate, Need, SlotAnswer, TaskDefinition, TaskKind, expanded
from eci_annotate.workflow.usecase.pipeline_check import check_pipeline

_LISTS = ("after", "roles", "tools", "sites", "first")


@dataclass(frozen=True)
class UseCase:
    """A use-case definition: name, title, pipeline, report form (JSON Schema), hanging protocol, manual (Markdown).

    `languages` are those of form and manual beside English, `manuals` the manual in each of them.
    """

    name: str
    title: str
    pipeline: tuple[TaskDefinition, ...]
    report: dict[str, Any]
    hanging: dict[str, Any]
    blob: bytes
    manual: str = ""
    kinetics: KineticRule | None = None
    languages: tuple[str, ...] = ()
    manuals: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the blob, which tasks pin."""
        return digest(self.blob)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The report form as typed questions."""
        return questions(self.report)

    @property
    def labels_beside(self) -> set[str]:
        """Labels of what may be drawn beside the lesions, such as the organ."""
        return {label for each in self.pipeline if each.gate for label in each.gate.beside}

    def report_in(self, language: str) -> dict[str, Any]:
        """Return the report form with its texts in a language; English where there is none."""
        return dict(translated(self.report, language))

    def manual_in(self, language: str) -> str:
        """Return the manual in a language; in English where there is none."""
        return self.manuals.get(language, self.manual)

    def hang(self, series: Sequence[Header]) -> Hanging:
        """Return which of `series` goes where, and why."""
        return hang(self.hanging, series)

    def only(self, wanted: Callable[[TaskDefinition], bool]) -> UseCase:
        """Return a copy with only these tasks, without their prerequisites."""
        definition = json.loads(self.blob)
        names = {task.of_group for task in self.pipeline if wanted(task)}
        tasks = definition["usecase"]["tasks"]
        definition["usecase"]["tasks"] = [{**task, "after": []} for task in tasks if task["name"] in names]
        return UseCase.from_blob(_spelled(definition))

    @classmethod
    def from_folder(cls, folder: Path | str) -> UseCase:
        """Load ``usecase.yaml``, ``report.json``, ``hanging.yaml`` and, if there is one, ``manual.md``.

        Manuals in other languages are ``manual.de.md`` and so on.

        Raises
        ------
        BadUseCase
            Reports the first problem.
        """
        folder = Path(folder)
        manual = folder / "manual.md"
        manuals = {each.name.split(".")[1]: read_manual(each) for each in sorted(folder.glob("manual.*.md"))}
        definition = {
            "usecase": read_definition(folder / "usecase.yaml"),
            "report": read_definition(folder / "report.json"),
            "hanging": read_definition(folder / "hanging.yaml"),
            **({"manual": read_manual(manual)} if manual.exists() else {}),
            **({"manuals": manuals} if manuals else {}),
        }
        return cls.from_definition(definition)

    @classmethod
    def from_definition(cls, definition: dict[str, Any]) -> UseCase:
        """Build from its three parts (``usecase``, ``report``, ``hanging``); BadUseCase reports the first problem."""
        case = cls.from_blob(_checked(definition, _spelled(definition)))
        check_pipeline([_task(each) for each in definition["usecase"]["tasks"]], case.report, case.hanging)
        check_kinetics(case.kinetics, case.hanging)
        for what, remedy in translation_findings(case.report, case.manual, case.manuals, case.languages):
            raise BadUseCase(what, remedy)
        return case

    @classmethod
    def from_blob(cls, blob: bytes) -> UseCase:
        """Load a published blob, which was checked before it was published."""
        definition = json.loads(blob)
        case = definition["usecase"]
        pipeline = expanded(_task(each) for each in case["tasks"])
        return cls(
            case["name"],
            case["title"],
            pipeline,
            definition["report"],
            definition["hanging"],
            blob,
            _manual(definition),
            kinetic_rule_from(case.get("kinetics")),
            tuple(each for each in case.get("languages", ()) if each != ENGLISH),
            dict(definition.get("manuals", {})),
        )


def _manual(definition: dict[str, Any]) -> str:
    text = definition.get("manual", "")
    return text if isinstance(text, str) else ""


def _spelled(definition: dict[str, Any]) -> bytes:
    return json.dumps(definition, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def forms_folder() -> Path:
    """Return the folder of the shipped use cases: in the package if installed, next to it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "forms"
    return inside if inside.is_dir() else package.parent / "forms"


def shipped_use_cases() -> list[str]:
    """Return the names of the use cases that are part of the package."""
    return sorted(each.parent.name for each in forms_folder().glob("*/usecase.yaml"))


def shipped_use_case(name: str) -> UseCase:
    """Return a use case that is part of the package, e.g. ``liver-ct``."""
    return UseCase.from_folder(_shipped_folder(name))


def use_case_folder(name: str | Path) -> Path:
    """Return the folder of a use case: the one given, or that of a shipped one; BadUseCase if there is neither."""
    return Path(name) if Path(name).is_dir() else _shipped_folder(str(name))


def _shipped_folder(name: str) -> Path:
    known = shipped_use_cases()
    if name not in known:
        raise BadUseCase(f"Unknown use case {name!r}.", f"Available are {', '.join(known)}.")
    return forms_folder() / name


@cache
def _schema(name: str) -> Any:
    return validator_of(json.loads((forms_folder() / "schema" / f"{name}.schema.json").read_text()))


def _checked(definition: dict[str, Any], blob: bytes) -> bytes:
    for part in ("usecase", "report", "hanging"):
        _check(part, definition.get(part))
    _check_form(definition["report"])
    return blob


def _check(part: str, content: Any) -> None:
    errors = sorted(_schema(part).iter_errors(content), key=lambda error: [*map(str, error.path)])
    if errors:
        place = "/".join(map(str, errors[0].absolute_path)) or "the whole file"
        raise BadUseCase(f"{part}, {place}: {errors[0].message}.", f"See forms/schema/{part}.schema.json.")


def _check_form(report: dict[str, Any]) -> None:
    if fault := fault_of(report):
        raise BadUseCase(f"report: {fault}.", "It is a JSON Schema, draft 2020-12.")


def _task(each: dict[str, Any]) -> TaskDefinition:
    listed: dict[str, Any] = {key: tuple(each.get(key, ())) for key in _LISTS}
    apart = (*_LISTS, "gate", "readers", "copies")
    rest: dict[str, Any] = {key: value for key, value in each.items() if key not in apart}
    readers = each.get("readers", 1)
    if isinstance(readers, dict):
        rest |= {"readers": readers["need"], "most": readers.get("most", readers["need"])}
    else:
        rest["readers"] = readers
    rest["kind"] = _kind(each["kind"])
    rest["copies"] = _copies(each["copies"]) if each.get("copies") else None
    return TaskDefinition(**rest, **listed, gate=_gate(each["gate"]) if each.get("gate") else None)


def _kind(name: str) -> TaskKind:
    try:
        return TaskKind(name)
    except ValueError:
        raise BadUseCase(f"A task is of an unknown kind, {name!r}.", "Update eci_annotate.") from None


def _copies(written: dict[str, Any]) -> CopyRule:
    return CopyRule(tuple(written["source"]), tuple(written["target"]), written.get("registration", ""))


def _gate(written: dict[str, Any]) -> Gate:
    given: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in written.items()}
    needs = tuple(
        Need(tuple(need["slots"]), tuple(need.get("kinds", ())), need.get("at_least", 0))
        for need in written.get("needs", ())
    )
    agrees = tuple(
        SlotAnswer(each["answer"], tuple((value, tuple(slots)) for value, slots in each["values"].items()))
        for each in written.get("agrees", ())
    )
    return Gate(**{**given, "needs": needs, "agrees": agrees})
