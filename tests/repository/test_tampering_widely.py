"""A flipped bit anywhere in what is kept is found, or means what it meant: each of few events, samples of many."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import EciError
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.checkpoints import check_checkpoints
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.verify import check_subject
from eci_annotate.workflow.subject.commands import Describe, Enrol
from tests.counts import count
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local, means_the_same

SAMPLES, CROWD = count(150, 10_000), count(20, 400)


@pytest.fixture(scope="module")
def kept(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a signed version and many more subjects, and a checkpoint over all of it."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("wide") / "repository"))
    repo = eci.open(folder)
    case = repo.backend.account.use_case(P).digest
    for number in range(CROWD):
        name = f"ECI_KAU_T{number:04d}"
        repo.backend.do(Enrol(P, name, "KAU", case, ()))
        repo.backend.do(Describe(P, name, cohort=f"c{number % 7}"))
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    return folder


def passes(folder: Path) -> bool:
    """Whether all verification of the repository passes."""
    layout = find(folder)
    try:
        context = Context.from_layout(layout)
        anchors = (layout.authority.read_text(),)
        found = [*check_checkpoints(context, layout.checkpoints, anchors)]
        found += check_subject(context, local(eci.open(folder)).subject(P, S), anchors)
        return all(check.passed for check in found)
    except EciError:
        return False


def flips(path: Path, places: Iterator[int] | range, dice: random.Random, folder: Path) -> Iterator[int]:
    """Flip a bit at each place; what nobody noticed."""
    good = path.read_bytes()
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << dice.randrange(8)
        path.write_bytes(bytes(bad))
        if passes(folder) and not means_the_same(bytes(bad), good):
            yield place
    path.write_bytes(good)


def signed_blobs(folder: Path) -> list[Path]:
    """The blobs of the signed version."""
    version = eci.open(folder).signed(S, "annotate", 1)
    names = {part.digest for part in version.event.manifest.parts}
    return [path for path in (folder / "blobs").rglob("*") if path.is_file() and path.parent.name + path.name in names]


@pytest.mark.soak
def test_a_flipped_bit_anywhere_is_found(kept: Path) -> None:
    dice = random.Random(5)
    newest = sorted(find(kept).checkpoints.iterdir())[-1]
    paths = [*(kept / "streams").rglob("*.json"), *signed_blobs(kept), newest]
    assert len(paths) > CROWD + 3
    for _ in range(SAMPLES):
        path = dice.choice(paths)
        place = dice.randrange(path.stat().st_size)
        assert not list(flips(path, iter([place]), dice, kept)), (path.relative_to(kept), place)
    assert passes(kept)


@pytest.mark.soak
def test_each_byte_of_the_events_of_a_signed_subject(kept: Path) -> None:
    (path,) = (kept / "streams").rglob(f"*{S}*.json")
    size = path.stat().st_size
    places = range(0, size, max(size // count(60, size), 1))
    assert not list(flips(path, places, random.Random(3), kept))
    assert passes(kept)


@pytest.mark.soak
def test_each_byte_of_fifty_events(folder: Path) -> None:
    """A bit of each byte, positions in the feed included: the last checkpoint finds it."""
    repo = eci.open(folder)
    for number in range(50):
        repo.backend.do(Describe(P, S, cohort=f"c{number}", reason="moved"))
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    (path,) = (folder / "streams").rglob(f"*{S}*.json")
    good, dice, missed = path.read_bytes(), random.Random(7), list[int]()
    for place in range(0, len(good), max(len(good) // count(100, len(good)), 1)):
        bad = bytearray(good)
        bad[place] ^= 1 << dice.randrange(8)
        path.write_bytes(bytes(bad))
        if proven(folder) and not means_the_same(bytes(bad), good):
            missed.append(place)
    path.write_bytes(good)
    assert not missed and proven(folder)


def proven(folder: Path) -> bool:
    """Whether nothing was changed up to the last checkpoint."""
    layout = find(folder)
    try:
        found = check_checkpoints(Context.from_layout(layout), layout.checkpoints, (layout.authority.read_text(),))
        return all(check.passed for check in found)
    except EciError:
        return False
