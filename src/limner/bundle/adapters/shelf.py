"""Where a user's adapters lie: LIMNER_HOME/loras and LIMNER_HOME/embeddings, found by name or by hash."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from limner.bundle.adapters.reading import embedding_mark, lora_mark
from limner.bundle.place import PICKLES, home, leads_out, typed
from limner.errors import LimnerError

Kind: TypeAlias = Literal["lora", "embedding"]
ENDING = ".safetensors"
MARKS: Mapping[Kind, Callable[[Path], str]] = {"lora": lora_mark, "embedding": embedding_mark}


def shelf(kind: Kind) -> Path:
    """The folder for adapters of this kind."""
    return home() / f"{kind}s"


def shelved(kind: Kind) -> list[Path]:
    """The files on the shelf, in its folders, too; LimnerError for a link that leads out of it."""
    folder = shelf(kind)
    files = sorted(path for path in folder.rglob(f"*{ENDING}") if path.is_file())
    for path in files:
        if leads_out(path, folder):
            raise LimnerError(f"{path} is a link out of {folder}", "put the file itself there, or give its path")
    return files


def named(kind: Kind, name: str) -> Path:
    """The adapter of this name on the shelf; LimnerError where there is none, or several."""
    files = shelved(kind)
    found = [path for path in files if path.stem.casefold() == name.casefold()]
    exact = [path for path in found if path.stem == name] or found
    if not exact:
        there = ", ".join(dict.fromkeys(path.stem for path in files)) or "nothing"
        raise LimnerError(f"{kind} {name!r} is not known", f"{shelf(kind)} holds {there}; or give a file's path")
    if len(exact) > 1:
        raise LimnerError(f"{kind} {name!r} could be {exact[0]} or {exact[1]}", "give the path of one")
    return exact[0]


def find(kind: Kind, name: str) -> Path:
    """An adapter by the path of its file, or by its name on the shelf, which may have dots."""
    path = typed(name)
    told = path.is_file() or path.suffix in (ENDING, *PICKLES) or len(path.parts) > 1
    return path if told else named(kind, name)


def marked(kind: Kind, mark: str, name: str) -> Path | None:
    """The file on the shelf with this hash, whatever it is called now; those of this name are looked at first."""
    for path in sorted(shelved(kind), key=lambda path: path.stem != name):
        if MARKS[kind](path) == mark:
            return path
    return None
