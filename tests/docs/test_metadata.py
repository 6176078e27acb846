"""Every cell of the page on metadata that names a test names one that there is, and every test file is named."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "metadata.md").read_text(encoding="utf-8")
TESTS = ROOT / "tests" / "metadata"


def existing() -> set[str]:
    return {
        f"{file.stem}.{node.name}"
        for file in TESTS.glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_the_tests_that_it_names_exist() -> None:
    named = set(re.findall(r"`(test_\w+\.\w+)`", PAGE))
    assert named - existing() == set()
    assert {file.stem for file in TESTS.glob("test_*.py")} == {each.partition(".")[0] for each in named}


def test_each_cell_names_a_test_or_says_that_there_is_nothing_to_test() -> None:
    rows = re.findall(r"^\| [^|\s].*\|$", PAGE, re.MULTILINE)
    assert len(rows) == 18
    cells = [cell.strip() for row in rows for cell in row.strip("|").split("|")[1:]]
    assert {cell for cell in cells if "`test_" not in cell} == {"it writes PNG", "it wrote PNG", "nothing"}
