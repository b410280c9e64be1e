"""Independent programs: what they read in our files, and what they say of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def program(name: str) -> str:
    """Path of a program; missing ones make the test fail, never skip."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: run `make system`"
    return found


def plastimatch_masks(rtstruct: Path, images: Path, out: Path) -> dict[str, np.ndarray]:
    """Masks (k, j, i) by ROI name as plastimatch rasterises them on the grid of the images."""
    command = [
        program("plastimatch"),
        "convert",
        "--input",
        rtstruct,
        "--referenced-ct",
        images,
        "--output-prefix",
        out,
        "--prefix-format",
        "mha",
    ]
    subprocess.run([str(c) for c in command], check=True, capture_output=True)
    return {p.stem: sitk.GetArrayFromImage(sitk.ReadImage(str(p))) > 0 for p in out.glob("*.mha")}


def dciodvfy_errors(path: Path) -> list[str]:
    """Lines of dciodvfy that begin with Error."""
    done = subprocess.run([program("dciodvfy"), str(path)], capture_output=True, text=True, check=False)
    return [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")]
