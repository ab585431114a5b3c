"""What ruff does not see: arguments and errors that a docstring leaves out."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.house.tracked import tracked_text

SOURCES = ("registry", "plugins", "cli", "migrations")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_functions() -> Iterator[tuple[str, Function]]:
    for path, text in tracked_text().items():
        if path.parts[0] in SOURCES and path.suffix == ".py":
            yield from functions_in(path, ast.parse(text))


def functions_in(path: PurePosixPath, tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in inner:
            if isinstance(function, Function) and not function.name.startswith("_"):
                yield f"{path}:{function.lineno} {function.name}", function


def described_arguments(docstring: str) -> set[str]:
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    names = re.findall(r"^ {4}(\**\w+)[^:\n]*:", section[1], re.MULTILINE) if section else []
    return {name.lstrip("*") for name in names}


def arguments(function: Function) -> set[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    every += [extra for extra in (given.vararg, given.kwarg) if extra]
    return {argument.arg for argument in every}


def test_a_docstring_describes_no_argument_that_is_not_there() -> None:
    wrong = {}
    for place, function in public_functions():
        extra = described_arguments(ast.get_docstring(function) or "") - arguments(function)
        if extra:
            wrong[place] = sorted(extra)
    assert wrong == {}


def test_a_function_that_describes_arguments_describes_those_without_a_default() -> None:
    wrong = {}
    for place, function in public_functions():
        described = described_arguments(ast.get_docstring(function) or "")
        positional = [argument.arg for argument in function.args.args]
        required = positional[: len(positional) - len(function.args.defaults)]
        left_out = set(required) - described - {"self", "cls", "session", "engine", "store"}
        if described and left_out:
            wrong[place] = sorted(left_out)
    assert wrong == {}


def test_an_error_that_a_public_function_raises_itself_is_named_in_its_docstring() -> None:
    wrong = {}
    for place, function in public_functions():
        if place.startswith(("cli/", "registry/sdxl_reg/web/api/")):
            continue  # their docstrings are the help and the OpenAPI text that users read
        docstring = ast.get_docstring(function) or ""
        raised = {
            node.exc.func.id
            for node in ast.walk(function)
            if isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and isinstance(node.exc.func, ast.Name)
            and node.exc.func.id[0].isupper()
        } - {"AssertionError"}
        left_out = {name for name in raised if name not in docstring}
        if left_out and "raises as" not in docstring.lower():
            wrong[place] = sorted(left_out)
    assert wrong == {}


def test_arguments_are_read_from_a_google_docstring() -> None:
    text = "Do.\n\nArgs:\n    one: First.\n    two: Second,\n        more: no.\n\nReturns:\n    x"
    assert described_arguments(text) == {"one", "two"}
