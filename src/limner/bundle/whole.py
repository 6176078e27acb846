"""Files appear whole or not at all: written beside their place, then put there in one step."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from limner.bundle.place import PICKLES
from limner.errors import LimnerError


def write_whole(file: Path, text: str) -> None:
    """Write a file, over one that is there."""
    with _beside(file, text) as made:
        made.replace(file)


def write_new(file: Path, text: str) -> None:
    """Write a file that nobody has; FileExistsError if somebody was faster."""
    with _beside(file, text) as made:
        try:
            os.link(made, file)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: the step is not one, the check is
            with file.open("x", encoding="utf-8") as out:
                out.write(text)


def move_new(source: Path, target: Path) -> None:
    """Move a file or a folder to where nothing is, in one step; OSError if something is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        try:
            os.link(source, target)  # a rename would replace a file, but never a folder that holds something
            return source.unlink()
        except FileExistsError:
            raise
        except OSError:
            pass  # no hard links here: the step is not one, the check is
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


@contextmanager
def _beside(file: Path, text: str) -> Iterator[Path]:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=file.parent)
    made = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        made.chmod(0o644)
        yield made
    finally:
        made.unlink(missing_ok=True)


@contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """A folder beside the models for what is not whole yet, gone afterwards whatever happens."""
    place.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=place))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def copy(source: Path, target: Path) -> None:
    """Copy a folder or a file, following its links and leaving pickles behind.

    LimnerError where the disk is full or something cannot be read.
    """
    try:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*(f"*{ending}" for ending in PICKLES)))
        else:
            shutil.copyfile(source, target)
    except shutil.Error as faults:
        where, _, why = faults.args[0][0]
        raise LimnerError(
            f"{where} cannot be copied: {why}", "nothing was added; free some space or mind rights"
        ) from None
    except OSError as fault:
        where = fault.filename or source
        raise LimnerError(
            f"{where} cannot be copied: {fault.strerror}", "nothing was added; without --copy it stays where it is"
        ) from None
