"""Studies from the hospital's PACS: found by C-FIND, fetched by C-GET, or by C-MOVE to the proxy's own receiver."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from eci_annotate.errors import BadConfiguration, NotFound
from eci_annotate.proxy.configuration import PacsSettings
from eci_annotate.proxy.receive.fetch_query import Keys, Query
from eci_annotate.proxy.receive.file_sources import Progress
from eci_annotate.proxy.receive.store_scp import store_to, stored

if TYPE_CHECKING:
    from eci_annotate.proxy.proxy_service import Proxy

PENDING, MOST_CONTEXTS, PATIENCE_S = (0xFF00, 0xFF01), 126, 60.0
FETCHED, NOT_FOUND, IN_PART = "fetched", "asked for, but not found", "fetched in part only, or not at all"
SHARED = "not fetched: several patients have this number; fetch them by --patient or --study"
OTHERS = "not fetched: the PACS answered with what was not asked for"
log = logging.getLogger("eci_proxy")


def echo(settings: PacsSettings) -> None:
    """Ask the PACS whether it answers; raises NotFound if it does not."""
    with _associated(settings, [Verification]) as association:
        association.send_c_echo()


@dataclass
class FetchReport:
    """How many studies were fetched, and how many not and why; for a list, the lines of those that were not."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[int]] = field(default_factory=dict)

    def count(self, what: str, query: Query, number: int = 1) -> None:
        """Count what became of a query."""
        self.counts[what] += number
        if query.line and what != FETCHED:
            self.lines.setdefault(what, []).append(query.line)


def fetch(proxy: Proxy, asked: Sequence[Query], tell: Progress) -> FetchReport:
    """Fetch all studies that match; those of an accession number that several patients have are not fetched.

    Raises
    ------
    BadConfiguration
        No PACS is configured.
    NotFound
        It does not answer.
    """
    settings, report = proxy.configuration.pacs, FetchReport()
    if settings is None:
        raise BadConfiguration("No PACS is configured.", "Add the part pacs to the configuration.")
    studies: dict[str, Query] = {}
    for number, query in enumerate(asked, 1):
        found = find_studies(settings, query.keys)
        if found.others:
            report.count(OTHERS, query, found.others)
        if found.patients > 1:
            report.count(SHARED, query)
        elif not found.uids and not found.others:
            report.count(NOT_FOUND, query)
        else:
            studies |= {uid: query for uid in found.uids if uid not in studies}
        tell("Asking the PACS", number, len(asked))
    for number, (uid, query) in enumerate(studies.items(), 1):
        whole = move_study(settings, uid) if settings.move else get_study(settings, uid, proxy)
        report.count(FETCHED if whole else IN_PART, query)
        tell("Fetching studies", number, len(studies))
    return report


@dataclass(frozen=True)
class StudyAnswer:
    """Studies that match, of how many patients, and how many the PACS answered that do not match."""

    uids: tuple[str, ...]
    patients: int
    others: int


def find_studies(settings: PacsSettings, keys: Keys) -> StudyAnswer:
    """Ask for the studies that match. A PACS that does not know a key answers with all it has: these do not count."""
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID, query.PatientID, query.IssuerOfPatientID = "STUDY", "", "", ""
    for name, value in keys.items():
        setattr(query, name, value)
    with _associated(settings, [StudyRootQueryRetrieveInformationModelFind]) as association:
        answers = [*association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)]
    if not answers or _status(answers[-1][0]) != 0:
        raise NotFound("The PACS did not answer a query completely.", "Try again, or ask its administrator.")
    every = [each for status, each in answers if _status(status) in PENDING and each]
    found = [each for each in every if all(_said(each, name) == value.casefold() for name, value in keys.items())]
    patients = {(_said(each, "PatientID"), _said(each, "IssuerOfPatientID")) for each in found}
    uids = dict.fromkeys(str(each.StudyInstanceUID) for each in found)
    return StudyAnswer(tuple(uids), len(patients), len(every) - len(found))


def _said(answer: Dataset, name: str) -> str:
    return str(answer.get(name) or "").strip(" \0").casefold()


def get_study(settings: PacsSettings, uid: str, proxy: Proxy) -> bool:
    """Fetch a study by C-GET; whether all of it arrived."""
    store_to(proxy.spool)
    model = StudyRootQueryRetrieveInformationModelGet
    storage = [context.abstract_syntax for context in StoragePresentationContexts][:MOST_CONTEXTS]
    roles = [build_role(each, scp_role=True) for each in storage]
    handlers = [(evt.EVT_C_STORE, lambda event: stored(event, proxy.spool))]
    with _associated(settings, [model, *storage], roles, handlers) as association:
        return _is_whole(association.send_c_get(_study(uid), model))


def move_study(settings: PacsSettings, uid: str) -> bool:
    """Let the PACS send a study to the proxy's receiver, which must run; whether it could send all of it."""
    model = StudyRootQueryRetrieveInformationModelMove
    with _associated(settings, [model]) as association:
        return _is_whole(association.send_c_move(_study(uid), settings.own_ae_title, model))


def _study(uid: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", uid
    return query


def _is_whole(answers: Iterator[tuple[Any, Any]]) -> bool:
    last = None
    for status, _ in answers:
        last = status
    failed = int(getattr(last, "NumberOfFailedSuboperations", 0) or 0) if last else 1
    return last is not None and _status(last) == 0 and not failed


def _status(answer: Any) -> int:
    return int(answer.Status) if answer and "Status" in answer else -1


@contextmanager
def _associated(
    settings: PacsSettings, contexts: Sequence[Any], roles: Sequence[Any] = (), handlers: Sequence[Any] = ()
) -> Iterator[Any]:
    entity = AE(settings.own_ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = PATIENCE_S
    for context in contexts:
        entity.add_requested_context(context)
    association = entity.associate(
        settings.host,
        settings.port,
        ae_title=settings.ae_title,
        ext_neg=list(roles) or None,
        evt_handlers=list(handlers) or None,
    )
    if not association.is_established:
        remedy = "Check pacs in the configuration, and that the PACS knows the proxy's title and address."
        raise NotFound("The PACS does not answer, or rejects the proxy.", remedy)
    try:
        yield association
    finally:
        association.release()
