"""Studies from the hospital's PACS: found by C-FIND, fetched by C-GET, or by C-MOVE to the proxy's own receiver."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
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
from eci_annotate.proxy.receive.file_sources import Progress
from eci_annotate.proxy.receive.store_scp import store_to, stored

if TYPE_CHECKING:
    from eci_annotate.proxy.proxy_service import Proxy

Keys = Mapping[str, str]
PENDING, MOST_CONTEXTS, PATIENCE_S = (0xFF00, 0xFF01), 126, 60.0
log = logging.getLogger("eci_proxy")


def keys_of(patient: str | None, study: str | None, accessions: Path | None) -> list[Keys]:
    """Return what to look for; of a CSV the column AccessionNumber, or the first one.

    Raises
    ------
    BadConfiguration
        The CSV cannot be read, or holds nothing.
    """
    if accessions is None:
        return [{"PatientID": patient} if patient else {"StudyInstanceUID": study or ""}]
    try:
        with accessions.open(encoding="utf-8-sig", newline="") as stream:
            rows = [[cell.strip() for cell in row] for row in csv.reader(stream) if row]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise BadConfiguration("The list of accession numbers cannot be read.", "Give a CSV file in UTF-8.") from None
    named = rows and "AccessionNumber" in rows[0]
    column = rows[0].index("AccessionNumber") if named else 0
    numbers = dict.fromkeys(row[column] for row in rows[1 if named else 0 :] if len(row) > column and row[column])
    if not numbers:
        raise BadConfiguration("The list holds no accession number.", "Write one in each line.")
    if any(set("*?\\") & set(number) for number in numbers):
        raise BadConfiguration("An accession number holds a wildcard.", "List each number in full.")
    return [{"AccessionNumber": number} for number in numbers]


def echo(settings: PacsSettings) -> None:
    """Ask the PACS whether it answers; raises NotFound if it does not."""
    with _associated(settings, [Verification]) as association:
        association.send_c_echo()


def fetch(proxy: Proxy, asked: Sequence[Keys], tell: Progress) -> Counter[str]:
    """Fetch all studies that match; returns how many were fetched, found nowhere, or fetched in part only.

    Raises
    ------
    BadConfiguration
        No PACS is configured.
    NotFound
        It does not answer.
    """
    settings, counts = proxy.configuration.pacs, Counter[str]()
    if settings is None:
        raise BadConfiguration("No PACS is configured.", "Add the part pacs to the configuration.")
    studies: dict[str, None] = {}
    for number, keys in enumerate(asked, 1):
        found = find_studies(settings, keys)
        counts["asked for, but not found"] += not found
        studies |= dict.fromkeys(found)
        tell("Asking the PACS", number, len(asked))
    for number, uid in enumerate(studies, 1):
        whole = move_study(settings, uid) if settings.move else get_study(settings, uid, proxy)
        counts["fetched" if whole else "fetched in part only, or not at all"] += 1
        tell("Fetching studies", number, len(studies))
    return +counts


def find_studies(settings: PacsSettings, keys: Keys) -> list[str]:
    """Return the UIDs of the studies that match."""
    query = Dataset()
    query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", ""
    for name, value in keys.items():
        setattr(query, name, value)
    with _associated(settings, [StudyRootQueryRetrieveInformationModelFind]) as association:
        answers = [*association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)]
    if not answers or _status(answers[-1][0]) != 0:
        raise NotFound("The PACS did not answer a query completely.", "Try again, or ask its administrator.")
    found = [str(each.StudyInstanceUID) for status, each in answers if _status(status) in PENDING and each]
    return list(dict.fromkeys(found))


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
