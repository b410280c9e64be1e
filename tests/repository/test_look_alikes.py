"""No name stands for another: names are ASCII, differ in more than case, and texts hide and reverse nothing."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from eci_annotate.errors import BadRequest, EciError, Refused
from eci_annotate.repository.admin.ingest_subject import enrol_as
from eci_annotate.repository.admin.new_project import new_project
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import AddMember, ChangeMember, Describe, Enrol
from tests.repository.repository_world import P, S, local
from tests.service.matrix_world import Q, T, other_project

FORMS = [
    *(normalize(form, "be\u0301n") for form in ("NFC", "NFD")),
    "b\u0435n",  # Cyrillic e
    "\uff42\uff45\uff4e",  # full width
    "be\u200bn",
    "\u202eneb",
    "ben\u00a0",
    "ben ",
    "b\u0131n",
    "be\u00adn",
]


@pytest.mark.parametrize("name", FORMS)
def test_names_are_of_ascii_letters(repo: Repository, name: str) -> None:
    backend, case = local(repo), repo.use_case()
    for act in (
        lambda: backend.do(AddMember(P, name, "KAU", ("annotator",), "")),
        lambda: backend.do(AddMember(P, "new", name, ("annotator",), "")),
        lambda: backend.do(ChangeMember(P, "ben", ("annotator",), (name,))),
        lambda: backend.do(Enrol(P, name, "KAU", case.digest, ())),
        lambda: backend.do(Enrol(P, "ECI_KAU_S0009", name, case.digest, ())),
        lambda: backend.do(Describe(P, S, cohort=name)),
        lambda: new_project(backend, name, case),
    ):
        with pytest.raises(EciError):
            act()


@pytest.mark.parametrize("name", ["Ben", "BEN", "bEn"])
def test_names_differ_in_more_than_case(repo: Repository, name: str) -> None:
    backend = local(repo)
    with pytest.raises(Refused, match="There is a member 'ben' already"):
        backend.do(AddMember(P, name, "KAU", ("annotator",), ""))
    with pytest.raises(Refused, match="There is a project 'liver-ct' already"):
        new_project(backend, "Liver-CT", repo.use_case())
    for site in ("kau", "Kau"):
        with pytest.raises(Refused, match="There is a site 'KAU' already"):
            backend.do(AddMember(P, "new", site, ("annotator",), ""))
        with pytest.raises(Refused, match="There is a site 'KAU' already"):
            backend.do(ChangeMember(P, "ben", ("annotator",), (site,)))
    assert repo.backend.account.projects() == [P]


def test_subjects_differ_in_more_than_case_in_all_projects(repo: Repository, folder: Path) -> None:
    other_project(folder)
    backend, case = local(repo), repo.use_case(P)
    for project, name in ((P, S.lower()), (Q, S.capitalize()), (P, T.lower())):
        with pytest.raises(Refused, match="in other upper or lower case"):
            backend.do(Enrol(project, name, "KAU", case.digest, ()))
    backend.do(Enrol(P, f"{S.lower()}0", "KAU", case.digest, ()))
    backend.do(Enrol(P, "eci_kau_s0012", "KAU", case.digest, ()))
    assert not enrol_as(backend, P, "KAU", "ECI_KAU_S0012")  # an import takes the next number


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\ufeff", "\u2028"])
def test_a_text_of_a_command_hides_and_reverses_nothing(repo: Repository, hidden: str) -> None:
    backend = local(repo)
    for act in (backend.do, backend.check):
        with pytest.raises(BadRequest, match="invisible character"):
            act(Describe(P, S, included=False, reason=f"no {hidden}contrast"))
    backend.do(Describe(P, S, included=False, reason="Übersicht fehlt, بدون تباين"))
    assert not backend.subject(P, S).included
