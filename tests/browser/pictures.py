"""Make pictures of `docs/pictures` from real data, in a real JupyterLab: `python -m tests.browser.pictures`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pydicom
from playwright.sync_api import Page

from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.new_project import new_project
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.usecase.usecase import shipped_use_case
from tests.browser import liver_pictures, section_pictures, use_case_pictures
from tests.browser.lab import Viewer, browsing, run_all, serving

DATA = Path(__file__).parents[1] / "data"
OUT = Path(__file__).parents[2] / "docs" / "pictures"
CASES = {"mammography": "mammo_cbis_4view_quarter", "breast-mri": "breast_mr_ucsf_br08"}
TASK = "import eci_annotate as eci\nrepo = eci.open('{0}')\neci.annotate(repo.start_next('{1}'))"
LIST = "import eci_annotate as eci\neci.work(eci.open('{0}'))"


def one_person(source: Path, folder: Path, name: str) -> None:
    """Copy the images of a set as one study of one pseudonymous person."""
    folder.mkdir(parents=True)
    for number, path in enumerate(sorted(source.rglob("*.dcm"))):
        dataset = pydicom.dcmread(path)
        if dataset.Modality == "SEG":
            continue
        dataset.PatientID = dataset.PatientName = name
        dataset.StudyInstanceUID, dataset.PatientIdentityRemoved, dataset.BurnedInAnnotation = "2.25.77", "YES", "NO"
        dataset.save_as(folder / f"{number}.dcm")


def repository(root: Path) -> Repository:
    """A repository with a project for each of the cases."""
    first, *others = CASES
    create_repository(root / "repository", project=first, member="anna", site="KAU")
    owner = open_repository(root / "repository")
    for name in others:
        new_project(owner.backend, name, shipped_use_case(name))  # type: ignore[arg-type]
    owner = open_repository(root / "repository")
    for name, data in CASES.items():
        one_person(DATA / data, root / name, name)
        import_folders(owner.backend, [root / name], project=name, site="KAU")  # type: ignore[arg-type]
    return owner


def take(page: Page, address: str, name: str, ready: Callable[[], None]) -> None:
    """Open a notebook, fold what is at the left of JupyterLab, and take a picture of the output."""
    run_all(page, address)
    ready()
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.wait_for_timeout(1500)
    page.locator(".eci-app, .eci-work").first.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    page.locator(".eci-app, .eci-work").first.screenshot(path=OUT / f"{name}.png")


def main() -> None:
    """Make every picture."""
    root = Path(tempfile.mkdtemp())
    try:
        repository(root)
        with serving(root) as lab, browsing(1600, 1000) as page:
            address = lab.put("list.ipynb", [LIST.format(root / "repository")])
            take(page, address, "tasks", lambda: page.locator(".eci-worklist .eci-task").first.wait_for())
            for name in CASES:
                address = lab.put(f"{name}.ipynb", [TASK.format(root / "repository", name)])
                take(page, address, name, lambda: Viewer(page).wait())
            liver_pictures.take_all(page, lab, root, OUT)
            one_person(DATA / "abdomen_mr_cmb_crc_scan1", root / "abdomen", "abdomen")
            section_pictures.take_fusion(page, lab, root, root / "abdomen", OUT)
        with browsing(1440, 900) as page:
            use_case_pictures.take_use_cases(page)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
