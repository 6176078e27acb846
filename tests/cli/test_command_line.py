"""What every command has in common: it starts at once, and what goes wrong is one line."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import perf_counter

import pytest
from PIL import Image

from limner.cli import COMMANDS, main
from limner.cli import read as read_command

HEAVY = ("torch", "numpy", "PIL", "matplotlib", "tqdm", "limner.engine", "limner.bundle")


def _imported(*argv: str) -> tuple[str, set[str]]:
    """Stdout of a command and the modules that it imported, in a process of its own."""
    run = [sys.executable, "-X", "importtime", "-m", "limner", *argv]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    return done.stdout, {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_help_lists_every_command_on_a_line_of_its_own() -> None:
    start = perf_counter()
    out, imported = _imported("--help")
    seconds = perf_counter() - start
    lines = [line.split(maxsplit=1) for line in out.splitlines() if line]
    for name, line in COMMANDS.items():
        assert [name, line] in lines
    assert not imported & {*HEAVY, "limner.cli.make", "limner.recipe"}
    assert seconds < 1, "0.1 s where nothing else runs"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_loads_nothing_heavy(name: str) -> None:
    out, imported = _imported(name, "--help")
    assert out.startswith(f"usage: limner {name}")
    assert COMMANDS[name] in " ".join(out.split())
    assert not imported & set(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_module_that_says_what_it_does(name: str) -> None:
    assert (import_module(f"limner.cli.{name}").__doc__ or "").startswith(f"`limner {name}`")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["mak"], "no command 'mak'; did you mean make?"),
        (["zzz"], "no command 'zzz'; see limner --help"),
        (["--verbose"], "unrecognized arguments: --verbose; see limner --help"),
        (["make", "x", "--step", "3"], "unrecognized arguments: --step 3; see limner make --help"),
        (["make", "x", "--steps", "ten"], "argument --steps: invalid int value: 'ten'; see limner make --help"),
        (["read"], "the following arguments are required: PICTURE; see limner read --help"),
    ],
)
def test_a_wrong_word_is_one_line(argv: list[str], says: str, refused: Callable[..., str]) -> None:
    assert refused(*argv) == f"limner: {says}\n"


def test_nothing_asked_is_help(limner: Callable[..., tuple[int, str, str]]) -> None:
    assert limner() == limner("--help")
    assert limner()[0] == 0


@pytest.mark.parametrize(
    ("fault", "line", "code"),
    [
        (ZeroDivisionError("a\nb"), "limner is at fault: ZeroDivisionError: a b; LIMNER_TRACEBACK=1 shows where", 2),
        (PermissionError(13, "Permission denied", "x.png"), "the system refuses x.png: Permission denied", 2),
        (KeyboardInterrupt(), "stopped", 130),
    ],
)
def test_no_traceback_reaches_a_user(
    fault: BaseException,
    line: str,
    code: int,
    limner: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> int:
        raise fault

    monkeypatch.setattr(read_command, "run", fail)
    assert limner("read", "x.png") == (code, "", f"limner: {line}\n")


def test_a_traceback_may_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(read_command, "run", fail)
    monkeypatch.setenv("LIMNER_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["read", "x.png"])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_that_leaves_is_no_error(here: Path) -> None:
    Image.new("RGB", (8, 8)).save(here / "plain.png")
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as closed:
        run = [sys.executable, "-m", "limner", "read", "plain.png"]
        done = subprocess.run(run, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")
