"""What is written about limner is so: links lead somewhere, commands are ones it understands, credit is complete."""

import re
import runpy
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from limner.cli import COMMANDS, Parser
from limner.pictures.catalogue import SETS, WORDS

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands() -> list[tuple[str, list[str]]]:
    """The `limner` commands in the pages' shell blocks, as (page, words after `limner`)."""
    found = []
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if "limner" in words:
                    found.append((page.name, words[words.index("limner") + 1 :]))
    return found


@pytest.mark.parametrize(("page", "words"), commands())
def test_a_command_in_the_docs_is_understood(page: str, words: list[str]) -> None:
    if words[0] in ("--help", "--version") or "install" in words:
        return
    assert words[0] in COMMANDS
    parser = Parser(allow_abbrev=False)
    import_module(f"limner.cli.{words[0]}").flags(parser)
    parser.parse_args(words[1:])  # raises LimnerError for a flag that there is not


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_file(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\((?!https?:)([^)#]+)", prose)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_reference_is_up_to_date() -> None:
    folder = ROOT / "docs" / "reference"
    page = (folder / "commands.md").read_text(encoding="utf-8")
    assert page == runpy.run_path(str(folder / "generate.py"))["reference"](), "run `make reference`"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_flag_that_help_names_has_its_entry(name: str) -> None:
    parser = Parser(prog=f"limner {name}", allow_abbrev=False)
    import_module(f"limner.cli.{name}").flags(parser)
    section = re.search(
        rf"^## limner {name}$(.*?)(?=^## limner (?!{name}\b)|\Z)",
        (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    assert section
    for flag in set(re.findall(r"(?<!\S)--[a-z]+", parser.format_help())) - {"--help"}:
        assert f"| `{flag}" in section[1]


def test_the_notice_credits_every_picture_set() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for each in SETS.values():
        assert re.search(
            rf"^\* {re.escape(each.package.name)} .*{re.escape(each.artist)}.*{re.escape(each.licence)}.*\n.*"
            rf"{re.escape(each.source)}$",
            notice,
            re.MULTILINE,
        ), each.name
    assert WORDS.name in notice


def test_the_constraints_pin_everything_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert {package(each) for each in asked} <= {package(line) for line in pinned}


def package(requirement: str) -> str:
    """The name a requirement begins with, as registries compare names."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")
