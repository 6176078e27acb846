"""The folder in which limner keeps what users bring, and what it makes for them; and how a file comes to be there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex


def home() -> Path:
    """Where limner keeps what users add: $LIMNER_HOME, else ~/.limner."""
    return Path(os.environ.get("LIMNER_HOME") or Path.home() / ".limner")


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Where to write what is to be `file`, over one that is there; if that fails `file` is what it was.

    Whoever reads `file` sees the old one or the new one, and two who write it at once do not write into each other's.
    """
    part = file.with_name(f".{file.name}.{token_hex(4)}")  # without its ending, so that nobody takes it for one
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
