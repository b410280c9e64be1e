"""The service's parent, which is root, makes its workers: they are of another user, and end with it; no hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from eci_annotate.decoder.direct_reader import DirectReader
from eci_annotate.decoder.file_reader import PixelRule
from eci_annotate.userservers.decoder_host import DECODER_UID
from tests.hub.hub_world import place
from tests.patience import until

pytestmark = pytest.mark.needs_root
STRANGER = 19_996
# Stands for the service: it inherits the socket, has files decoded, and waits.
PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from eci_annotate.decoder.file_reader import PixelRule
from eci_annotate.decoder.worker_pool import WorkerPool, inherited_control
from eci_annotate.decoder.worker_reader import WorkerReader

reader = WorkerReader(WorkerPool(inherited_control(int(os.environ["ECI_ANNOTATE_DECODERS_FD"]))))
paths = [Path(each) for each in sys.argv[1:]]
found = [reader.digests(path, PixelRule.CURRENT).pixels for path in paths]
reader.header(paths[0])
print(json.dumps(found), flush=True)
signal.pause()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name."""
    yield place()


@pytest.fixture
def files(shared_data: Path, tmp_path: Path) -> list[Path]:
    """Images of several encodings that nobody but root may read."""
    kinds = ("JPEG2000Transfer", "JPEGLSLossless", "JPEGProcess14SV1", "RLELossless", "JPEGProcess1Transfer")
    found = [next((shared_data / "ct_transfer_syntaxes").glob(f"*{kind}*")) for kind in kinds]
    for number, path in enumerate(found):
        (tmp_path / f"{number}.dcm").write_bytes(path.read_bytes())
        (tmp_path / f"{number}.dcm").chmod(0o600)
    return sorted(tmp_path.glob("*.dcm"))


def started(folder: Path, files: Sequence[Path]) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "eci_annotate.userservers.supervisor", str(os.geteuid()), str(folder / "s.sock")]
    env = {**os.environ, DECODER_UID: str(STRANGER), "JUPYTERHUB_API_TOKEN": "token-of-the-service"}
    program = [sys.executable, "-c", PROGRAM, *map(str, files)]
    return subprocess.Popen([*words, *program], env=env, stdout=subprocess.PIPE, text=True)


def processes(uid: int) -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _is_of(each, uid)]


def _is_of(process: Path, uid: int) -> bool:
    try:
        return process.stat().st_uid in (uid, 0) and f"\nUid:\t{uid}\t" in (process / "status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_workers_are_of_another_user_and_end_with_the_service(
    folder: Path, files: list[Path], sign: signal.Signals
) -> None:
    service = started(folder, files)
    try:
        assert service.stdout is not None
        found = json.loads(service.stdout.readline())
        assert found == [DirectReader().digests(path, PixelRule.CURRENT).pixels for path in files]
        assert until(lambda: len(processes(STRANGER)) == 1, 20)  # the one that read headers waits for more
        (one,) = processes(STRANGER)
        assert b"token-of-the-service" not in Path(f"/proc/{one}/environ").read_bytes()
        assert len(list(Path(f"/proc/{one}/fd").iterdir())) == 4  # three standard ones, and its connection
    finally:
        service.send_signal(sign)
        service.wait(20)
    assert until(lambda: not processes(STRANGER), 20)
