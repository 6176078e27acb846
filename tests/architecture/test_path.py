"""A reader gets from `limner make` to the equations by opening at most seven files: CONTRIBUTING says which."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.tiny
STEP = re.compile(
    r"^(\d)\. `(limner/[\w/]+\.py)`(?: \(from (\d), `([\w.]+)`\))?: (.*?)(?=^\d\. |^$)", re.MULTILINE | re.DOTALL
)
PATH = {int(step[0]): step for step in STEP.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))}


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / "src" / file).read_text(encoding="utf-8"))


def home(file: str, name: str) -> Path:
    """The file in which the thing that another file calls `name` is written down."""
    module = import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    head, *rest = name.split(".")
    thing = getattr(module, head, None)
    if thing is None:  # imported where it is needed
        (thing,) = [
            getattr(import_module(node.module or ""), head)
            for node in ast.walk(tree(file))
            if isinstance(node, ast.ImportFrom) and head in {alias.name for alias in node.names}
        ]
    for attribute in rest:
        thing = getattr(thing, attribute)
    owner = getattr(thing, "__module__", None) or next(  # a table has no module: it is written where it is first bound
        node.module
        for node in ast.walk(tree(file))
        if isinstance(node, ast.ImportFrom) and head in {alias.name for alias in node.names}
    )
    return Path(str(import_module(owner).__file__))


def test_the_path_is_short_and_starts_at_the_command() -> None:
    assert list(PATH) == list(range(1, len(PATH) + 1))
    assert 3 < len(PATH) <= 7
    assert PATH[1][1] == "limner/cli/make.py"
    assert [step[1] for step in PATH.values() if step[0] != "1" and not step[2]] == []


@pytest.mark.parametrize("number", list(PATH)[1:])
def test_each_file_is_reached_from_one_before(number: int) -> None:
    _, file, before, name, _ = PATH[number]
    assert int(before) < number
    opened = PATH[int(before)][1]
    used = {ast.unparse(node) for node in ast.walk(tree(opened)) if isinstance(node, ast.Name | ast.Attribute)}
    assert name in used
    assert home(opened, name) == ROOT / "src" / file


def test_the_last_files_hold_the_equations() -> None:
    """What CONTRIBUTING quotes as equations is there, as code."""
    quoted = {int(number): re.findall(r"`([^`]+)`", step[4]) for number, step in PATH.items()}
    ends = set(PATH) - {int(step[2]) for step in PATH.values() if step[2]}
    assert ends == {number for number, lines in quoted.items() if lines and number in ends}
    for number, lines in quoted.items():
        statements = {ast.unparse(node) for node in ast.walk(tree(PATH[number][1])) if isinstance(node, ast.stmt)}
        assert {ast.unparse(ast.parse(line)) for line in lines} <= {s.strip() for s in statements}
