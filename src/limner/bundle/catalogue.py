"""Which models there are, and where: the one that ships, those in the models folder, and any folder by its path."""

from pathlib import Path

from limner.bundle.place import home as home
from limner.errors import LimnerError

SHIPPED = Path(__file__).parent.parent / "models"
DEFAULT = "limner-mini"


def known() -> dict[str, Path]:
    """Every model that can be called by a name."""
    out = dict[str, Path]()
    for place in (home() / "models", SHIPPED):
        if place.is_dir():
            out |= {folder.name: folder for folder in sorted(place.iterdir()) if (folder / "model_index.json").exists()}
    return out


def find(name: str) -> Path:
    """The folder of a model, by its name or its path.

    Raises LimnerError for a name nobody bears, listing those that are known, and for a pickle checkpoint.
    """
    models, path = known(), Path(name).expanduser()
    if name in models:
        return models[name]
    if path.suffix in (".ckpt", ".pt", ".pth", ".bin"):
        raise LimnerError(
            f"{name} is a pickle, which runs whatever code its maker put into it, and is never loaded",
            "get the same model as a diffusers folder with safetensors files",
        )
    if path.is_dir() or (path.is_file() and path.suffix == ".safetensors"):
        return path
    names = ", ".join(models) or "none"
    raise LimnerError(f"model {name!r} is not known", f"known are {names}; or give the path of a diffusers folder")
