"""Hook of MkDocs: pages made from the code and from files outside docs/, and links between them.

A link to a file of the repository that is not a page is shown as its path; a link to nothing stops the build.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from command_pages import command_page, proxy_page
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

import eci_annotate as eci

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
MERMAID = re.compile(r"^```mermaid\n.*?^```$", re.M | re.S)
FLOORS = "pictures/floors.svg"
GROUPS = {
    "Repositories and tasks": [
        "open", "create_repository", "import_folders", "Repository", "Task", "Signed", "adopt", "datasets",
        "digital_signatures", "active_times", "proposal_table", "answer_table", "ControlCases",
    ],
    "In a notebook": ["work", "annotate", "show", "compare", "replay"],
    "Images": [
        "load_series", "load_stacks", "series_in", "volume_from_array", "grid_of", "Grid", "without_padding",
        "resample", "upright", "suv", "subtract", "kinetic_curve", "TimePoint", "write_phantom",
    ],
    "Annotations": [
        "Box", "Contours", "Mask", "read_rtstruct", "write_rtstruct", "read_segmentation", "write_segmentation",
        "read_report", "write_label_map",
    ],
    "Registrations": ["read_registration", "Registration", "map_onto"],
    "Errors": ["EciError"],
}  # fmt: skip


def outside_pages() -> dict[str, str]:
    """Return the pages whose source is outside docs/: page to path in the repository."""
    manuals = sorted((ROOT / "forms").glob("*/manual.md"))
    pages = {f"usecases/{each.parent.name}.md": str(each.relative_to(ROOT)) for each in manuals}
    return pages | {
        "usecases/index.md": "forms/README.md",
        "contributing.md": "CONTRIBUTING.md",
        "changelog.md": "CHANGELOG.md",
    }


def python_page() -> str:
    """Write the page of the public names, each from its docstring."""
    listed = [name for names in GROUPS.values() for name in names]
    missing = set(eci.__all__) - set(listed) - {"__version__"}
    if missing:
        raise PluginError(f"Public names in no group of the reference: {sorted(missing)}.")
    parts = [
        "# Python\n\n```python\nimport eci_annotate as eci\n```\n\nWritten from the docstrings of the public names.\n"
    ]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        for name in names:
            home = f"eci_annotate.{eci._HOMES[name]}.{name}"
            parts.append(f'::: {home}\n    options:\n      heading: "eci.{name}"\n      toc_label: "{name}"\n')
    return "\n".join(parts)


def use_case_list() -> str:
    """Return the list of manuals that is added to the page of the use cases."""
    manuals = sorted((ROOT / "forms").glob("*/manual.md"))
    lines = [f"- [{each.read_text().splitlines()[0].lstrip('# ')}]({each.parent.name}/manual.md)" for each in manuals]
    return "\n\n## Manuals\n\nWhat radiologists read, one page per use case:\n\n" + "\n".join(lines) + "\n"


def floors_svg() -> str:
    """Draw the floors of the package as the import contract in pyproject.toml states them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = next(each["layers"] for each in contracts if each["type"] == "layers")
    width, height = 720, 56
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height * len(floors)}" font-size="15">']
    parts.append('<g fill="#e0f2f1" stroke="#00796b" font-family="sans-serif" text-anchor="middle">')
    for row, floor in enumerate(floors):
        rooms = [room.strip() for room in floor.split("|")]
        wide = width / len(rooms)
        for column, room in enumerate(rooms):
            x, y = column * wide + 4, row * height + 4
            parts.append(f'<rect x="{x:.0f}" y="{y}" width="{wide - 8:.0f}" height="{height - 10}" rx="5"/>')
            middle = f'x="{x + wide / 2 - 4:.0f}" y="{y + 28}"'
            parts.append(f'<text {middle} fill="#004d40" stroke="none">{room}</text>')
    return "\n".join([*parts, "</g></svg>"])


def on_files(files: Files, config: Any) -> Files:
    """Add the made pages."""
    from eci_annotate.cli import app
    from eci_annotate.proxy.cli.command_line import argument_parser

    made = {page: (ROOT / source).read_text(encoding="utf-8") for page, source in outside_pages().items()}
    made["usecases/index.md"] += use_case_list()
    made["reference/python.md"] = python_page()
    made["reference/command-line.md"] = command_page(app, "eci-annotate")
    made["reference/proxy-command.md"] = proxy_page(argument_parser())
    made[FLOORS] = floors_svg()
    for picture in sorted((ROOT / "forms").glob("*/*.webp")):
        files.append(File.generated(config, f"usecases/{picture.name}", content=picture.read_bytes()))
    for page, content in made.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links between files of the repository into links between pages."""
    name = page.file.src_uri
    markdown = MERMAID.sub(f"![The floors: imports go down only]({_relative('docs/' + FLOORS, name)})", markdown)
    source = outside_pages().get(name, f"docs/{name}")
    homes = {path: target for target, path in outside_pages().items()}
    parts, end = [], 0
    for fence in FENCE.finditer(markdown):  # what stands in code is left as it is
        parts += [_linked(markdown[end : fence.start()], source, name, homes), fence.group(0)]
        end = fence.end()
    return "".join([*parts, _linked(markdown[end:], source, name, homes)])


def _linked(text: str, source: str, name: str, homes: dict[str, str]) -> str:
    return LINK.sub(lambda link: _link(link, source, name, homes), text)


def _link(link: re.Match[str], source: str, name: str, homes: dict[str, str]) -> str:
    picture, label, target = link.groups()
    path, _, anchor = target.partition("#")
    if re.match(r"[a-z]+:", target) or not path:
        return link.group(0)
    repository = os.path.normpath(os.path.join(os.path.dirname(source), path))  # noqa: PTH118, PTH120
    if repository in homes:
        repository = f"docs/{homes[repository]}"
    elif not repository.startswith("docs/") and not (ROOT / repository).exists():
        raise PluginError(f"{source} links to {target}, which does not exist.")
    elif not repository.startswith("docs/") or (ROOT / repository).is_dir():  # MkDocs checks what is below docs/
        code = label if "`" in label else f"{label} (`{repository}`)"
        return code if repository not in label else f"`{repository}`"
    return f"{picture}[{label}]({_relative(repository, name)}{'#' + anchor if anchor else ''})"


def _relative(repository: str, name: str) -> str:
    return os.path.relpath(repository.removeprefix("docs/"), os.path.dirname(name) or ".")  # noqa: PTH120
