"""Which models are here, and where: the one that ships, those in the models folder, and those added by a name."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from pathlib import Path

from limner.bundle.place import PICKLES, leads_out, pickled, typed
from limner.bundle.place import home as home
from limner.bundle.published import published
from limner.errors import LimnerError
from limner.recipe import Value

SHIPPED = Path(__file__).parent.parent / "models"
DEFAULT = "limner-mini"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of a model that was added, as `models/NAME.json`.

    `label` is the published model it is built like, `licence` a key of `models.toml` or what the model calls its own,
    `own` whether its files are limner's to delete, `origin` where they came from, `sha256` what each file then was.
    """

    name: str
    path: str
    label: str = ""
    family: str = ""
    prediction: str = ""
    size: int = 0
    licence: str = ""
    identity: str = ""
    own: bool = False
    origin: str = ""
    added: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def shelf() -> Path:
    """The models folder: what lies in it is found, what was added elsewhere is noted in it."""
    return home() / "models"


def note(name: str) -> Path:
    """Where a model that was added is noted."""
    return shelf() / f"{name}.json"


def entry(name: str) -> Entry | None:
    """What is noted of a model, None if it was never added; LimnerError where the note is damaged."""
    if not NAME.fullmatch(name):
        return None
    file = note(name)
    try:
        noted = Entry(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as fault:
        raise _damaged(name, (str(fault).splitlines() or ["it cannot be read"])[0]) from fault
    usual = asdict(Entry("", ""))
    for key, value in asdict(noted).items():
        if type(value) is not type(usual[key]):
            raise _damaged(name, f"its {key} is {value!r}")
    place = Path(noted.path)
    if noted.own and (name not in (place.name, place.stem) or place.parent.resolve() != shelf().resolve()):
        raise _damaged(name, f"{noted.path}, which limner might delete, is not {name} in {shelf()}")
    return noted


def _damaged(name: str, why: str) -> LimnerError:
    return LimnerError(f"{note(name)} is damaged: {why}", f"limner models remove {name}, then add it again")


def added() -> Iterator[str]:
    """The names of the models that were added, sorted."""
    if shelf().is_dir():
        yield from sorted(file.stem for file in shelf().glob("*.json"))


def lying(place: Path) -> dict[str, Path]:
    """The models that lie in a folder: diffusers folders, and single files under their names without the ending."""
    if not place.is_dir():
        return {}
    found = [each for each in sorted(place.iterdir()) if not each.name.startswith(".")]
    files = {each.stem: each for each in found if each.suffix == ".safetensors" and each.is_file()}
    return files | {each.name: each for each in found if (each / "model_index.json").exists()}


def known() -> dict[str, Path]:
    """Every model that can be called by a name, and its folder or file, which may be gone."""
    out = lying(shelf()) | lying(SHIPPED)
    for name in added():
        try:
            noted = entry(name)
        except LimnerError:
            continue  # the list says so; the others can be used
        if noted is not None:
            out[name] = Path(noted.path)
    return out


def find(name: str) -> Path:
    """The folder or file of a model, by its name, its label or its path.

    Raises LimnerError for a name nobody bears, listing those that are known; for one whose files are gone or lead out
    of the models folder; for a label that is not here, or more than once; and for a pickle checkpoint.
    """
    if (noted := entry(name)) is not None:
        return _there(noted)
    models, path = known(), typed(name)
    if name in models:
        return within(models[name], shelf()) if models[name].parent == shelf() else models[name]
    refuse_pickle(path)
    if path.is_dir() or (path.is_file() and path.suffix == ".safetensors"):
        return path
    return labelled(name) if name in published() else _unknown(name, models)


def refuse_pickle(path: Path) -> None:
    """LimnerError for a file that is a pickle by its ending, whether it is there or not."""
    if path.suffix in PICKLES:
        raise pickled(path, "get the same model as a diffusers folder with safetensors files, or as one such file")


def labelled(label: str) -> Path:
    """The one model here that is built like a published one; LimnerError where there is none, or several."""
    notes = [each for each in map(readable, added()) if each is not None and each.label == label]
    if len(notes) == 1:
        return _there(notes[0])
    if notes:
        names = " or ".join(each.name for each in notes)
        raise LimnerError(f"{label} may be {names} here", "name the one you mean")
    raise LimnerError(
        f"{label} is not here", f"limner models fetch {label} downloads it; limner models add PATH finds it on a disk"
    )


def title(model: str, path: Path) -> str:
    """What a model is called: the name it was added under, else its folder's or file's."""
    noted = readable(model)
    return noted.name if noted else path.stem if path.is_file() else path.name


def defaults(model: str) -> Mapping[str, Value]:
    """What its published model likes best, where a model was added or fetched as one."""
    noted = readable(model)
    return published()[noted.label].defaults if noted and noted.label in published() else {}


def within(path: Path, place: Path) -> Path:
    """`path`, in which no link leads out of `place`; LimnerError otherwise."""
    for each in (path, *(path.rglob("*") if path.is_dir() else ())):
        if each.is_symlink() and leads_out(each, place):
            target = each.parent / os.readlink(each)
            raise LimnerError(
                f"{each} leads out of {place}",
                f"put the file itself there, or add where it leads by a name: limner models add {target}",
            )
    return path


def _there(noted: Entry) -> Path:
    path = Path(noted.path)
    if not path.exists():
        raise LimnerError(
            f"model {noted.name} was at {path}, which is gone", f"bring it back, or limner models remove {noted.name}"
        )
    return within(path, shelf()) if noted.own else path


def readable(name: str) -> Entry | None:
    """`entry`, to which a damaged note is none."""
    try:
        return entry(name)
    except LimnerError:
        return None


def _unknown(name: str, models: Mapping[str, Path]) -> Path:
    names = ", ".join(models) or "none"
    by_lower = {each.lower(): each for each in (*models, *published())}
    near = [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=2)]
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    raise LimnerError(
        f"model {name!r} is not known", f"{meant}known are {names}; or give the path of a diffusers folder or file"
    )
