"""The pages of a project in the browser, on a hub of their own: subjects come, are found, and leave their trail."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from playwright.sync_api import Browser
from pydicom.uid import generate_uid

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.keys.factors import FactorBook
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.context import utc_now
from tests.hub.hub_world import Hub, hubs, signed_in

P, PIN, MANY, SITE = "liver-ct", "pages-77", 23, "GRZ"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub that other tests need not find as it was."""
    with hubs() as one:
        yield one


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of many patients, each with a little study."""
    folder = tmp_path_factory.mktemp("patients")
    slices = [pydicom.dcmread(path) for path in write_phantom(folder / "one", "tiny")]
    for number in range(MANY + 1):
        uids = {name: generate_uid() for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
        below = folder / f"p{number:02d}"
        below.mkdir()
        for k, each in enumerate(slices):
            each.PatientID, each.SOPInstanceUID = f"P{number:02d}", generate_uid()
            each.file_meta.MediaStorageSOPInstanceUID = each.SOPInstanceUID
            for name, uid in uids.items():
                setattr(each, name, uid)
            each.save_as(below / f"{k}.dcm", enforce_file_format=True)
    return folder


@pytest.fixture(scope="module")
def olga(browser: Browser, hub: Hub) -> Iterator[Any]:
    """The owner's page, who has a PIN."""
    FactorBook(find(hub.folder / "repository"), utc_now).set_pin("olga", PIN)
    owner = (hub.folder / "repository").stat()
    for file in (hub.folder / "repository" / "members").glob("*factors*"):
        os.chown(file, owner.st_uid, owner.st_gid)
    page = at_projects(browser, hub, "olga")
    yield page
    page.context.close()


def at_projects(browser: Browser, hub: Hub, name: str) -> Any:
    """A page of a person who is logged in at the service too."""
    page = signed_in(browser, hub, name)
    if not page.url.startswith(hub.service):
        page.goto(hub.service)
    page.wait_for_selector("#projects")  # the login has come to its end
    return page


