"""A demo site beside the demo hub: a folder of "hospital" DICOM ends as a ready annotation task.

`make proxy`, or `python hubconfig/demo_site.py FOLDER --hub DEMO_HUB`. The patient is made up.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread

import demo
from eci_annotate.errors import EciError

SITE, PATIENT, NAME = "KAU", "19540312-1234", "Muster^Erika"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One step of the walk: what it shows, the command, and what the command printed."""

    title: str
    command: str
    output: str = field(repr=False)


def write_hospital(folder: Path, kind: str = "mr") -> list[Path]:
    """Write a study as a hospital's PACS would export it: a made-up patient, one image with a burned-in name."""
    from eci_annotate.dicom.phantom import write_phantom

    files = write_phantom(folder, kind)
    for number, path in enumerate(files):
        dataset = dcmread(path)
        dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = NAME, PATIENT, "19540312"
        dataset.InstitutionName, dataset.ReferringPhysicianName = "Sample hospital", "Beispiel^Max"
        dataset.StudyDescription, dataset.AccessionNumber = "MR abdomen for Ms Muster", "A-77001"
        del dataset.PatientIdentityRemoved
        if number == 0:
            dataset.BurnedInAnnotation = "YES"
        dataset.save_as(path)
    return files


def write_site(folder: Path, repository: Path, url: str, kind: str = "mr") -> Path:
    """Set a site up whose credential the project's owner issues, with a phantom as its images; returns the file."""
    from eci_annotate.repository.local.backend import LocalBackend
    from eci_annotate.repository.open_repository import open as open_repository
    from eci_annotate.repository.sites.site_credentials import issue

    path = folder / "site" / "proxy.yaml"
    if path.exists():
        return path
    _run(folder, "init", str(folder / "site"), "--site", SITE, "--url", url)
    backend = open_repository(repository).backend
    assert isinstance(backend, LocalBackend)
    _, token = issue(backend, backend.account.projects()[0], SITE)
    credential = folder / "site" / "credential"
    credential.touch(0o600)
    credential.write_text(token)
    write_hospital(folder / "hospital", kind)
    return path


def walk(folder: Path, tell: Tell) -> Iterator[Step]:
    """Go through the steps, from the check to the subject's number."""
    hospital, page = str(folder / "hospital"), folder / "preview.html"
    page.unlink(missing_ok=True)
    for title, *words in (
        ("Check the configuration", "check"),
        ("Look at what would leave", "preview", hospital, "--out", str(page)),
        ("Send a folder", "send", hospital),
        ("See what was set aside, and why", "quarantine", "list"),
        ("Find the patient's number", "verify", PATIENT),
    ):
        tell(title)
        yield Step(title, f"eci-proxy {' '.join(_short(word, folder) for word in words)}", _run(folder, *words))


def _short(word: str, folder: Path) -> str:
    return str(Path(word).relative_to(folder)) if word.startswith(str(folder)) else word


def _run(folder: Path, *words: str) -> str:
    program = Path(sys.executable).parent / "eci-proxy"
    given = [str(program), "-c", str(folder / "site" / "proxy.yaml"), *words]
    done = subprocess.run(given, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout.replace(f"{folder}/", "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the demo hub unless it runs, set the site up, and go through the steps."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--hub", type=Path, required=True, help="folder of the demo hub")
    words.add_argument("--port", type=int, default=8000)
    words.add_argument("--insecure-demo", action="store_true", help="see: make hub")
    words.add_argument("--pictures", type=Path, help="write a picture of each step into this folder")
    chosen = words.parse_args(arguments)
    folder, hub = chosen.folder.resolve(), chosen.hub.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    with demo.telling() as tell:
        passwords = demo.prepare(hub, chosen.port, chosen.insecure_demo, tell)
        process = None if _answers(chosen.port) else _started(hub, chosen.port, tell)
        os.environ["ECI_ANNOTATE_CREDENTIAL"] = str(hub / "repository" / "members" / f"{demo.OWNER}.key")
        service = f"http://eci--service.hub.localhost:{chosen.port}/services/eci"
        write_site(folder, hub / "repository", service)
        demo.give_to_service(hub / "repository")
        steps = list(walk(folder, tell))
    for step in steps:
        print(f"\n{step.title}\n$ {step.command}\n{step.output}")
    where = f"http://hub.localhost:{chosen.port}/"
    print(f"The task is ready: log in as anna ({passwords['anna']}) at {where}")
    if chosen.pictures:
        from demo_site_pictures import draw, draw_local_page

        draw(steps, folder / "preview.html", (where, service), ("olga", passwords["olga"]), chosen.pictures)
        draw_local_page(folder / "site" / "proxy.yaml", PATIENT, chosen.pictures)
    if process:
        demo_wait(process, bool(chosen.pictures))


def demo_wait(process: subprocess.Popen[bytes], at_once: bool) -> None:
    """Serve until Ctrl-C, or end the hub at once."""
    try:
        if not at_once:
            process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        process.terminate()
        process.wait(60)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/hub/health", timeout=2).read()
    except OSError:
        return False
    return True


def _started(hub: Path, port: int, tell: Tell) -> subprocess.Popen[bytes]:
    tell("Starting the hub")
    demo.check_port(port)
    process = demo.start(hub)
    demo.wait(process, port, hub)
    return process


if __name__ == "__main__":
    try:
        main()
    except EciError as error:
        sys.exit(f"{error.what} {error.remedy}")
