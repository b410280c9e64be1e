"""The Python interpreter of user servers: one that every system user may execute, whoever installed the hub.

Other users cannot execute a Python below a home folder of mode 0700; a system Python of the same version then
provides the interpreter, with the same installed packages.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

from eci_annotate.errors import Refused

_OPEN = stat.S_IXOTH


def reachable(path: Path) -> bool:
    """Whether every system user may traverse all folders above `path` and its target, and use it."""
    real = path.resolve()
    above = {*path.absolute().parents, *real.parents}
    others = stat.S_IROTH | _OPEN if real.is_dir() else _OPEN
    return real.stat().st_mode & others == others and all(folder.stat().st_mode & _OPEN for folder in above)


def user_python(folder: Path, running: Path = Path(sys.executable)) -> Path:
    """Return the interpreter for user servers.

    Parameters
    ----------
    folder
        Where a thin environment is created, if other users cannot reach the running interpreter.
    running
        The interpreter whose packages are used; its base installation decides.

    Raises
    ------
    Refused
        If the packages themselves cannot be reached, or no system Python of the same version exists.
    """
    packages = Path(sysconfig.get_path("purelib"))
    for needed in (packages, Path(__file__).parent):
        if not reachable(needed):
            raise Refused(
                f"Other system users cannot read {needed}.", "Install below a folder that all users may enter."
            )
    if reachable(running):
        return running
    return _thin(folder, _lender(), packages)


def _lender() -> Path:
    """Return a system Python of the running version."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in ("/usr/bin", "/usr/local/bin"):
        if (found := Path(place, name)).exists() and reachable(found):
            return found
    remedy = f"Install {name} for all users (Debian: apt install {name}-venv) and make the environment with it."
    raise Refused("The Python of this environment is in a place that other system users cannot reach.", remedy)


def _thin(folder: Path, lender: Path, packages: Path) -> Path:
    """Return an environment with the system interpreter and the installed packages; a correct existing one is kept."""
    link = f"import site; site.addsitedir({str(packages)!r})\n"
    if any(file.read_text(encoding="utf-8") == link for file in folder.glob("lib/python*/site-packages/installed.pth")):
        return folder / "bin" / "python"
    shutil.rmtree(folder, ignore_errors=True)
    made = [str(lender), "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(made, check=True, env={"PATH": os.environ.get("PATH", "")}, capture_output=True)
    for shared in ("share", "etc"):
        if (there := Path(sys.prefix, shared)).is_dir():
            (folder / shared).symlink_to(there)
    (next(folder.glob("lib/python*/site-packages")) / "installed.pth").write_text(link, encoding="utf-8")
    return folder / "bin" / "python"
