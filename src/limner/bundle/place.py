"""Where limner keeps what users add, and what may be read from there."""

from pathlib import Path

from limner.errors import LimnerError
from limner.home import home as home

PICKLES = (".bin", ".ckpt", ".pt", ".pth")


def typed(text: str | Path) -> Path:
    """The path that somebody wrote, `~` being their home; LimnerError for an empty one, and for nobody's home."""
    if not str(text):
        raise LimnerError("a name or a path is empty", "give one")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise LimnerError(f"{text} begins with nobody's home", "write the path out") from None


def inside(file: Path) -> Path:
    """The file; LimnerError if it stands in the models folder and leads out of it.

    Whoever may put a model there is not thereby allowed to have any file of the machine read.
    """
    models = (home() / "models").absolute()
    if file.absolute().is_relative_to(models) and leads_out(file, models):
        raise LimnerError(f"{file} leads out of {models}", "put the file itself there")
    return file


def leads_out(path: Path, place: Path) -> bool:
    """Whether links lead from a path to outside of a place, or in circles."""
    try:
        return not path.resolve().is_relative_to(place.resolve())
    except (OSError, RuntimeError):
        return True


def pickled(file: Path, remedy: str) -> LimnerError:
    """Why a file that is a pickle by its ending is not read."""
    return LimnerError(
        f"{file} is a pickle, which runs whatever code its maker put into it, and is never loaded", remedy
    )
