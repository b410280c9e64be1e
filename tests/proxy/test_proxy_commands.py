"""The command: set up, check, send, status, quarantine, verify, preview, backup; no value where it does not belong."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from pydicom.fileset import FileSet

from eci_annotate.proxy.cli.command_line import main
from eci_annotate.proxy.configuration import read_configuration
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import take_paths
from eci_annotate.proxy.receive.folder_watch import WatchedFolder
from eci_annotate.proxy.spool import Spool
from tests.deid.planted import leaks
from tests.proxy.proxy_world import centre, configured, hospital, planted, write_configuration
from tests.service.site_world import token


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a command prints, refusals included."""
    try:
        main([str(word) for word in words])
    except SystemExit as ended:
        print(ended.code)
    told = capsys.readouterr()
    return told.out + told.err


def silent(what: str, done: int, of: int) -> None:
    return None


def test_a_new_site_is_set_up_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "site"
    assert "fingerprint" in run(capsys, "init", folder, "--site", "KAU")
    assert oct((folder / "site.key").stat().st_mode)[-3:] == "600"
    told = run(capsys, "-c", folder / "proxy.yaml", "check", "--offline")
    assert "The site's credential cannot be read." in told and "cannot be used" in told
    assert "exists already" in run(capsys, "init", folder, "--site", "KAU")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"site": "K U"}, "site"),
        ({"recieve": {}}, "at the top"),
        ({"receive": {"ae_title": "X", "port": 1, "senders": []}}, "receive/senders"),
        ({"receive": {"ae_title": "X", "port": 1, "senders": [{"ae_title": "A", "address": "ct1.local"}]}}, "senders"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], place: str
) -> None:
    assert place in run(capsys, "-c", write_configuration(tmp_path, **change), "check")


def test_from_send_to_verify(service: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = hospital(tmp_path / "hospital")
    burned = planted(1)
    burned.BurnedInAnnotation = "YES"
    burned.save_as(tmp_path / "hospital" / "burned.dcm", enforce_file_format=True)
    (tmp_path / "hospital" / "Kanarie.txt").write_text("Kanarie")
    path = write_configuration(tmp_path / "site", centre=centre(tmp_path / "site", service, token(folder)))
    assert "centre" in (told := run(capsys, "-c", path, "check")) and "cannot" not in told
    told = run(capsys, "-c", path, "send", tmp_path / "hospital")
    assert f"confirmed    {len(files)}" in told and "not DICOM" in told and leaks(told) == []
    assert "quarantined" in run(capsys, "-c", path, "status")
    told = run(capsys, "-c", path, "quarantine", "list")
    assert "BURNED_IN" in told and leaks(told) == []
    assert "Nothing was chosen" in run(capsys, "-c", path, "quarantine", "delete", "--reason", "x")
    assert "1 are" in run(capsys, "-c", path, "quarantine", "retry")
    run(capsys, "-c", path, "send", tmp_path / "hospital")
    assert "Deleted 1" in run(
        capsys, "-c", path, "quarantine", "delete", "--cause", "BURNED_IN", "--reason", "shows a name"
    )
    assert "shows a name" in (tmp_path / "site" / "spool" / "decisions.jsonl").read_text()
    told = run(capsys, "-c", path, "verify", "KanariePID77")
    assert "ECI_KAU_S0002" in told and "KanariePID77" in run(capsys, "-c", path, "verify", "ECI_KAU_S0002")
    assert "not known at this site" in run(capsys, "-c", path, "verify", "KanariePID78")
    accesses = (tmp_path / "site" / "spool" / "accesses.jsonl").read_text()
    assert accesses.count("verify") == 3 and leaks(accesses) == []
    assert "1 patients" in run(capsys, "-c", path, "backup", tmp_path / "links.backup")
    assert leaks((tmp_path / "links.backup").read_bytes()) == []


def test_a_preview_shows_original_and_result_and_stores_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hospital(tmp_path / "hospital")
    planted(1).save_as(tmp_path / "hospital" / "other.dcm", enforce_file_format=True)
    path, out = write_configuration(tmp_path / "site"), tmp_path / "preview.html"
    assert "about 2 series" in run(capsys, "-c", path, "preview", tmp_path / "hospital", "--out", out)
    page = out.read_text()
    assert "Kanariefågel" in page and page.count("data:image/png") == 4 and ">removed<" in page
    assert oct(out.stat().st_mode)[-3:] == "600"
    assert not list((tmp_path / "site" / "spool").rglob("*.dcm"))


def test_zips_dicomdirs_and_watched_folders(tmp_path: Path) -> None:
    spool, files = Spool(tmp_path / "spool", 1 << 20), hospital(tmp_path / "hospital")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(files[0], "../../../Kanarie.dcm")
        packed.writestr("bomb.dcm", b"\0" * 128 + b"DICM" + bytes(20 << 20))
        packed.writestr("notes.txt", "Kanarie")
    assert take_paths(spool, [tmp_path / "a.zip"], silent) == {"received": 1, "too large": 1, "not DICOM": 1}
    listed = FileSet()
    for each in files:
        listed.add(each)
    listed.write(tmp_path / "media")
    assert take_paths(spool, [tmp_path / "media" / "DICOMDIR"], silent) == {"received": len(files)}
    inbox = tmp_path / "inbox"
    hospital(inbox, "mr")
    (inbox / "notes.txt").write_text("Kanarie")
    watched = WatchedFolder(inbox, settled_s=0.0)
    number = len(list(inbox.glob("*.dcm")))
    assert WatchedFolder(inbox, settled_s=60.0).step(spool) == 0
    assert (watched.step(spool), watched.step(spool)) == (number, 0)
    assert [path.name for path in inbox.iterdir()] == ["notes.txt"]
    assert leaks("".join(str(path.relative_to(tmp_path)) for path in spool.root.rglob("*"))) == []


def test_a_dicomdir_cannot_lead_elsewhere(tmp_path: Path) -> None:
    from pydicom import dcmread

    from eci_annotate.errors import DamagedFile

    listed = FileSet()
    listed.add(hospital(tmp_path / "hospital")[0])
    listed.write(tmp_path / "media")
    directory = dcmread(tmp_path / "media" / "DICOMDIR")
    for record in directory.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = ["..", "..", "etc", "passwd"]
    directory.save_as(tmp_path / "media" / "DICOMDIR")
    with pytest.raises(DamagedFile):
        take_paths(Spool(tmp_path / "spool"), [tmp_path / "media" / "DICOMDIR"], silent)


def test_a_policy_of_another_site_and_an_open_key_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_configuration(tmp_path)
    (tmp_path / "policy.yaml").write_text("site: VIE\n")
    assert "that of site VIE" in run(capsys, "-c", path, "status")
    (tmp_path / "policy.yaml").write_text("site: KAU\n")
    (tmp_path / "site.key").chmod(0o644)
    assert "Others may read" in run(capsys, "-c", path, "status")


def test_the_sample_configuration_names_all_that_it_can(tmp_path: Path) -> None:
    from eci_annotate.proxy.cli.site_setup import _SAMPLE

    text = _SAMPLE.format(site="KAU", url="https://hub.example.org/services/eci").replace("\n# ", "\n")
    path = tmp_path / "proxy.yaml"
    path.write_text("\n".join(text.splitlines()[1:]))
    assert yaml.safe_load(path.read_text()) and read_configuration(path).receive is not None


@pytest.mark.parametrize(
    "command", ["run", "send", "status", "verify", "preview", "fetch", "sftp", "quarantine", "check", "page"]
)
def test_each_command_of_the_proxy_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"usage: eci-proxy {command}" in run(capsys, command, "--help")


def test_users_of_the_page_are_set_listed_and_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, typed = write_configuration(tmp_path / "site", page={"port": 8499}), ["long enough 123", "another one 1234"]
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed[0])
    assert "it is off" in run(capsys, "-c", path, "page", "users")
    told = run(capsys, "-c", path, "page", "password", "petra")
    assert "http://127.0.0.1:8499/" in told and "restart the proxy" in told and typed[0] not in told
    assert "petra" in run(capsys, "-c", path, "page", "users")
    monkeypatch.setattr("getpass.getpass", lambda prompt: typed.pop())
    assert "differ" in run(capsys, "-c", path, "page", "password", "petra")
    assert "Deleted petra" in run(capsys, "-c", path, "page", "delete", "petra")
    assert "no such user" in run(capsys, "-c", path, "page", "delete", "petra")
    write_configuration(tmp_path / "site", page={"host": "0.0.0.0"})
    assert "without TLS" in run(capsys, "-c", path, "check", "--offline")


