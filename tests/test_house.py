"""The house keeps its own rules: sizes, names, a light and fast import, commands that explain themselves."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

import eci_annotate
from eci_annotate.cli import app

ROOT = Path(__file__).parents[1]
FILES = sorted(p for p in (ROOT / "eci_annotate").rglob("*.py"))
LONGEST_FILE, LONGEST_CLASS, LONGEST_FUNCTION, USUAL_FUNCTION = 300, 200, 50, 6
IMPORT_S = 0.5
FULLEST_FOLDER = 20
MOST_METHODS = 8
WAISTS = (
    "archive/protocol.py",
    "store/protocols.py",
    "repository/backend.py",
    "repository/service/protocol.py",
    "repository/service/person_backend.py",
)
# the parts of an open repository: faces get at them through `Backend` and `Service` only
PARTS = {"context", "streams", "stores", "vault", "blobs", "proposals"}
ESM = ROOT / "eci_annotate" / "viewer" / "stage" / "esm"
# names that end like a participle and are none, or are the field's own word
PARTICIPLES = {
    "blinding": "clinical trials' word for it",
    "hanging": "DICOM's hanging protocol",
    "housekeeping": "a noun",
    "monitoring": "a noun",
    "signed": "the public class Signed lives there",
    "feed_file": "a feed is a noun",
    "pending_signature": "an adjective and a noun",
    "signing_keys": "the field's word, beside encryption keys",
}
# file stems in two folders that mean the same thing in both
STEMS = {
    "backend": "implementations of the waist `Backend`",
    "protocol": "the waist of a floor",
    "conformance": "the laws of a floor's waist",
    "event_store": "one waist, two stores",
    "draft_store": "one waist, two stores",
    "blob_store": "one waist, two stores",
    "access_store": "one waist, two stores",
    "pane_geometry": "one geometry, computed on both sides of the connection",
    "read": "the reader of one kind of annotation object",
    "write": "the writer of one kind of annotation object",
    "stage": "the widget, and its half in the browser",
    "messages": "one list of shapes, kept on both sides of the connection",
}
COMMANDS = [
    "init",
    "import",
    "worklist",
    "export",
    "verify",
    "phantom",
    "member",
    "agreement",
    "deidentify",
    "prepare",
    "open",
    "demo",
]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def walked(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


def nodes(path: Path, kinds: type[ast.AST] | tuple[type[ast.AST], ...]) -> Iterator[ast.AST]:
    return (node for node in walked(path) if isinstance(node, kinds))


def length(node: ast.AST) -> int:
    """Lines of a function's body without its docstring; of a class without all docstrings in it."""
    assert isinstance(node, ast.ClassDef | Function)
    if isinstance(node, ast.ClassDef):
        inner = [each for each in ast.walk(node) if isinstance(each, ast.ClassDef | Function)]
        texts = [each.body[0] for each in inner if ast.get_docstring(each) is not None]
        return (node.end_lineno or 0) - node.lineno + 1 - sum((t.end_lineno or 0) - t.lineno + 1 for t in texts)
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def too_long(kinds: type[ast.AST] | tuple[type[ast.AST], ...], most: int) -> dict[str, int]:
    found = ((path, node, length(node)) for path in FILES for node in nodes(path, kinds))
    return {f"{path.relative_to(ROOT)}:{getattr(node, 'name', '')}": n for path, node, n in found if n > most}


def test_files_classes_and_functions_are_short() -> None:
    lines = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in FILES}
    assert {name: n for name, n in lines.items() if n > LONGEST_FILE} == {}
    assert too_long(ast.ClassDef, LONGEST_CLASS) == {}
    assert too_long((ast.FunctionDef, ast.AsyncFunctionDef), LONGEST_FUNCTION) == {}


def test_the_usual_function_is_small() -> None:
    sizes = [length(n) for p in FILES for n in nodes(p, (ast.FunctionDef, ast.AsyncFunctionDef))]
    print(f"{len(sizes)} functions, median {statistics.median(sizes)} lines, {sum(n > 25 for n in sizes)} above 25")
    assert statistics.median(sizes) <= USUAL_FUNCTION
    assert sum(n > 25 for n in sizes) <= 0.01 * len(sizes)


def test_each_file_says_its_law_and_none_is_a_drawer() -> None:
    for path in FILES:
        assert path.stem not in {"utils", "util", "helpers", "helper", "manager", "common", "misc"}, path
        law = ast.get_docstring(tree(path), clean=False)
        assert law and 1 <= len(law.strip().splitlines()) <= 6, path.relative_to(ROOT)


def own_modules() -> list[Path]:
    """Python and JavaScript modules of the package but `__init__` and `__main__`."""
    every = [*FILES, *sorted(ESM.rglob("*.js"))]
    return [path for path in every if path.stem not in {"__init__", "__main__"}]


def test_no_folder_is_a_drawer() -> None:
    many = Counter(path.parent for path in own_modules())
    assert {str(folder): n for folder, n in many.items() if n > FULLEST_FOLDER} == {}


