"""Each finding of an attack names the tests that would find it again; they exist, and the worst have three at least."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

TESTS = Path(__file__).parent
FINDINGS = yaml.safe_load((TESTS / "security_findings.yaml").read_text(encoding="utf-8"))
WORST = {"S1", "S2", "S3", "S4", "S5", "S6"}


def test_every_test_that_is_named_exists() -> None:
    missing = []
    for name in {name for names in FINDINGS.values() for name in names}:
        file, _, test = name.partition("::")
        path = TESTS / file
        begin = f'^test\\("{re.escape(test)}"' if path.suffix == ".mjs" else rf"^(async )?def {test}\("
        if not path.is_file() or not re.search(begin, path.read_text(encoding="utf-8"), re.M):
            missing.append(name)
    assert missing == []


def test_the_worst_findings_are_attacked_at_three_places_and_none_is_left_out() -> None:
    numbers = {title.split()[0]: names for title, names in FINDINGS.items()}
    assert {f"S{number}" for number in range(1, 26)} <= numbers.keys()
    assert all(names for names in numbers.values())
    assert all(len(set(numbers[each])) >= 3 for each in WORST)
