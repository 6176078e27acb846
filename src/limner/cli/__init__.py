"""One command line: a command's module, and what it needs, is imported only when that command is called."""

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from limner import __version__
from limner.errors import LimnerError

COMMANDS: Mapping[str, str] = {  # each is the module limner.cli.NAME with flags(parser) and run(args)
    "make": "draw pictures of a sentence",
    "studio": "open a page on which pictures are asked for, and draw them",
    "space": "write the studio as a folder that Hugging Face's Spaces serve",
    "read": "print the recipe that a picture carries, and who signed for it",
    "keys": "the keys that sign receipts and those that are trusted",
    "explain": "draw where each word of a prompt looked in a picture, and how",
    "edit": "draw a picture again with other words, and leave the rest as it was",
    "search": "find the pictures of a folder by words, or by another picture",
    "classify": "say which of some words a picture is",
    "course": "check an assignment's hand-in, and say how it will be read",
    "models": "list the models that are here, add, fetch, verify and certify them",
    "doctor": "say what is installed, what will be used and what is wrong",
    "demo": "draw four sentences with the model that ships",
    "pictures": "build and show the pictures that limner-mini is trained on",
    "train": "train limner-mini, part by part",
    "measure": "take figures, each with its target",
    "bench": "time limner beside others on the same weights, and what waiting is like",
}


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong flag is an error like any other: one line."""

    def error(self, message: str) -> NoReturn:
        raise LimnerError(message, f"see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 done and something was found wanting, 2 could not be done (one line on stderr says why).

    130 is Ctrl-C, 141 a reader of our output that went away, as shells have it.
    """
    if argv is None:
        _spare()
    try:
        code = _call(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except LimnerError as fault:
        return _refuse(str(fault), 2)
    except KeyboardInterrupt as stop:
        return _refuse(f"stopped; {stop}" if str(stop) else "stopped", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains as it ends
        return 141
    except OSError as fault:
        where = f" {fault.filename}" if fault.filename else ""
        return _refuse(f"the system refuses{where}: {fault.strerror or fault}", 2)
    except Exception as fault:
        if os.environ.get("LIMNER_TRACEBACK"):
            raise
        return _refuse(f"limner is at fault: {type(fault).__name__}: {fault}; LIMNER_TRACEBACK=1 shows where", 2)


def _spare() -> None:
    """Have the garbage collector look seldom, and not at all as the process ends.

    It would go through torch's half a million objects while they are imported and twice at the end, to find nothing:
    0.4 s of a second's command.
    """
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)


def _call(argv: Sequence[str]) -> int:
    name = argv[0] if argv else "--help"
    try:
        if name.startswith("-"):
            _overview().parse_args([name])
        if name not in COMMANDS:
            near = get_close_matches(name, COMMANDS, n=1)
            meant = f"did you mean {near[0]}?" if near else "see limner --help"
            raise LimnerError(f"no command {name!r}", meant)
        command = import_module(f"limner.cli.{name}")
        parser = Parser(prog=f"limner {name}", description=COMMANDS[name], allow_abbrev=False)
        command.flags(parser)
        return int(command.run(parser.parse_args(argv[1:])))
    except SystemExit as end:  # argparse, after --help
        return int(end.code or 0)


def _overview() -> Parser:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:{width}}  {line}" for name, line in COMMANDS.items())
    parser = Parser(
        prog="limner",
        usage="limner COMMAND ...",
        description="Draw pictures from sentences, and show how.",
        epilog=f"commands (each has --help):\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"limner {__version__}")
    return parser


def _refuse(line: str, code: int) -> int:
    print("limner:", " ".join(line.split()), file=sys.stderr)
    return code
