"""One JupyterLab and one Chromium per run; each test gets a repository of its own in the server's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.lab import OPEN, PROJECT, Lab, Viewer, browsing, notebook, run_all, serving

FIRST = Path(__file__).parents[2] / "notebooks" / "01_annotate.ipynb"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab."""
    with serving(tmp_path_factory.mktemp("lab")) as one:
        yield one


@pytest.fixture(scope="module")
def browser_page() -> Iterator[Page]:
    """One browser per module: playwright runs once in a process at a time."""
    with browsing() as one:
        yield one


@pytest.fixture
def page(browser_page: Page) -> Iterator[Page]:
    """A page on which no script may fail."""
    failures: list[str] = []

    def note(error: object) -> None:
        failures.append(str(error))

    browser_page.on("pageerror", note)
    yield browser_page
    browser_page.remove_listener("pageerror", note)
    browser_page.goto("about:blank")
    assert not failures


@pytest.fixture(autouse=True)
def no_kernel_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Kernels of a test end with it; some thirty would else be alive at the end of a run."""
    lab: Lab | None = request.getfixturevalue("lab") if "lab" in request.fixturenames else None
    yield
    if lab is not None:
        lab.end_kernels()


@pytest.fixture(scope="session")
def made_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one synthetic subject."""
    from eci_annotate.dicom.phantom import write_phantom
    from eci_annotate.repository.admin.create import create_repository
    from eci_annotate.repository.admin.import_dicom import import_folders
    from eci_annotate.repository.open_repository import open

    root = tmp_path_factory.mktemp("made")
    write_phantom(root / "dicom", "tiny")
    create_repository(root / "repository", project=PROJECT, member="anna", site="KAU")
    import_folders(open(root / "repository").backend, [root / "dicom"], project=PROJECT, site="KAU")
    return root / "repository"


@pytest.fixture
def repository(lab: Lab, made_repository: Path, request: pytest.FixtureRequest) -> Path:
    """A copy in the server's folder, named after the test."""
    return lab.copy(made_repository, request.node.name)


@pytest.fixture
def viewer(lab: Lab, page: Page, repository: Path) -> Viewer:
    """The task open in a notebook, its images on the screen."""
    run_all(page, lab.put(f"{repository.name}.ipynb", [OPEN.format(folder=repository.name)]))
    one = Viewer(page)
    one.wait()
    return one


@pytest.fixture
def place(made_repository: Path, tmp_path: Path) -> Path:
    """A folder with the repository and the first notebook, up to the viewer."""
    shutil.copytree(made_repository, tmp_path / "repository")
    cells = json.loads(FIRST.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    upto = next(n for n, text in enumerate(code) if "annotate(task)" in text)
    (tmp_path / "one.ipynb").write_text(json.dumps(notebook(code[: upto + 1])), encoding="utf-8")
    return tmp_path
