"""Each test that docs/threads.md names is there: a thread is answered by what would fail, or by a written reason."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threads.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+)\. (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
NAMED = re.compile(r"`((?:tests/)?[\w/]+(?:\.py)?(?:::\w+)?)`")


def test_all_forty_are_there_in_order() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, 41))


@pytest.mark.parametrize(("number", "answer", "tests"), [(number, answer, tests) for number, _, answer, tests in ROWS])
def test_what_answers_a_thread_is_there(number: str, answer: str, tests: str) -> None:
    named = [each for each in NAMED.findall(tests) if each.startswith(("test", "tests/"))]
    assert answer
    assert named or tests.startswith("no test"), f"thread {number} names neither a test nor a reason"
    for each in named:
        path, _, name = each.partition("::")
        found = [ROOT / path] if path.startswith("tests/") else list((ROOT / "tests").rglob(path))
        assert len(found) == 1, f"thread {number}: {path} is {len(found)} files"
        assert found[0].exists(), f"thread {number}: there is no {path}"
        assert not name or name in defined(found[0]), f"thread {number}: {path} has no {name}"


def test_what_is_not_there_would_be_found() -> None:
    assert NAMED.findall("`test_nothing.py::test_no`, `tests/laws`") == ["test_nothing.py::test_no", "tests/laws"]
    assert "defined" in defined(Path(__file__))


def defined(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
