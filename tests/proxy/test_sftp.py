"""A batch to a real OpenSSH server, by public key, taken in at the centre as uploads are."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eci_annotate.cli.site_commands import collect
from eci_annotate.errors import BadConfiguration, NotAtCentre
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import take_paths
from eci_annotate.proxy.send.sftp_batch import Target, send_batch
from eci_annotate.repository.sites.site_credentials import issue
from tests.patience import listens, until
from tests.ports import free_port
from tests.proxy.proxy_world import configured, hospital
from tests.service.service_world import P
from tests.service.site_world import owner

pytestmark = pytest.mark.needs_debian


def silent(what: str, done: int, of: int) -> None:
    return None


@dataclass(frozen=True)
class Server:
    port: int
    folder: Path

    def target(self, inbox: Path, identity: str = "client") -> Target:
        text = f"{getpass.getuser()}@127.0.0.1:{self.port}/{inbox}"
        return Target.from_text(text, self.folder / identity, self.folder / "known_hosts")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder, port = tmp_path / "ssh", free_port()
    folder.mkdir(mode=0o700)
    for name in ("host", "client", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_text((folder / "client.pub").read_text())
    host = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host}\n")
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPubkeyAuthentication yes\nStrictModes no\n"
        "UsePAM no\nPidFile none\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)  # which the package's service would make
    process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"], stderr=subprocess.DEVNULL)
    assert until(lambda: listens(port))
    yield Server(port, folder)
    process.kill()
    process.wait()


def test_a_batch_ends_as_subjects_of_the_centre(server: Server, folder: Path, tmp_path: Path) -> None:
    files, inbox = hospital(tmp_path / "hospital"), tmp_path / "inbox"
    inbox.mkdir()
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, [tmp_path / "hospital"], silent)
    proxy.drain(silent)
    with pytest.raises(NotAtCentre):
        send_batch(proxy, server.target(inbox, "stranger"), silent)
    assert send_batch(proxy, server.target(inbox), silent) == len(files)
    assert proxy.queue.counts() == {"sent": len(files)} and send_batch(proxy, server.target(inbox), silent) == 0
    assert {path.suffix for path in inbox.iterdir()} == {".dcm"}
    name, _ = issue(owner(folder), P, "KAU")
    collect(folder, name, inbox)
    assert not list(inbox.iterdir())
    assert len(owner(folder).context.archive.studies("ECI_KAU_S0002")) == 1


def test_an_unknown_server_is_refused(server: Server, tmp_path: Path) -> None:
    (server.folder / "known_hosts").write_text("")
    with pytest.raises(NotAtCentre):
        send_batch(Proxy(configured(tmp_path / "site")), server.target(tmp_path), silent)
    with pytest.raises(BadConfiguration):
        Target.from_text("no target", tmp_path, tmp_path)
