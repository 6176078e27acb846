"""Every page of the lecture runs from top to bottom and prints what it says it prints."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LECTURE = ROOT / "docs" / "lecture"
PAGES = sorted(page for page in LECTURE.glob("*.md") if page.name != "README.md")
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def play(page: Path) -> None:
    """Run the blocks of a page in one namespace; what a block prints is the next text block, to the letter."""
    source, names, printed = page.read_text(encoding="utf-8"), {"__name__": "__main__"}, ""
    for block in BLOCK.finditer(source):
        line = source[: block.start(2)].count("\n")
        if block[1] == "text":
            assert block[2] == printed, f"{page.name}:{line + 1} is not what is printed"
            printed = ""
        else:
            assert not printed, f"{page.name}: before line {line} is printed what the page does not show:\n{printed}"
            with redirect_stdout(io.StringIO()) as out:
                exec(compile("\n" * line + block[2], page, "exec"), names)
            printed = out.getvalue()
    assert not printed, f"{page.name}: its last block prints what the page does not show:\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(LECTURE)
    monkeypatch.chdir(tmp_path)
    play(page)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("```python\nassert 1 == 2\n```\n", "AssertionError"),
        ("```python\nprint(1)\n```\n```text\n2\n```\n", "is not what is printed"),
        ("```python\nprint(1)\n```\n", "does not show"),
        ("```python\nprint(1)\n```\n```python\npass\n```\n", "does not show"),
    ],
)
def test_a_wrong_page_is_found(text: str, fault: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(AssertionError) as caught:
        play(page)
    assert fault in caught.exconly()


def test_each_folder_with_code_has_a_page_and_each_page_its_place() -> None:
    source = ROOT / "src" / "limner"
    folders = {file.parent.name for file in source.glob("*/*.py") if file.name != "__init__.py"}
    listed = re.findall(r"^\d+\. \[.*\]\((\w+)\.md\)$", (LECTURE / "README.md").read_text(), re.MULTILINE)
    assert folders <= set(listed) == {page.stem for page in PAGES}
    for page, following in zip(listed, [*listed[1:], "README"], strict=True):
        assert f"]({following}.md)" in (LECTURE / f"{page}.md").read_text().splitlines()[-1]