@pytest.mark.needs_debian
def test_the_wheel_installs_alone_and_runs_without_jupyter(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    words = [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, root / "packaging" / "proxy"]
    subprocess.run(words, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("eci_proxy-*.whl")
    names = {name.split("/")[1] for name in zipfile.ZipFile(wheel).namelist() if name.startswith("eci_annotate/")}
    assert names == {"__init__.py", "py.typed", "version.py", "errors.py", "deid", "proxy"}
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    binaries = tmp_path / "venv" / "bin"
    subprocess.run([binaries / "pip", "install", "-q", wheel], check=True, capture_output=True)
    installed = subprocess.run([binaries / "pip", "list"], check=True, capture_output=True, text=True).stdout.lower()
    assert not {name for name in ("jupyter", "ipywidgets", "numba", "pandas", "xarray") if name in installed}
    hospital(tmp_path / "hospital")
    proxy = [binaries / "eci-proxy", "-c", write_configuration(tmp_path / "site")]
    subprocess.run([binaries / "eci-proxy", "init", tmp_path / "new", "--site", "KAU"], check=True, cwd=tmp_path)
    done = subprocess.run(
        [*proxy, "send", tmp_path / "hospital"], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert "de-identified" in done.stdout
    code = (
        "import sys, pkgutil, importlib, eci_annotate.proxy as p\n"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(p.__path__, 'eci_annotate.proxy.')]\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([binaries / "python", "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert not {"IPython", "numba", "pandas", "xarray", "typer"} & set(loaded.stdout.split())


def test_the_largest_object_is_the_same_however_it_comes(tmp_path: Path) -> None:
    receive = {"ae_title": "ECIPROXY", "port": 11112, "senders": [{"ae_title": "CT1", "address": "10.1.2.3"}]}
    assert configured(tmp_path / "a").largest == configured(tmp_path / "b", receive=receive).largest == 128 << 20
    assert Proxy(configured(tmp_path / "c", largest_mb=500)).spool.largest == 500 << 20
    assert configured(tmp_path / "d", receive={**receive, "largest_mb": 64}).largest == 64 << 20, (
        "as it was written before"
    )
