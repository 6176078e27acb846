"""A file is whole or is not there, and takes nobody's name."""

import errno
import os
import re
from pathlib import Path
from secrets import token_hex

from limner.errors import LimnerError


def deposit(data: bytes, folder: Path, ending: str) -> Path:
    """The path of a new file with these bytes, called by the folder's next free number: `00001` + ending."""
    taken = (re.match(r"\d{5,}", path.name) for path in folder.iterdir())
    number = max((int(match[0]) for match in taken if match), default=0)
    while True:
        number += 1
        path = folder / f"{number:05}{ending}"
        try:
            place(data, path)
        except FileExistsError:
            continue
        return path


def place(data: bytes, path: Path) -> None:
    """A whole new file or none, through a crash and a full disk; FileExistsError where the name is taken."""
    part = path.with_name(f".{token_hex(8)}.part")
    try:
        try:
            with open(part, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _christen(part, path)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as fault:
        full = fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "free some space or choose another folder" if full else "choose a folder that you may write to"
        raise LimnerError(f"cannot write {path}: {fault.strerror or fault}", remedy) from fault


def prepare(folder: Path) -> None:
    """Makes the folder if need be; LimnerError unless a file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise LimnerError(f"cannot make {folder}: {fault.strerror}", "choose a folder that you may write to") from fault
    trial = folder / f".{token_hex(8)}.trial"
    place(b"limner", trial)
    trial.unlink()


def _christen(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: claim the name first
        path.touch(exist_ok=False)
        part.replace(path)
