"""The Jupyter server with our extension, and, for comparison, without."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from lab import serving


@pytest.mark.parametrize("prompt", [True, False])
def test_lab_starts_with_and_without_the_extension(tmp_path: Path, prompt: bool) -> None:
    with serving(tmp_path, prompt=prompt) as lab:
        assert urllib.request.urlopen(f"{lab.base}/lab?token={lab.token}").status == 200
    log = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert ("eci_annotate.viewer.server | extension was successfully loaded" in log) == prompt