def enrol_a_passkey(hub: Hub, page: Any) -> None:
    """Add one to the person's factors; the PIN shows that it is she."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    page.goto(f"{hub.service}factors")
    page.fill("input[name=pin]", PIN)
    page.click("#add-passkey")
    page.wait_for_selector("#done")


def names(page: Any) -> list[str]:
    """The subjects of the list, as they stand there."""
    return [row.split("\t")[0] for row in page.locator("#subjects tbody tr").all_inner_texts()]


def column(page: Any, number: int) -> list[str]:
    """A column of the list."""
    return list(page.locator(f"#subjects tbody tr td:nth-child({number})").all_inner_texts())


def filtered(page: Any, **values: str) -> list[str]:
    """Fill the filters in, and show."""
    for name, value in values.items():
        field = page.locator(f"#filters [name={name}]")
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Show").click()
    return names(page)


def sent(page: Any, hub: Hub, packed: Path, pin: str) -> str:
    """Send a zip; what the page says then."""
    page.goto(f"{hub.service}projects/{P}/add")
    page.fill("[name=site]", SITE)
    page.locator("input[type=file]").first.set_input_files(packed)
    page.fill("[name=pin]", pin)
    page.click("#sign")
    page.wait_for_selector("#problem, #done")
    return str(page.inner_text("main"))


@pytest.fixture(scope="module")
def filled(hub: Hub, olga: Any, patients: Path) -> tuple[str, str]:
    """Many subjects, added by the owner; what the page said to a wrong PIN, and to the right one."""
    packed = patients / "patients.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in [file for n in range(MANY) for file in sorted((patients / f"p{n:02d}").iterdir())]:
            archive.write(path, path.relative_to(patients))
        archive.writestr("readme.txt", "not an image")
    return sent(olga, hub, packed, "wrong-11"), sent(olga, hub, packed, PIN)


def test_subjects_are_added_from_a_zip(hub: Hub, olga: Any, filled: tuple[str, str]) -> None:
    wrong, right = filled
    assert "Wrong PIN" in wrong and "subjects imported" not in wrong
    assert f"{MANY} subjects imported" in right and "skipped: no DICOM file\t1 files" in right
    assert "Importing subjects" not in right, "the bars are gone"
    olga.goto(f"{hub.service}projects/{P}/add")
    olga.click("#sign")
    assert "No files were chosen" in olga.inner_text("#problem")
    assert not list((hub.folder / "repository" / "cache" / "incoming").glob("*/*")), "what was sent lies there still"


def test_a_folder_is_added_with_a_passkey(hub: Hub, olga: Any, filled: object, patients: Path) -> None:
    enrol_a_passkey(hub, olga)
    olga.goto(f"{hub.service}projects/{P}/add")
    olga.locator("input[webkitdirectory]").set_input_files(patients / f"p{MANY:02d}")
    olga.click("#passkey")
    olga.wait_for_selector("#done")
    assert "1 subject imported" in olga.inner_text("#done")
    olga.click("#taking th a")
    assert olga.locator("h1").inner_text().startswith("ECI_KAU_S")


def test_the_list_is_sorted_and_paged(hub: Hub, olga: Any, filled: object) -> None:
    olga.goto(f"{hub.service}projects/{P}")
    assert re.fullmatch(r"Page 1 of 2, (\d+) subjects", olga.inner_text("#count"))
    total = int(olga.inner_text("#count").split(", ")[1].split()[0])
    first = names(olga)
    assert len(first) == 20 and total >= MANY + 3 and first == sorted(first)
    marks = olga.locator(f"tr:has-text('ECI_{SITE}_S0002') .mark")
    assert [mark.get_attribute("class") for mark in marks.all()] == ["mark signed", "mark ready", "mark blocked"]
    assert "signed" in marks.first.get_attribute("aria-label"), "it is said, not only coloured"
    olga.click("#next")
    second = names(olga)
    assert len(second) == total - 20 and first + second == sorted({*first, *second})
    assert olga.locator("#next").count() == 0
    olga.click("#before")
    assert names(olga) == first
    for title, number in (("Site", 2), ("Stage", 4), ("Subject", 1)):
        olga.goto(f"{hub.service}projects/{P}?sort=cohort")
        link = olga.locator("#subjects thead a", has_text=title)
        link.click()
        up = column(olga, number)
        assert up == sorted(up) and "↑" in olga.inner_text("#subjects thead")
        link.click()
        down = column(olga, number)
        assert down == sorted(down, reverse=True) and "↓" in olga.inner_text("#subjects thead")
    assert names(olga)[0] == (first + second)[-1]
    olga.click("#next")
    assert names(olga) == first[: total - 20][::-1], "a page goes by the order"


def described(hub: Hub, page: Any, subject: str, cohort: str) -> None:
    """Set it excluded, a test, and in that cohort."""
    page.goto(f"{hub.service}projects/{P}/subjects/{subject}")
    page.select_option("[name=included]", "no")
    page.select_option("[name=live]", "no")
    page.fill("[name=cohort]", cohort)
    page.fill("[name=reason]", "motion")
    page.get_by_role("button", name="Set", exact=True).click()


def test_each_filter_leaves_what_it_says_until_it_is_reset(hub: Hub, olga: Any, filled: object) -> None:
    olga.goto(f"{hub.service}projects/{P}")
    everybody = int(olga.inner_text("#count").split(", ")[1].split()[0])
    assert set(filtered(olga, site=SITE)) == {name for name in names(olga) if f"_{SITE}_" in name}
    assert olga.inner_text("#count").endswith(f"{MANY} subjects")
    assert filtered(olga, contains="s0007") == [f"ECI_{SITE}_S0007"], "filters hold together"
    described(hub, olga, f"ECI_{SITE}_S0007", "pilot")
    for values in ({"included": "no"}, {"live": "no"}, {"cohort": "pilot"}):
        olga.goto(f"{hub.service}projects/{P}")
        assert filtered(olga, **values) == [f"ECI_{SITE}_S0007"], values
    assert olga.input_value("#filters [name=cohort]") == "pilot"
    olga.get_by_role("link", name="Reset").click()
    assert olga.input_value("#filters [name=cohort]") == "" and olga.inner_text("#count").endswith(
        f"{everybody} subjects"
    )
    assert filtered(olga, site="nowhere") == ["No subjects match."]
    olga.goto(f"{hub.service}projects/{P}")
    stage = column(olga, 4)[0]
    assert set(filtered(olga, stage=stage)) and set(column(olga, 4)) == {stage}


def test_the_audit_trail_is_searched(browser: Browser, hub: Hub, olga: Any, filled: object) -> None:
    subject = f"ECI_{SITE}_S0008"
    described(hub, olga, subject, "second")
    ben: Any = at_projects(browser, hub, "ben")
    answer = ben.goto(f"{hub.service}projects/{P}/subjects/{subject}")
    assert answer.status == 404 and "Subject not found" in ben.inner_text("main")
    assert ben.goto(f"{hub.service}projects/{P}/audit").status == 403
    ben.context.close()
    axel = at_projects(browser, hub, "axel")
    axel.goto(f"{hub.service}projects/{P}/audit")

    def search(**values: str) -> list[str]:
        axel.get_by_role("link", name="Reset").click()
        for name, value in values.items():
            axel.fill(f"#filters [name={name}]", value)
        axel.get_by_role("button", name="Search").click()
        return list(axel.locator("#audit tbody tr").all_inner_texts())

    refused = search(by="ben", what="refused")
    assert any("See subject: Subject not found" in row and subject in row for row in refused)
    assert any("Audit: You may not search" in row for row in refused)
    wrong = search(by="olga", what="refused")
    assert any("Add subjects: " in row for row in wrong) and not any(PIN in row or "wrong-11" in row for row in wrong)
    (row,) = search(subject=subject, what="described")
    assert "olga" in row and "motion" in row and "second" in row
    assert search(since="2999-01-01") == [] and search(until="2001-01-01") == []
    assert len(search()) == 100, "the newest hundred"
    axel.context.close()


def test_a_task_is_tried_then_published_and_later_subjects_get_it(
    hub: Hub, olga: Any, filled: object, patients: Path
) -> None:
    page = olga
    before = measuring(page, hub)
    page.get_by_role("button", name="Check and try").click()
    page.wait_for_selector("#trial")
    assert "measure" in page.inner_text("#trial") and "Measure once more" in page.text_content("#picture")
    page.fill("[name='3.after']", "nothing")
    for button in ("Check and try", "Publish"):
        page.get_by_role("button", name=button).click()
        assert "nothing" in page.inner_text("#problem")
    assert measuring(page, hub) == before, "nothing of that was published"
    page.get_by_role("button", name="Publish").click()
    page.wait_for_selector("#done")
    page.goto(f"{hub.service}projects/{P}/pipeline")
    assert "Measure once more" in page.text_content("#picture")

    write_phantom(patients / "later", "mr")
    page.goto(f"{hub.service}projects/{P}/add")
    page.locator("input[type=file]").first.set_input_files(sorted((patients / "later").glob("*.dcm")))
    page.fill("[name=pin]", PIN)
    page.click("#sign")
    page.wait_for_selector("#done")
    later, shown = page.locator("#taking th a").inner_text(), {}
    for subject in (later, f"ECI_{SITE}_S0001"):
        page.goto(f"{hub.service}projects/{P}/subjects/{subject}")
        shown[subject] = "Measure once more" in page.inner_text("main")
    assert shown == {later: True, f"ECI_{SITE}_S0001": False}


def measuring(page: Any, hub: Hub) -> str:
    """Fill a further task in; the pipeline as it was before that."""
    page.goto(f"{hub.service}projects/{P}/pipeline")
    page.wait_for_selector("#picture svg")
    before = str(page.text_content("#drawing"))
    page.get_by_role("button", name="Add a task").click()
    page.wait_for_selector("[name='3.name']")
    for name, value in {"name": "measure", "title": "Measure once more", "after": "annotate"}.items():
        page.fill(f"[name='3.{name}']", value)
    page.select_option("[name='3.kind']", "annotate")
    page.check("[name='3.role'][value=annotator]")
    page.check("[name='3.tool'][value=box]")
    return before


def test_log_out_ends_the_login_at_service_and_hub(hub: Hub, browser: Browser) -> None:
    page = at_projects(browser, hub, "dora")
    cookies = [each for each in page.context.cookies() if each["name"].endswith("eci-session")]
    page.get_by_role("button", name="Log out").click()
    page.wait_for_selector("input[name=password]")
    for address in (hub.service, hub.url("/hub/home")):
        page.goto(address)
        assert page.locator("input[name=password]").count() == 1, address
    copied = browser.new_context(ignore_https_errors=hub.scheme == "https")
    copied.add_cookies(cookies)
    other = copied.new_page()
    other.goto(hub.service)
    other.wait_for_selector("input[name=password]")  # the service's session ended, also for a copy of its cookie
    copied.close()
    page.context.close()
