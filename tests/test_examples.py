"""The examples of the public names run, and give what they show."""

from __future__ import annotations

import doctest

import pytest

import eci_annotate

NAMES = sorted(name for name in eci_annotate.__all__ if not name.startswith("_"))


@pytest.mark.parametrize("name", NAMES)
def test_the_example_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CREDENTIAL", "SERVICE", "REPOSITORY"):
        monkeypatch.delenv(f"ECI_ANNOTATE_{variable}", raising=False)
    value = getattr(eci_annotate, name)
    found = doctest.DocTestFinder(recurse=False).find(value, name)
    assert sum(len(test.examples) for test in found) > 0, "it has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    for test in found:
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0
