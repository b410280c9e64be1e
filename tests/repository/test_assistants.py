"""Model servers: prompts go up, a mask comes back, and images go only where the owner allowed it."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from eci_annotate.cli import app as command
from eci_annotate.dicom.images.series import load_series
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import BadSegmentation, EciError, NotFound, Refused, StoreUnavailable
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.nifti import image_file
from eci_annotate.repository.assistants.assistant_servers import (
    AssistantServer,
    ServerKind,
    allow_server,
    remove_server,
    servers_of,
)
from eci_annotate.repository.assistants.line_masks import lasso_mask, scribble_mask
from eci_annotate.repository.assistants.monai_label import read_label_map
from eci_annotate.repository.assistants.proposal_wire import proposed_from_wire, proposed_to_wire
from eci_annotate.repository.assistants.protocol import Prompt, PromptKind, Proposed, filled
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from tests.counts import examples
from tests.ports import free_port
from tests.repository.model_servers import NnInteractiveServer, Seen, ball, monai_app, serving
from tests.repository.repository_world import P, S, as_member, local, make

POINT = Prompt(PromptKind.POINT, ((3, 12, 20),))
NN, MONAI = ServerKind.NNINTERACTIVE, ServerKind.MONAI_LABEL


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("assistants"))


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Repository:
    return open(Path(shutil.copytree(made, tmp_path / "repository")))


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def nn(repo: Repository, seen: Seen) -> Iterator[AssistantServer]:
    with serving(NnInteractiveServer(seen).app) as url:
        server = AssistantServer("lesions", P, NN, url, key="k3y", by="anna")
        allow_server(local(repo), server)
        yield server


@pytest.fixture
def monai(repo: Repository, seen: Seen) -> Iterator[AssistantServer]:
    with serving(monai_app(seen)) as url:
        server = AssistantServer("grow", P, MONAI, url, "deepgrow_3d", by="anna")
        allow_server(local(repo), server)
        yield server


def asked(repo: Repository, name: str, *prompts: Prompt) -> Proposed:
    images = local(repo).images
    return images.propose(P, S, _series(repo), name, prompts)


def _series(repo: Repository) -> str:
    (study,) = local(repo).images.studies(P, S)
    return study.series[0].series_uid


def test_nninteractive_gets_the_image_once_and_each_prompt_as_it_was_drawn(
    repo: Repository, seen: Seen, nn: AssistantServer
) -> None:
    volume = local(repo).images.volume(P, S, _series(repo))
    found = asked(repo, "lesions", POINT)
    assert found.source == "nninteractive/2"
    np.testing.assert_array_equal(found.mask, ball(volume.shape, [3, 12, 20]))
    np.testing.assert_array_equal(seen.images[0][0], volume.values)
    scribble = Prompt(PromptKind.SCRIBBLE, ((2, 5, 5), (2, 9, 5)))
    lasso = Prompt(PromptKind.LASSO, ((4, 2, 2), (4, 2, 10), (4, 10, 10), (4, 10, 2)))
    box = Prompt(PromptKind.BOX, ((1, 20, 30), (5, 26, 36)))
    out = Prompt(PromptKind.POINT, ((4, 6, 6),), includes=False)
    found = asked(repo, "lesions", scribble, lasso, box, out)
    assert len(seen.images) == 1 and seen.claims == 1 and seen.keys == {"Bearer k3y"}
    expected = scribble_mask(scribble.voxels, volume.shape) | lasso_mask(lasso.voxels, volume.shape)
    expected[3, 20:27, 30:37] = 1  # of a box, for a server of flat boxes, the middle slice
    expected[ball(volume.shape, [4, 6, 6])] = 0
    np.testing.assert_array_equal(found.mask, expected > 0)
    assert [kind for kind, _ in seen.asked[1:]] == ["scribble", "lasso", "bbox", "point"]
    assert [told["run_prediction"] for _, told in seen.asked[1:]] == [False, False, False, True]


def test_a_session_that_the_server_ended_is_opened_again(repo: Repository, seen: Seen, nn: AssistantServer) -> None:
    before = asked(repo, "lesions", POINT).mask
    seen.expires = True
    np.testing.assert_array_equal(asked(repo, "lesions", POINT).mask, before)
    assert seen.claims == 2 and len(seen.images) == 2


def test_monai_label_gets_points_and_answers_on_the_grid(repo: Repository, seen: Seen, monai: AssistantServer) -> None:
    volume = local(repo).images.volume(P, S, _series(repo))
    found = asked(repo, "grow", POINT, Prompt(PromptKind.POINT, ((3, 14, 20),), includes=False))
    assert found.source == "monailabel:deepgrow_3d/0.8.5"
    expected = ball(volume.shape, [3, 12, 20]) & ~ball(volume.shape, [3, 14, 20])
    np.testing.assert_array_equal(found.mask, expected)
    np.testing.assert_array_equal(seen.images[0], volume.values)
    assert seen.asked == [("deepgrow_3d", {"foreground": [[20, 12, 3]], "background": [[20, 14, 3]]})]


def test_an_answer_on_another_grid_is_refused(repo: Repository, seen: Seen) -> None:
    with serving(monai_app(seen, shift_mm=1.0)) as url:
        allow_server(local(repo), AssistantServer("off", P, MONAI, url, "deepgrow_3d"))
        with pytest.raises(BadSegmentation, match="another grid"):
            asked(repo, "off", POINT)


def test_an_unknown_model_is_named_with_those_there_are(repo: Repository, seen: Seen, monai: AssistantServer) -> None:
    allow_server(local(repo), replace(monai, model="liver"))
    with pytest.raises(NotFound, match="no model 'liver'") as refusal:
        asked(repo, "grow", POINT)
    assert "deepgrow_3d, spleen" in refusal.value.remedy


@pytest.mark.parametrize("kind", [NN, MONAI])
def test_servers_that_fail_or_are_away_say_so(repo: Repository, seen: Seen, kind: ServerKind) -> None:
    seen.fails = 500
    app = NnInteractiveServer(seen).app if kind is NN else monai_app(seen)
    with serving(app) as url:
        allow_server(local(repo), AssistantServer("m", P, kind, url, "deepgrow_3d"))
        with pytest.raises(Refused, match="status 500"):
            asked(repo, "m", POINT)
    allow_server(local(repo), AssistantServer("m", P, kind, f"http://127.0.0.1:{free_port()}", "deepgrow_3d"))
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        asked(repo, "m", POINT)


def test_no_image_goes_where_the_owner_did_not_allow_it(
    repo: Repository, seen: Seen, nn: AssistantServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound, match="not set up"):
        asked(repo, "elsewhere", POINT)
    folder = tmp_path / "repository"
    ben = as_member(monkeypatch, folder, "ben")
    with pytest.raises(Refused, match="where images go"):
        allow_server(local(ben), replace(nn, url="http://127.0.0.1:9"))
    with pytest.raises(Refused, match="where images go"):
        remove_server(local(ben), P, "lesions")
    assert asked(ben, "lesions", POINT).mask.any()
    remove_server(local(repo), P, "lesions")
    images = len(seen.images)
    with pytest.raises(NotFound, match="not set up"):
        asked(repo, "lesions", POINT)
    assert len(seen.images) == images and local(repo).images.assistants(P, S) == []


@pytest.mark.parametrize(
    ("prompts", "says"),
    [
        ((), "at least one point"),
        ((replace(POINT, includes=False),), "at least one point"),
        ((Prompt(PromptKind.POINT, ((3, 12, 2000),)),), "outside the images"),
        ((Prompt(PromptKind.LASSO, ((3, 12, 20), (3, 13, 20))),), "too few points"),
        ((POINT,) * 101, "too many prompts"),
    ],
)
def test_prompts_that_make_no_sense_are_refused_before_anything_is_sent(
    repo: Repository, seen: Seen, nn: AssistantServer, prompts: tuple[Prompt, ...], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        asked(repo, "lesions", *prompts)
    assert seen.images == []


def test_the_key_is_in_no_word_and_the_file_is_private(repo: Repository, nn: AssistantServer, tmp_path: Path) -> None:
    assert "k3y" not in repr(nn)
    (path,) = (tmp_path / "repository" / "sites" / "assistants").glob("*.json")
    assert path.stat().st_mode & 0o077 == 0
    assert servers_of(tmp_path / "repository", P) == [nn] and servers_of(tmp_path / "repository", "other") == []


def test_servers_are_managed_by_command(repo: Repository, seen: Seen, monai: AssistantServer, tmp_path: Path) -> None:
    run, folder = CliRunner(), str(tmp_path / "repository")
    listed = run.invoke(command, ["assistant", "list", folder], env={"COLUMNS": "300"})
    assert listed.exit_code == 0 and "understands point" in listed.output
    added = run.invoke(command, ["assistant", "add", folder, "spleen", "--kind", "monailabel", "--url", monai.url])
    assert isinstance(added.exception, Refused) and "several models" in added.exception.what
    args = ["assistant", "add", folder, "spleen", "--kind", "monailabel", "--url", monai.url, "--model", "spleen"]
    assert run.invoke(command, args).exit_code == 0
    assert [each.name for each in servers_of(tmp_path / "repository", P)] == ["grow", "spleen"]
    assert run.invoke(command, ["assistant", "remove", folder, "spleen"]).exit_code == 0
    assert [each.name for each in servers_of(tmp_path / "repository", P)] == ["grow"]
    assert isinstance(run.invoke(command, ["assistant", "remove", folder, "spleen"]).exception, EciError)


@settings(max_examples=examples(40, 5000), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 8)), max_size=30))
def test_a_proposal_is_the_same_after_the_wire(voxels: list[tuple[int, int, int]]) -> None:
    mask = np.zeros((5, 7, 9), bool)
    for voxel in voxels:
        mask[voxel] = True
    again = proposed_from_wire(proposed_to_wire(Proposed("m/1", mask)))
    assert again.source == "m/1"
    np.testing.assert_array_equal(again.mask, mask)


def test_an_answer_that_inflates_beyond_the_image_is_refused() -> None:
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (3, 4, 5), "2.25.7")
    sent = image_file(np.zeros((3, 4, 5), np.uint8), grid, 1)
    assert not read_label_map(sent, sent).any()
    for answer in (gzip.compress(gzip.decompress(sent) + bytes(64 << 20)), sent[:-9]):
        with pytest.raises(BadSegmentation, match="no NIfTI image"):
            read_label_map(answer, sent)


def test_a_model_gets_the_lowest_value_for_padding(tmp_path: Path) -> None:
    write_phantom(tmp_path, "tiny")
    volume = load_series(tmp_path).astype("float32")
    lowest = float(volume.min())
    volume[0, 0, 0] = np.nan
    assert float(filled(volume)[0, 0, 0]) == lowest and int(filled(volume).isnull().sum()) == 0