def test_no_interface_has_more_than_eight_methods() -> None:
    """Nor more than eight parts: properties that give another interface."""
    files = [ROOT / "eci_annotate" / name for name in WAISTS]
    waists = {
        node.name: [each for each in node.body if isinstance(each, Function)]
        for path in files
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases)
    }
    assert {"Archive", "EventStore", "DraftStore", "Backend", "Images", "Service", "PersonBackend"} <= waists.keys()
    parts = {
        name: {each.name for each in own if each.decorator_list and ast.unparse(each.returns or each) in waists}
        for name, own in waists.items()
    }
    methods = {name: {each.name for each in own} - parts[name] for name, own in waists.items()}
    assert parts["Backend"] == {"account", "drafts", "trail"} and "backend" in methods["Service"]
    for found in (parts, methods):
        assert {name: names for name, names in found.items() if len(names) > MOST_METHODS} == {}


def test_faces_reach_into_no_part_of_a_repository() -> None:
    faces = [path for path in FILES if path.relative_to(ROOT).parts[1] in ("hub", "cli", "userservers")]
    assert len(faces) > 50
    used = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in faces
        for node in nodes(path, (ast.Attribute, ast.alias))
        if (name := getattr(node, "attr", "") or getattr(node, "name", "")) in PARTS
    }
    assert used == set()


def test_modules_are_named_by_nouns_or_imperatives() -> None:
    found = {path.stem for path in own_modules() if re.search(r"(ing|ed)(_|$)", path.stem)}
    assert found == set(PARTICIPLES) and len(PARTICIPLES) <= 8


def test_one_word_is_one_thing() -> None:
    homes: dict[str, set[Path]] = {}
    for path in own_modules():
        homes.setdefault(path.stem, set()).add(path.parent)
    assert {stem for stem, folders in homes.items() if len(folders) > 1} == set(STEMS) and len(STEMS) <= 12
    classes = Counter(node.name for path in FILES for node in tree(path).body if isinstance(node, ast.ClassDef))
    assert [name for name, n in classes.items() if n > 1] == []


def blocks_of(text: str, opens: str) -> Iterator[tuple[str, int]]:
    """Name and lines of each block of a JavaScript module that a line of this shape opens, by its closing brace."""
    lines = text.splitlines()
    for n, line in enumerate(lines):
        if found := re.match(opens, line):
            indent = line[: len(line) - len(line.lstrip())]
            end = next((k for k in range(n, len(lines)) if lines[k] in (f"{indent}}}", f"{indent}}};")), n)
            yield found.group(1), end - n + 1


def test_the_browsers_modules_keep_the_same_measures() -> None:
    for path in ESM.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= LONGEST_FILE and text.startswith("//"), path.name
        assert {name: n for name, n in blocks_of(text, r"export class (\w+)") if n > LONGEST_CLASS} == {}
        functions = r"(?:export )?(?:async )?function (\w+)|"
        methods = r"  (?:async |static |get |set )?(\w+)\(.*\) \{$"
        for opens in (functions.rstrip("|"), methods):
            assert {name: n for name, n in blocks_of(text, opens) if n > LONGEST_FUNCTION} == {}, path.name


def test_every_public_class_is_explained() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in FILES
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert bare == []


def _seconds(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    return time.perf_counter() - begin


def test_the_import_is_light() -> None:
    code = "import sys, eci_annotate; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"ipycanvas", "ipywidgets", "numba", "pandas", "xarray", "numpy", "pydicom", "scipy", "IPython"}
    assert heavy & set(loaded) == set()


@pytest.mark.parametrize("name", ["repository.open_repository", "hub.app", "cli"])
def test_what_opens_a_repository_loads_no_kernels(name: str) -> None:
    """A hub's own processes start without them: they take half a second, and a folder for compiled code."""
    code = f"import sys, eci_annotate.{name}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"ipycanvas", "ipywidgets", "numba", "scipy", "matplotlib"} & set(loaded) == set()


def test_the_import_is_fast() -> None:
    pairs = [(_seconds("pass"), _seconds("import eci_annotate")) for _ in range(7)]
    bare, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"import eci_annotate: {1000 * (ours - bare):.0f} ms over bare Python ({1000 * bare:.0f} ms)")
    assert ours - bare <= IMPORT_S


def test_every_name_of_the_face_is_there() -> None:
    names = set(eci_annotate.__dir__())
    for name in names:
        assert getattr(eci_annotate, name) is not None or name in {"__doc__", "__spec__"}
    assert set(eci_annotate.__all__) <= names and set(eci_annotate._HOMES) <= names
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = eci_annotate.nothing


def test_type_checkers_see_the_same_face() -> None:
    block = next(n for n in tree(ROOT / "eci_annotate" / "__init__.py").body if isinstance(n, ast.If))
    homes = {
        alias.asname or alias.name: node.module or ""
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(homes) == set(eci_annotate._HOMES) == set(eci_annotate.__all__) - {"__version__"}
    for name, home in homes.items():
        assert home.startswith(f"eci_annotate.{eci_annotate._HOMES[name]}"), name


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"], prog_name="eci-annotate")
    assert done.exit_code == 0 and f"Usage: eci-annotate {command}" in done.stdout and "--help" in done.stdout


def test_the_program_is_installed() -> None:
    program = Path(sys.executable).parent / "eci-annotate"
    assert (
        "Usage: eci-annotate" in subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    )
