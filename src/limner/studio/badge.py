"""The token by which workers from elsewhere are let into a studio without accounts: drawn once, read by its owner."""

import os
from pathlib import Path
from secrets import token_urlsafe

BADGE = "worker.token"


def badge(folder: Path) -> None:
    """There is one in this folder from the studio's first start on, which nobody else can read."""
    try:
        number = os.open(folder / BADGE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with open(number, "w", encoding="ascii") as file:
        file.write(f"limner_{token_urlsafe(32)}\n")  # so called that a scanner finds one that was published
