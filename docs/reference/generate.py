"""The reference of all commands, written down from their own parsers: `make reference`."""

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from limner.cli import COMMANDS, Parser

HEAD = """# Commands

Written by `make reference` from the commands' own parsers. Exit codes: 0 done, 1 done and something was found wanting,
2 could not be done (one line on stderr says what, where and the remedy).
"""


def reference() -> str:
    """The whole page, in Markdown."""
    sections = (section for name in COMMANDS for section in described(parser(name), COMMANDS[name]))
    return "\n".join([HEAD, *sections])


def parser(name: str) -> Parser:
    """A command's parser, as the command line makes it."""
    made = Parser(prog=f"limner {name}", allow_abbrev=False)
    import_module(f"limner.cli.{name}").flags(made)
    return made


def described(command: argparse.ArgumentParser, line: str) -> Iterator[str]:
    """The command's section, and one for each job that it divides into."""
    actions = [action for action in command._actions if not isinstance(action, argparse._HelpAction)]
    divided = [action for action in actions if isinstance(action, argparse._SubParsersAction)]
    rows = [row(spelled(action), meaning(action, command)) for action in actions if action not in divided]
    table = ["| | |", "|---|---|", *rows, ""] if rows else []
    yield "\n".join([f"## {command.prog}", "", f"{line[0].upper()}{line[1:]}.", "", *table])
    for action in divided:
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, job in action.choices.items():
            yield from described(job, helps[name])


def spelled(action: argparse.Action) -> str:
    """The argument as one types it."""
    value = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
    value = f"{value} ..." if action.nargs == "+" else str(value)
    if not action.option_strings:
        return value
    flag = ", ".join(action.option_strings)
    return flag if action.nargs == 0 else f"{flag} {value}"


def meaning(action: argparse.Action, command: argparse.ArgumentParser) -> str:
    return (action.help or "") % {**vars(action), "prog": command.prog}


def row(typed: str, meant: str) -> str:
    """A line of a table, in which a bar has to be escaped even in code."""
    return " | ".join(["", *(cell.replace("|", "\\|") for cell in (f"`{typed}`", meant)), ""]).strip()


if __name__ == "__main__":
    Path(__file__).with_name("commands.md").write_text(reference(), encoding="utf-8")
