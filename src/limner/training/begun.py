"""A workshop keeps the model that it began with: what it does not train itself is that model's, whoever calls later."""

import shutil
from pathlib import Path

from limner.bundle import Bundle, open_bundle
from limner.errors import LimnerError

FOLDER = "begun"


def keep(folder: Path, model: Bundle) -> None:
    """A copy of the model in the workshop's folder, unless it is there; a single file is not copied.

    LimnerError where the workshop began with another model.
    """
    kept = folder / FOLDER
    if model.folder == kept:
        return
    if kept.exists():
        if open_bundle(kept).identity != model.identity:
            raise LimnerError(f"{folder} began with another model", "leave out --from, or choose another --out")
    elif model.folder.is_dir():
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(model.folder, part)
        part.rename(kept)


def remembered(folder: Path) -> Bundle | None:
    """The model that the workshop began with, if with one."""
    return open_bundle(folder / FOLDER) if (folder / FOLDER).exists() else None
