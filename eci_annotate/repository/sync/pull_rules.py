"""Rules by which studies are pulled: from which target, which studies, for which project and site; an owner adds them.

Each rule has a credential of its site: pulled files are checked, held back and taken in like uploads with it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.sites.site_credentials import issue, require_owner, revoke
from eci_annotate.repository.sync.sync_targets import TargetKind, target_named
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import canonical, from_json, parse, to_json
from eci_annotate.workflow.project import check_name

WHAT = "pull rules"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class StudyFilter:
    """Which studies of a target: empty parts do not restrict.

    Attributes
    ----------
    modality
        Of one of its series, such as ``CT``.
    since, until
        Study date, ``YYYY-MM-DD``, both inclusive.
    description
        Study description, with ``*`` and ``?``; upper and lower case are the same.
    remote_project
        Project of an XNAT, if not the target's own.
    """

    modality: str = ""
    since: str = ""
    until: str = ""
    description: str = ""
    remote_project: str = ""

    def words(self) -> str:
        """Return the filter as a person reads it."""
        dates = f"{self.since or '...'} to {self.until or '...'}" if self.since or self.until else ""
        return (
            ", ".join(each for each in (self.modality, dates, self.description, self.remote_project) if each) or "all"
        )

    def fits(self, modalities: set[str], date: str, description: str) -> bool:
        """Whether a study with these values (date: ``YYYYMMDD``) is wanted; an unknown value does not fit a filter."""
        near = (self.since or "0").replace("-", "") <= date <= (self.until or "9").replace("-", "")
        dated = not (self.since or self.until) or (bool(date) and near)
        described = not self.description or fnmatch.fnmatch(description.lower(), self.description.lower())
        return (not self.modality or self.modality in modalities) and dated and described


@dataclass(frozen=True)
class PullRule:
    """A rule: its name, project, site and target, which studies, how often, who added it, its site credential."""

    name: str
    project: str
    site: str
    target: str
    by: str
    filter: StudyFilter = StudyFilter()
    every_minutes: int = 15
    credential: str = ""


def add_rule(backend: LocalBackend, rule: PullRule, policy: Mapping[str, Any] | None = None) -> PullRule:
    """Add a rule, for an owner of its project.

    Parameters
    ----------
    backend
        The repository, for an owner.
    rule
        The rule; who adds it and its credential are filled in.
    policy
        The policy against which its files are checked, as those of a site's proxy; without one they are checked like
        other imports.

    Raises
    ------
    Refused
        The actor does not own the project, no service is enabled, or the target cannot be pulled from.
    NotFound
        The target does not exist.
    """
    require_owner(backend, rule.project, "Add a pull rule", WHAT)
    check_name(rule.name)
    target = target_named(backend, rule.target)
    if target.project != rule.project:
        raise NotFound("Target not found.", "Add it to this project: eci-annotate sync add")
    if target.kind is TargetKind.NODE:
        raise Refused("Studies cannot be pulled from a DICOM node.", "Use a DICOMweb archive or an XNAT.")
    if any(day and not _DATE.fullmatch(day) for day in (rule.filter.since, rule.filter.until)):
        raise Refused("A date of the rule is malformed.", "Write dates as YYYY-MM-DD.")
    if any(each.name == rule.name for each in rules_in(backend.context.layout.root)):
        raise Refused("A rule of this name exists already.", "Remove it first, or choose another name.")
    credential, _ = issue(backend, rule.project, rule.site, policy, lenient=policy is None)
    made = replace(rule, by=backend.account.actor.name, credential=credential)
    write_atomic(_folder(backend.context.layout.root) / f"{made.name}.json", canonical(to_json(made)), mode=0o600)
    backend.trail.note("pull-rule.1", made.project, "", f"{made.name}: from {made.target} for {made.site}")
    return made


def remove_rule(backend: LocalBackend, name: str) -> None:
    """Remove a rule, for an owner; what was pulled stays."""
    rule = rule_named(backend, name)
    require_owner(backend, rule.project, "Remove a pull rule", WHAT)
    revoke(backend, rule.credential)
    (_folder(backend.context.layout.root) / f"{rule.name}.json").unlink()
    backend.trail.note("pull-rule-removed.1", rule.project, "", rule.name)


def rules(backend: LocalBackend) -> list[PullRule]:
    """Return the rules of the projects that the actor owns, by name."""
    actor = backend.account.actor
    return [each for each in rules_in(backend.context.layout.root) if actor.may(Permission.ADMINISTER, each.project)]


def rule_named(backend: LocalBackend, name: str) -> PullRule:
    """Return a rule of a project that the actor owns; raises NotFound if there is none."""
    found = next((each for each in rules(backend) if each.name == name), None)
    if found is None:
        raise NotFound("Pull rule not found.", "See: eci-annotate sync pull list FOLDER")
    return found


def rules_in(root: Path) -> list[PullRule]:
    """Return all rules of the repository in a folder, by name."""
    paths = sorted(_folder(root).glob("*.json"))
    return [from_json(PullRule, parse(path.read_bytes(), "A pull rule")) for path in paths]


def _folder(root: Path) -> Path:
    return root / "sites" / "rules"
