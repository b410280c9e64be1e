"""Read a policy from a YAML file, checked against its JSON schema. A key that is given twice is a mistake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from eci_annotate.deid.policy import BurnedInRule, Dates, Policy, PrivateElements, Treatment, Unknown
from eci_annotate.deid.profile import DATA
from eci_annotate.errors import BadPolicy

_NAMES = {
    "uids": "retain_uids",
    "device": "retain_device",
    "institution": "retain_institution",
    "patient_characteristics": "retain_characteristics",
    "graphics": "keep_graphics",
}


def read_policy(path: Path) -> Policy:
    """Return the policy of a YAML file.

    Raises
    ------
    BadPolicy
        If the file cannot be read, or does not fit the schema.
    """
    try:
        content = read_yaml(path)
    except ValueError as error:
        what = f"The policy is not a readable YAML file: {error}."
        raise BadPolicy(what, "See docs/deid.md for an example.") from None
    return policy_from(content or {})


def policy_from(content: Any) -> Policy:
    """Return the policy of the content of a policy file; raises BadPolicy if it does not fit the schema."""
    from jsonschema import Draft202012Validator

    error = next(iter(Draft202012Validator(schema()).iter_errors(content)), None)
    if error:
        place = "/".join(map(str, error.absolute_path)) or "at the top"
        raise BadPolicy(f"The policy does not fit its schema: {place}: {error.message}.", "See docs/deid.md.")
    return _policy(content)


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema of policy files."""
    found: dict[str, Any] = json.loads((DATA / "policy.schema.json").read_text(encoding="utf-8"))
    return found


def _policy(content: Mapping[str, Any]) -> Policy:
    retain, quarantine = content.get("retain", {}), content.get("quarantine", {})
    given: dict[str, Any] = {ours: retain[name] for name, ours in _NAMES.items() if name in retain}
    lists = {"risky_modalities": "modalities", "risky_image_types": "image_types"}
    given |= {ours: tuple(quarantine[name]) for ours, name in lists.items() if name in quarantine}
    given |= {"site": content["site"]} if "site" in content else {}
    return Policy(
        **given,
        dates=Dates(content.get("dates", Dates.SHIFT)),
        private=_private(retain),
        descriptors=Treatment(content.get("descriptors", Treatment.REMOVE)),
        structured_content=Treatment(content.get("structured_content", Treatment.REMOVE)),
        words=tuple(content.get("words", ())),
        burned_in=tuple(map(_rule, content.get("burned_in", ()))),
        find_text=quarantine.get("find_text", False),
        unknown_objects=Unknown(quarantine.get("unknown_objects", Unknown.QUARANTINE)),
    )


def _private(retain: Mapping[str, Any]) -> tuple[PrivateElements, ...]:
    entries = json.loads((DATA / "safe_private.json").read_text("utf-8")) if retain.get("safe_private") else []
    return tuple(
        PrivateElements(each["creator"], int(each["group"], 16), frozenset(int(e, 16) for e in each["elements"]))
        for each in [*entries, *retain.get("private", ())]
    )


def _rule(entry: Mapping[str, Any]) -> BurnedInRule:
    return BurnedInRule(
        entry.get("manufacturer", ""),
        entry.get("model", ""),
        entry.get("rows", 0),
        entry.get("columns", 0),
        tuple((r[0], r[1], r[2], r[3]) for r in entry["rectangles"]),
        entry.get("verified", False),
    )


class _Loader(yaml.SafeLoader):
    """The safe loader, but for keys that are given twice: of these the last one would count, silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    problem = f"the key {key.value} is given twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds.

    Raises
    ------
    ValueError
        It cannot be read; the text says why, and in which line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)
    except OSError:
        raise ValueError("the file cannot be opened") from None
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{line}{error.problem or 'it cannot be parsed'}") from None
    except yaml.YAMLError:
        raise ValueError("it holds characters that YAML does not allow") from None
