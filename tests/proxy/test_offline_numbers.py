"""Numbers without connection: reserved at the centre, provisional at the site, confirmed or merged at upload."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.errors import BadRequest, NotFound, Refused
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import take_paths
from eci_annotate.proxy.send.centre_client import Centre
from eci_annotate.repository.admin.ingest_subject import enrol_next
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.sites.number_ranges import ProvisionalNumbers, reserve
from eci_annotate.repository.sites.site_credentials import credential_named, issue
from tests.proxy.proxy_world import centre, configured, hospital
from tests.proxy.test_proxy_commands import run
from tests.service.service_world import P
from tests.service.site_world import owner

NOWHERE = "http://127.0.0.1:9/services/eci"


def silent(what: str, done: int, of: int) -> None:
    return None


class SiteProxy:
    """A proxy with a credential and a range of numbers of its own, which may lose its connection."""

    def __init__(self, folder: Path, service: str, at: Path, number: int = 3) -> None:
        self.at = at
        self.credential, token = issue(owner(folder), P, "KAU")
        self.settings = centre(at, service, token)
        self.range = reserve(owner(folder), self.credential, number)
        self.open()
        self.proxy.links.reserve(self.taken())

    def taken(self) -> list[str]:
        settings = self.proxy.configuration.centre
        assert settings is not None
        line = Centre(settings)
        try:
            return line.take_numbers()
        finally:
            line.close()

    def open(self, **more: object) -> None:
        self.proxy = Proxy(configured(self.at, centre={**self.settings, **more}))

    def receive(self, patient: str, kind: str = "tiny", connected: bool = True) -> None:
        """Take files of a patient, with or without a connection."""
        self.proxy.close()
        self.open(**({} if connected else {"url": NOWHERE}))
        for path in hospital(self.at / f"{patient}-{kind}", kind, patient)[3:]:
            path.unlink()  # some files are enough
        take_paths(self.proxy.spool, [self.at / f"{patient}-{kind}"], silent)
        left = self.proxy.drain(silent, patience_s=20.0 if connected else 0.3)
        assert bool(left) is not connected

    def upload(self) -> None:
        self.proxy.close()
        self.open()
        assert self.proxy.drain(silent) == 0


@pytest.fixture
def first(service: str, folder: Path, tmp_path: Path) -> SiteProxy:
    return SiteProxy(folder, service, tmp_path / "first")


def audit(folder: Path) -> list[tuple[str, str]]:
    rows = owner(folder).trail.audit(AuditQuery(P, "", "", "site-number-"))
    return list(zip(rows["what"], rows["subject"], strict=True))


def test_a_provisional_number_is_confirmed_at_upload_if_it_was_reserved(folder: Path, first: SiteProxy) -> None:
    first.receive("KanariePID1", connected=False)
    begun = first.proxy.links.find("KanariePID1")
    assert (begun.subject, begun.provisional) == ("", first.range.subjects()[0]) and "provisional" in begun.number
    assert first.proxy.links.find(begun.provisional) == begun
    first.proxy.links.reserve(["ECI_KAU_S0000"])  # the centre never reserved it
    first.receive("KanariePID2", "mr", connected=False)
    assert first.proxy.links.find("KanariePID2").provisional == "ECI_KAU_S0000"
    first.upload()
    assert first.proxy.links.find("KanariePID1").number == begun.provisional
    assert first.proxy.links.find("KanariePID2").number.endswith("(ECI_KAU_S0000 was provisional)")
    assert audit(folder) == [("site-number-confirmed.1", begun.provisional)]


def test_two_proxies_that_gave_two_numbers_agree_after_upload(
    service: str, folder: Path, tmp_path: Path, first: SiteProxy
) -> None:
    second = SiteProxy(folder, service, tmp_path / "second")
    assert not {*first.range.subjects()} & {*second.range.subjects()}
    first.receive("KanariePID1", "tiny", connected=False)
    second.receive("KanariePID1", "mr", connected=False)
    mine, other = (each.proxy.links.find("KanariePID1").provisional for each in (first, second))
    assert mine != other
    second.upload()
    first.upload()
    links = [each.proxy.links.find("KanariePID1") for each in (first, second)]
    assert [link.subject for link in links] == [other, other]
    assert links[0].number == f"{other} ({mine} was provisional)"
    assert first.proxy.links.find(mine) == first.proxy.links.find(other) == links[0]  # the table knows both
    assert len(owner(folder).context.archive.studies(other)) == 2 and not owner(folder).context.archive.studies(mine)
    assert sorted(audit(folder)) == [("site-number-confirmed.1", other), ("site-number-merged.1", other)]


def test_the_centre_gives_no_reserved_number_to_others_and_a_range_goes_to_one_proxy(
    folder: Path, first: SiteProxy
) -> None:
    assert first.taken() == []
    backend, (before, *_) = owner(folder), first.range.subjects()
    given = enrol_next(backend, P, "KAU")
    assert given not in first.range.subjects() and int(given[-4:]) > int(before[-4:])
    settings = credential_named(backend.context.layout, first.credential)
    assert ProvisionalNumbers(backend.context, settings).propose({"A" * 16: "ECI_KAU_S0001", "B" * 16: before}) == 1


def test_only_owners_reserve_for_credentials_that_exist(
    folder: Path, first: SiteProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadRequest):
        reserve(owner(folder), first.credential, 1001)
    with pytest.raises(NotFound):
        reserve(owner(folder), "site.KAU.00000000", 1)
    backend = owner(folder)
    monkeypatch.setattr(type(backend.account.actor), "may", lambda *_: False)
    with pytest.raises(Refused):
        reserve(backend, first.credential, 1)


def test_the_command_fetches_and_shows_provisional_numbers(
    folder: Path, first: SiteProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    reserve(owner(folder), first.credential, 2)
    configuration = first.at / "proxy.yaml"
    assert "Fetched 2 numbers; 5 can be given" in run(capsys, "-c", configuration, "numbers")
    first.receive("KanariePID1", connected=False)
    first.proxy.close()
    assert f"{first.range.subjects()[0]} (provisional)" in run(capsys, "-c", configuration, "verify", "KanariePID1")
