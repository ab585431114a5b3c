"""The tree in README.md: a line for every tracked source file, with its first sentence.

    python -m tests.house.readme_tree README.md

writes it anew between the two marks. A Python file's line is the first sentence of its docstring;
other files are described in `DESCRIPTIONS`.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from tests.house.tracked import ROOT, tracked_files

START, END = (
    "<!-- tree: written by `make tree`, compared with the disk by a test -->",
    "<!-- /tree -->",
)
COLUMN = 38

# Folders that are one line: what is in them is data, or named by what it tests.
FOLDED = {
    "docs/pictures": "pictures of this README and of docs/",
    "docs/decisions": "why it is as it is, one page each",
    "docs/examples/sdxl-reg-ia3": "a whole plugin, explained in docs/trainers.md",
    "registry/sdxl_reg/evaluation/viewer/scripts": "script of the viewer, one file a part of it",
    "registry/sdxl_reg/micro_base": "the built-in base: a small SDXL that really draws",
    "registry/sdxl_reg/web/static": "style sheet and scripts of the pages",
    "registry/sdxl_reg/web/templates": "the pages, one template each",
    "migrations/sdxl_reg_migrations/versions": "the history of the tables, one file a step",
    "tests": "mirrors the folders above",
}
DESCRIPTIONS = {
    ".ci/run": "what CI runs: installs what is missing, then `make lint` and `make test`",
    "Makefile": "every command of development; `make` lists them",
    "alembic.ini": "lets `alembic revision` find the migrations",
    "constraints.txt": "the exact versions that are tested",
    "docs/examples/Dockerfile": "an image of a server",
    "examples/demo.sh": "what `make demo` runs",
    "examples/weipin.toml": "settings of the example's training",
    "registry/sdxl_reg/evaluation/viewer/viewer.css": "style sheet of the viewer, light and dark",
    "pyproject.toml": "packages, dependencies, and the settings of every tool",
}
UNLISTED = {".gitignore", "py.typed", "script.py.mako", "LICENSE", "NOTICE"}


def tree(paths: Iterable[PurePosixPath]) -> str:
    """The tree as text: folders before their content, each file with its description.

    Args:
        paths: Files, relative to the root of the repository.

    Returns:
        Lines without a newline at the end.
    """
    lines: list[str] = []
    shown: set[PurePosixPath] = set()
    for path, description in entries(paths):
        for folder in reversed(path.parents[:-1]):
            if folder not in shown:
                shown.add(folder)
                lines.append("  " * (len(folder.parts) - 1) + f"{folder.name}/")
        name = "  " * (len(path.parts) - 1) + path.name
        if str(path) in FOLDED:
            name += "/"
        lines.append(f"{name:<{COLUMN}} {description}".rstrip())
    return "\n".join(lines)


def entries(paths: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, str]]:
    """The lines of the tree: a path, a file or a folded folder, and what it is."""
    folded: set[str] = set()
    for path in sorted(paths, key=_order):
        folder = next((str(up) for up in path.parents if str(up) in FOLDED), None)
        if folder is None and path.name not in UNLISTED and path.suffix != ".md":
            yield path, described(path)
        elif folder is not None and folder not in folded:
            folded.add(folder)
            yield PurePosixPath(folder), FOLDED[folder]


def described(path: PurePosixPath) -> str:
    """What a file is: by its docstring, else by `DESCRIPTIONS`.

    Raises:
        KeyError: It has neither; the message says where to put one.
    """
    if str(path) in DESCRIPTIONS:
        return DESCRIPTIONS[str(path)]
    if path.suffix == ".py":
        docstring = ast.get_docstring(ast.parse((ROOT / path).read_text("utf-8")))
        if docstring:
            return _first_sentence(docstring)
    raise KeyError(f"{path}: give it a docstring, or a line in tests/house/readme_tree.py")


def embedded(readme: str) -> str:
    """The tree that stands in a README, between the marks; empty when there is none."""
    _, _, after = readme.partition(START)
    block, _, _ = after.partition(END)
    return block.strip().removeprefix("```").removesuffix("```").strip("\n")


def with_tree(readme: str, text: str) -> str:
    """The README with its tree replaced, or added at the end."""
    before, _, after = readme.partition(START)
    _, _, rest = after.partition(END)
    return f"{before.rstrip()}\n\n{START}\n```\n{text}\n```\n{END}\n{rest.lstrip()}"


def _order(path: PurePosixPath) -> tuple[tuple[bool, str], ...]:
    """Files of a folder before its sub-folders, `__init__` first; folders alphabetically."""
    last = len(path.parts) - 1
    return tuple((index < last, part) for index, part in enumerate(path.parts))


def _first_sentence(docstring: str) -> str:
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<!et al)\. ", paragraph)[0].rstrip(".")


def main(arguments: list[str]) -> None:
    """Write the tree into the README that is named."""
    readme = Path(arguments[0])
    text = with_tree(readme.read_text("utf-8"), tree(tracked_files()))
    readme.write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
