"""What a client sends is either storable and readable again, or refused by name; it costs nobody but its sender."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.matrix_world import P, S, World, make_world
from tests.service.service_world import serving

OF = f"/api/projects/{P}/subjects/{S}"
TEXTS = ("\ud800", "\x00", "a\x1b[2J", "x" * 20_001, "\u202eabc", "a\u200bb", "a\u2066b", "\ufeffa", "a\u2028b")
COMMANDS: dict[str, dict[str, Any]] = {
    "describe.1": {"cohort": "c2", "included": False, "reason": "r"},
    "assign.1": {"task": "annotate", "member": "anna"},
    "reopen.1": {"task": "annotate", "reason": "r"},
    "attach.1": {"layer": "table", "media_type": "text/csv", "digest": "", "size": 8},
    "accept-identified.1": {"accepted": True, "reason": "r"},
    "withdraw.1": {"reason": "r"},
}
NOT_THERE = (
    ("assign.1", {"task": "annotate", "member": "nobody-here"}),
    ("assign.1", {"task": "annotate", "member": ".."}),
    ("attach.1", {"layer": "table", "media_type": "text/csv", "size": -1}),
    ("attach.1", {"layer": "table", "media_type": "text/csv", "size": 7}),
    ("attach.1", {"layer": "table", "media_type": "text/csv\nX: y", "size": 8}),
    ("attach.1", {"layer": "table", "media_type": "", "size": 8}),
    ("add-member.1", {"name": "new", "site": "../../x", "roles": ["annotator"], "key": ""}),
    ("add-member.1", {"name": "new", "site": "KAU", "sites": ["../x"], "roles": ["annotator"], "key": ""}),
)
DEEP: Any = None
for _ in range(40):
    DEEP = [DEEP]
ENTRIES: tuple[Any, ...] = (
    *({"a": {"x": each}} for each in (float("nan"), float("inf"), "\ud800", "\x00", DEEP, 10**400)),
    *({"a": each} for each in (None, [], "x", 5)),
    *({"l": each} for each in ("abc", [1], None, [None], {"a": 1}, ["\ud800"])),
    *({"l": ["x"], "at": each} for each in (-1, "0", 1.5, None, True, 10**30)),
    *({"s": each} for each in (1, None, "../../x", "0" * 63)),
    {"a": {"\ud800": 1}},
    {"k": 5, "a": {}},
    {"t": 1},
    {"b": {}},
    {"?": 3},
    {"c": True},
    {},
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serving(world.folder, world.people) as found:
        yield found


def post(address: str, name: str, path: str, body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer token-{name}-near", "Content-Type": "application/json"}
    return httpx.post(f"{address}{path}", content=json.dumps(body), headers=headers, timeout=60)


def test_a_command_with_text_that_cannot_be_stored_is_refused(address: str, world: World) -> None:
    for name, data in COMMANDS.items():
        texts = [key for key, value in data.items() if isinstance(value, str)]
        for key in texts:
            for text in TEXTS:
                where = {"project": P} if name.startswith("accept") else {"project": P, "subject": S}
                told = {**where, **data, "digest": world.layer, key: text}
                if name != "attach.1":
                    del told["digest"]
                answer = post(address, "owner", "/api/commands", {"name": name, "data": told})
                assert answer.status_code == 422 and answer.json()["error"] == "BadRequest", (name, key, text[:9])


@pytest.mark.parametrize(("name", "data"), NOT_THERE)
def test_a_command_about_what_is_not_there_is_refused(
    address: str, world: World, name: str, data: dict[str, Any]
) -> None:
    where = {"project": P} if name.startswith("add") else {"project": P, "subject": S}
    told = {**where, **data} | ({"digest": world.layer} if name == "attach.1" else {})
    answer = post(address, "owner", "/api/commands", {"name": name, "data": told})
    assert answer.status_code == 403 and answer.json()["error"] == "Refused", answer.text


def test_a_draft_takes_only_entries_that_can_be_read_again(address: str) -> None:
    command = {"project": P, "subject": S, "task": "annotate", "rerun": True}
    started = post(address, "annotator", "/api/commands", {"name": "start.1", "data": command}).json()["view"]
    fence = next(each["fence"] for each in started["tasks"] if each["name"] == "annotate")
    token = {"Authorization": "Bearer token-annotator-near"}

    def draft() -> Any:
        return httpx.get(f"{address}{OF}/drafts/annotate", headers=token, timeout=60).json()

    before = draft()
    for entry in ENTRIES:
        answer = post(address, "annotator", f"{OF}/drafts/annotate", {"fence": fence, "entries": [entry]})
        assert answer.status_code == 422 and answer.json()["error"] == "BadRequest", repr(entry)[:60]
    right = {"a": {"remark": "three\nlines\tof ☃", "size": 1.5}, "k": {}, "t": "2026-01-01T08:00:04+00:00"}
    answer = post(address, "annotator", f"{OF}/drafts/annotate", {"fence": fence, "entries": [right]})
    assert answer.status_code == 204 and draft() == [*before, right]


@pytest.mark.parametrize("size", [0, 100_000])
def test_a_name_that_occurs_twice_in_an_object_is_refused(address: str, size: int) -> None:
    headers = {"Authorization": "Bearer token-annotator-near", "Content-Type": "application/json"}
    data = json.dumps({"project": P, "subject": S, "task": "annotate", "rerun": True})
    for body in (
        f'{{"name": "stop.1", "name": "start.1", "data": {data}}}',
        f'{{"name": "start.1", "data": {{"subject": "other", {data[1:]}}}',
    ):
        answer = httpx.post(f"{address}/api/commands", content=body + " " * size, headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (422, "BadRequest"), answer.text


def test_nothing_is_missed_behind_a_position_of_before_a_restore(world: World, address: str, tmp_path: Path) -> None:
    def completed(at: str, last: dict[str, Any] | None = None) -> httpx.Response:
        since = {"after": last["position"], "fingerprint": last["fingerprint"]} if last else {}
        headers = {"Authorization": "Bearer token-owner-near"}
        return httpx.get(f"{at}/api/completed", params=since, headers=headers, timeout=60)

    def describe(at: str, cohort: str) -> None:
        body = {"name": "describe.1", "data": {"project": P, "subject": S, "cohort": cohort}}
        assert post(at, "owner", "/api/commands", body).is_success

    backup = Path(shutil.copytree(world.folder, tmp_path / "backup"))
    first = completed(address).json()
    describe(address, "c1")
    last = completed(address, first).json()
    assert last["position"] > first["position"] and completed(address, last).is_success
    with serving(backup, world.people) as restored:
        describe(restored, "c2")
        assert completed(restored, first).json()["position"] == last["position"]
        refused = completed(restored, last)
        assert not refused.is_success and "restored" in refused.text
