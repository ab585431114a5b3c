import ast
import io
import re
import tokenize
from pathlib import PurePosixPath

import pytest
from PIL import Image

from tests.house.tracked import ROOT, tracked_files, tracked_text

MOST_LINES = 400
# Written so that this file does not match itself.
FOREIGN = {
    "a path of one machine": re.compile("/(?:wor[k]|ro[o]t|hom[e])/[a-z]"),
    "a package registry's host": re.compile(r"(?i)\b(?:[a-z0-9-]+\.)*(?:pypi|pythonhosted)\.[o]rg"),
    "a package mirror": re.compile(r"(?i)(?:artifactor[y]|index-ur[l]|trusted-hos[t])"),
}


def code_lines(source: str) -> int:
    """Lines with code: neither empty nor only a comment nor in a docstring."""
    documentation = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
    code = {
        number
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in silent | {tokenize.INDENT, tokenize.DEDENT}
        for number in range(token.start[0], token.end[0] + 1)
    }
    return len(code - documentation)


def test_no_file_has_more_than_400_lines_of_code() -> None:
    counts = {
        path: code_lines(text)
        for path, text in tracked_text().items()
        if path.suffix == ".py" and path.parent.name != "versions"  # migrations are generated
    }
    assert counts
    assert {path: count for path, count in counts.items() if count > MOST_LINES} == {}


def test_counting_leaves_out_docstrings_comments_and_empty_lines() -> None:
    assert code_lines('"""Doc.\n\nMore.\n"""\n\n# why\nx = 1\n') == 1


@pytest.mark.parametrize("what", FOREIGN)
def test_no_tracked_file_names(what: str) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in tracked_text().items()
        for number, line in enumerate(text.splitlines(), 1)
        if FOREIGN[what].search(line)
    ]
    assert found == []


def test_pictures_of_the_documentation_are_small() -> None:
    for path in tracked_files():
        if path.parts[0] == "docs" and path.suffix in {".png", ".jpg", ".jpeg", ".webp", ".gif"}:
            assert (ROOT / path).stat().st_size <= 600_000, f"{path}: shrink it"
            with Image.open(ROOT / path) as picture:
                assert max(picture.size) <= 2400, f"{path}: shrink it"


def test_every_local_link_of_the_documentation_leads_somewhere() -> None:
    dead = []
    for path, text in tracked_text().items():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target and not (ROOT / path.parent / target).exists():
                dead.append(f"{path}: {target}")
    assert dead == []


def test_packages_are_typed_and_in_the_wheel() -> None:
    packages = {path.parent for path in tracked_files() if path.name == "py.typed"}
    wheel = (ROOT / "pyproject.toml").read_text("utf-8")
    for top in ("registry", "plugins", "cli", "migrations"):
        inside = {
            PurePosixPath(*path.parts[:2]) for path in tracked_files() if path.parts[0] == top
        }
        assert inside <= packages, f"py.typed is missing in {inside - packages}"
        assert all(f'"{package}"' in wheel for package in inside)
