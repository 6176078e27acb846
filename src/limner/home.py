"""The folder in which limner keeps what users bring, and what it makes for them."""

import os
from pathlib import Path


def home() -> Path:
    """Where limner keeps what users add: $LIMNER_HOME, else ~/.limner."""
    return Path(os.environ.get("LIMNER_HOME") or Path.home() / ".limner")
