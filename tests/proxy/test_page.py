"""The local page: login, queue, quarantine, verification, preview; what attackers try; nothing of a patient leaks."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import BadConfiguration, BadRequest
from eci_annotate.proxy.configuration import PageSettings
from eci_annotate.proxy.instance_queue import QueueState
from eci_annotate.proxy.page.page_service import tls_of
from tests.deid.planted import leaks
from tests.proxy.page_world import COOKIE, HOST, LOGIN_COOKIE, PASSWORD, USER, Site, Visitor

PATHS = ["/", "/queue", "/queue/renewed", "/queue/paused", "/quarantine", "/verify", "/preview", "/preview/1", "/x"]
ACTIONS = ["/verify", "/quarantine/choose", "/logout", "/queue"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def full(site: Site, tmp_path: Path) -> Site:
    site.fill(tmp_path / "hospital")
    return site


def location(answer) -> str:
    return dict(answer.headers).get("Location", "")


def numbers(site: Site, cause: Cause) -> list[str]:
    return [str(row.id) for row in site.proxy.queue.waiting(QueueState.QUARANTINED, 10, [cause])]


def test_nothing_is_shown_without_a_login(full: Site) -> None:
    for cookie in ("", "forged", "x" * 5000, "__proto__"):
        visitor = Visitor(full.page)
        visitor.cookies = {COOKIE: cookie} if cookie else {}
        asked = [visitor.get(path) for path in PATHS] + [visitor.post(path, asked="KanariePID77") for path in ACTIONS]
        assert {(answer.status, location(answer), answer.body) for answer in asked} == {(303, "/login", "")}
    assert full.proxy.queue.causes()[Cause.MODALITY] == 2 and full.records() == ""


def test_a_login_opens_the_pages_and_ends_by_its_button(full: Site) -> None:
    visitor = Visitor(full.page).inside()
    assert all(visitor.get(path).status in (200, 303) for path in PATHS[:-2])
    (flags,) = {v.split("; ", 1)[1] for a in visitor.seen for n, v in a.headers if v.startswith(f"{COOKIE}=")}
    assert flags == "Path=/; HttpOnly; SameSite=Strict"
    stolen = dict(visitor.cookies)
    visitor.get("/queue")
    assert location(visitor.post("/logout")) == "/login"
    visitor.cookies = stolen
    assert location(visitor.get("/queue")) == "/login"
    kinds = [json.loads(line)["what"] for line in full.records().splitlines()]
    assert kinds == ["login", "logout"]


def test_a_login_ends_without_use_and_the_page_that_renews_itself_is_no_use(site: Site) -> None:
    visitor = Visitor(site.page).inside()
    for _ in range(3):
        site.clock.now += 600
        assert visitor.get("/verify").status == 200
    site.clock.now += 600
    assert visitor.get("/queue/renewed").status == 200
    site.clock.now += 600
    assert location(visitor.get("/queue/renewed")) == "/login"
    assert "without use" in visitor.get("/login").body
    visitor.inside()
    for _ in range(80):
        site.clock.now += 600
        visitor.get("/verify")
    assert location(visitor.get("/verify")) == "/login"


def test_a_login_ends_with_its_user_or_password(site: Site) -> None:
    visitor = Visitor(site.page).inside()
    site.users.set_password(USER, "another password")
    assert location(visitor.get("/queue")) == "/login"
    other = Visitor(site.page)
    assert other.log_in().status == 403 and location(other.log_in(password="another password")) == "/queue"
    site.users.delete(USER)
    assert location(other.get("/queue")) == "/login"
    assert oct((site.proxy.spool.root / "page-users.json").stat().st_mode)[-3:] == "600"


def test_a_login_makes_a_new_cookie_and_ends_the_one_before(site: Site) -> None:
    visitor = Visitor(site.page)
    visitor.cookies[COOKIE] = "planted by somebody else"
    visitor.inside()
    first = visitor.cookies[COOKIE]
    assert first != "planted by somebody else"
    visitor.cookies = {COOKIE: first, LOGIN_COOKIE: "abc"}
    visitor.token = site.sessions.token_of_form("abc")
    visitor.post("/login", user=USER, password=PASSWORD)
    assert visitor.cookies[COOKIE] != first and site.sessions.find(first) is None


@pytest.mark.parametrize("name", ["ab", "Petra", "a b", "", "../x", "x" * 40])
def test_names_and_short_passwords_are_refused(site: Site, name: str) -> None:
    with pytest.raises(BadRequest):
        site.users.set_password(name, PASSWORD if name != "ab" else "too short")


@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "https://evil.example"},
        {"origin": f"https://{HOST}"},
        {"origin": "http://127.0.0.1:9999"},
        {"fetch_site": "cross-site"},
        {"fetch_site": "same-site", "origin": "null"},
        {"fetch_site": "none"},
    ],
)
def test_forms_of_other_origins_are_refused_even_with_the_token(full: Site, foreign: dict[str, str]) -> None:
    visitor = Visitor(full.page).inside()
    form = {"token": [visitor.token], "action": ["delete"], "confirmed": ["yes"], "reason": ["x"]}
    form |= {"cause": ["MODALITY"], "all": ["yes"], "newest": ["99"]}
    answer = visitor.ask("POST", "/quarantine/choose", form, **foreign)
    assert answer.status == 403 and "another page" in answer.body
    assert full.proxy.queue.causes()[Cause.MODALITY] == 2


def test_forms_need_the_token_of_their_own_login(full: Site) -> None:
    visitor, other = Visitor(full.page).inside(), Visitor(full.page).inside()
    for token in ("", "forged", other.token, "ü"):
        for path in ACTIONS:
            visitor.token = token
            assert visitor.post(path, asked="KanariePID77").status == 403
    fresh = Visitor(full.page)
    fresh.get("/login")
    fresh.token = full.sessions.token_of_form("the cookie of somebody else")
    assert fresh.post("/login", user=USER, password=PASSWORD).status == 403 and COOKIE not in fresh.cookies


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8480", "127.0.0.1.evil.example", "", "[", "a@b", "[::2]"]
)
def test_names_that_are_not_the_pages_are_refused(site: Site, host: str) -> None:
    visitor = Visitor(site.page).inside()
    assert visitor.get("/queue", host=host).status == 421
    assert visitor.get("/login", host="localhost:9000").status == 303  # through a tunnel


def test_failed_logins_are_slowed_down_by_name_and_by_address(site: Site) -> None:
    visitor = Visitor(site.page)
    answers = [visitor.log_in(password=f"wrong password {n}") for n in range(5)]
    assert {answer.status for answer in answers} == {403}
    assert (answer := visitor.log_in()).status == 429 and "Try again in" in answer.body  # the right one too
    site.clock.now += 31
    assert visitor.log_in(password="wrong once more").status == 403
    site.clock.now += 31
    assert visitor.log_in().status == 429  # it is a minute now
    site.clock.now += 900
    assert location(visitor.log_in()) == "/queue"
    for n in range(20):
        last = Visitor(site.page).log_in(f"user{n}", "wrong password")
    assert last.status == 403 and Visitor(site.page).log_in("user99", "wrong password").status == 429
    unknown = {json.loads(line)["by"] for line in site.records().splitlines() if "refused" in line}
    assert unknown == {USER, "?"}


def test_the_queue_says_what_is_where(full: Site) -> None:
    body = Visitor(full.page).inside().get("/queue").body
    assert re.search(r"Quarantined</td><td class=\"number\">3<", body) and "cannot be" not in body
    assert 'http-equiv="refresh"' in body and "/queue/paused" in body
    assert 'http-equiv="refresh"' not in Visitor(full.page).inside().get("/queue/paused").body


def test_uploads_that_fail_are_on_the_page_of_the_queue(full: Site) -> None:
    (row,) = full.proxy.queue.waiting(QueueState.DEIDENTIFIED)
    full.proxy.queue.again(row, QueueState.DEIDENTIFIED)
    assert "1 instance could not be uploaded yet" in Visitor(full.page).inside().get("/queue").body


def test_quarantined_instances_are_released_with_a_reason_and_a_second_look(full: Site) -> None:
    visitor, both = Visitor(full.page).inside(), numbers(full, Cause.MODALITY)
    body = visitor.get("/quarantine").body
    assert "It is of a modality" in body and "It is incomplete" in body and leaks(body) == []
    chosen = {"action": "release", "cause": "MODALITY", "newest": both[-1], "number": both[:1]}
    asked = visitor.post("/quarantine/choose", **chosen)
    assert "Release 1 instance?" in asked.body and full.proxy.queue.causes()[Cause.MODALITY] == 2
    assert visitor.post("/quarantine/choose", **chosen, confirmed="yes", reason=" ").status == 409
    done = visitor.post("/quarantine/choose", **chosen, confirmed="yes", reason="no text in the pixels")
    assert location(done) == "/quarantine" and "Released 1 instance." in visitor.get("/quarantine").body
    full.proxy.drain(lambda *_: None)
    assert full.proxy.queue.counts() == {"de-identified": 2, "quarantined": 2}
    line = json.loads(full.records("decisions"))
    assert (line["by"], line["what"], line["why"]) == (USER, "released", "no text in the pixels")


def test_what_cannot_be_released_is_not(full: Site) -> None:
    visitor, (number,) = Visitor(full.page).inside(), numbers(full, Cause.INCOMPLETE)
    assert "disabled" in visitor.get("/quarantine").body
    chosen = {"action": "release", "cause": "INCOMPLETE", "newest": number, "number": number}
    answer = visitor.post("/quarantine/choose", **chosen, confirmed="yes", reason="x")
    assert answer.status == 409 and "cannot be released" in answer.body and full.records("decisions") == ""


def test_deletion_is_confirmed_and_spares_what_came_after_the_page(full: Site) -> None:
    visitor, (first, second) = Visitor(full.page).inside(), numbers(full, Cause.MODALITY)
    chosen = {"action": "delete", "cause": "MODALITY", "newest": first, "all": "yes"}
    assert "Delete 1 instance?" in visitor.post("/quarantine/choose", **chosen).body
    assert location(visitor.post("/quarantine/choose", **chosen, confirmed="yes", reason="x")) == "/quarantine"
    assert numbers(full, Cause.MODALITY) == [second] and visitor.get(f"/preview/{first}").status == 404
    nothing = {"action": "delete", "cause": "MODALITY", "newest": second}
    assert "Nothing was chosen" in visitor.post("/quarantine/choose", **nothing).body
    for damaged in ({"cause": "X"}, {"number": "1e3"}, {"newest": "²"}, {"action": "x", "number": second}):
        assert visitor.post("/quarantine/choose", **{**nothing, **damaged}).status == 400


def test_a_changed_rule_holds_from_run_again_on_and_a_bad_one_changes_nothing(full: Site) -> None:
    visitor, policy = Visitor(full.page).inside(), full.proxy.configuration.policy_path
    chosen = {"action": "retry", "cause": "MODALITY", "newest": "99", "all": "yes"}
    policy.write_text("site: KAU\nquarantine: {modalities: [")
    assert "not a readable YAML file" in visitor.post("/quarantine/choose", **chosen).body
    policy.write_text("site: KAU\nquarantine: {modalities: [OT]}\n")
    assert "US" in full.proxy.policy.risky_modalities  # not before somebody asks
    assert location(visitor.post("/quarantine/choose", **chosen)) == "/quarantine"
    full.proxy.drain(lambda *_: None)
    assert full.proxy.queue.causes() == {Cause.INCOMPLETE: 1}


def test_any_of_the_three_names_gives_the_three_and_each_lookup_is_recorded(full: Site) -> None:
    pseudonym = full.proxy.links.pseudonym_of("KanariePID77")
    full.proxy.links.set_subject(pseudonym, "ECI_KAU_S0001")
    visitor = Visitor(full.page).inside()
    for asked in ("KanariePID77", pseudonym, " ECI_KAU_S0001 "):
        body = visitor.post("/verify", asked=asked).body
        assert all(name in body for name in ("KanariePID77", pseudonym, "ECI_KAU_S0001"))
    body = visitor.post("/verify", asked="Kanarie<b>PID78").body
    assert "not known at this site" in body and "Kanarie" not in body
    assert "Give a patient ID" in visitor.post("/verify", asked="  ").body
    lines = [json.loads(line) for line in full.records().splitlines() if "verify" in line]
    assert [(line["by"], line["found"], line["patient"] == pseudonym) for line in lines] == [
        *[(USER, True, True)] * 3,
        (USER, False, False),
    ]


def test_a_lookup_that_cannot_be_recorded_shows_nothing(full: Site) -> None:
    visitor = Visitor(full.page).inside()
    path = full.proxy.spool.root / "accesses.jsonl"
    path.unlink()
    path.mkdir()
    answer = visitor.post("/verify", asked="KanariePID77")
    assert answer.status == 500 and "Internal error" in answer.body and leaks(answer.body) == []


def test_a_preview_shows_original_beside_result_also_of_what_was_set_aside(full: Site) -> None:
    visitor = Visitor(full.page).inside()
    (link,) = re.findall("/preview/[0-9]+", visitor.get("/preview").body)
    body = visitor.get(link).body
    assert "Kanariefågel" in body and body.count("data:image/png") == 2 and ">removed<" in body
    body = visitor.get(f"/preview/{numbers(full, Cause.MODALITY)[0]}").body
    assert "what would leave if it were released" in body and body.count("data:image/png") == 2
    assert 'http-equiv="refresh" content="902; url=/login"' in body and "<script" not in body
    assert "preview" in full.records()
    assert visitor.get("/preview/999999").status == 404


def test_nothing_of_a_patient_is_in_logs_records_and_addresses(full: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    visitor = Visitor(full.page).inside()
    for path in ("/KanariePID77", "/verify?asked=KanariePID77", "/preview/KanariePID77", "/preview/1/../../etc/passwd"):
        assert visitor.get(path).status == 404 and leaks(visitor.seen[-1].body) == []
    visitor.post("/verify", asked="KanariePID77", issuer="Kanarie issuer")
    visitor.post("/verify", asked="KanariePID77")
    visitor.post("/KanariePID77", asked="KanariePID77")
    visitor.post("/quarantine/choose", action="Kanarie", cause="Kanarie", newest="Kanarie", number="Kanarie")
    visitor.get(f"/preview/{numbers(full, Cause.INCOMPLETE)[0]}")
    Visitor(full.page).log_in("KanariePID77", "Kanarie password")
    told = "".join(location(answer) + str(answer.headers) + repr(answer) for answer in visitor.seen)
    assert leaks(caplog.text + full.records() + full.records("decisions") + told) == []
    for each in full.proxy.spool.root.rglob("*"):
        assert leaks(str(each.relative_to(full.proxy.spool.root))) == []


def test_a_page_for_other_machines_needs_tls(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "10.1.2.3", "proxy.example.org", "::"):
        with pytest.raises(BadConfiguration, match="without TLS"):
            tls_of(PageSettings(host))
    assert tls_of(PageSettings("127.0.0.2")) is None and tls_of(PageSettings("::1")) is None
    with pytest.raises(BadConfiguration, match="cannot be read"):
        tls_of(PageSettings("0.0.0.0", certificate=tmp_path / "none", key=tmp_path / "none"))
