"""A model gets a name: opened strictly, then noted in one step, where it lies or as a copy of limner's own."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from limner.bundle import catalogue
from limner.bundle.bundle import found, open_bundle
from limner.bundle.catalogue import Entry
from limner.bundle.kind import declared_licence, kind, licence_of
from limner.bundle.published import licences, quoted
from limner.bundle.whole import copy, move_new, scratch, write_new
from limner.errors import LimnerError

CHECKPOINTS = (
    "models/Stable-diffusion", "models/checkpoints", "Stable-diffusion", "checkpoints", "models/diffusers", "diffusers"
)  # fmt: skip
"""Where AUTOMATIC1111's web UI, ComfyUI and InvokeAI keep models, within their own folders."""


def described(name: str, path: Path) -> Entry:
    """What can be said of a model without reading its weights; LimnerError naming what is wrong with it."""
    if not path.exists():
        raise LimnerError(f"{path} is gone", f"bring it back, or limner models remove {name}")
    source = found(path)
    said, looks = declared_licence(source), kind(source)
    terms = licence_of(said, looks.label)
    about = terms.key if terms else said
    return Entry(name, str(path), looks.label, looks.family, looks.prediction, looks.side, about)


def checked_name(name: str) -> str:
    """A name that is free and can be a file's; LimnerError otherwise."""
    if not catalogue.NAME.fullmatch(name):
        raise LimnerError(
            f"{name!r} is no name for a model",
            "up to 64 letters, digits, dots, dashes and underlines, such as my-model",
        )
    if name in catalogue.known() or catalogue.note(name).exists():
        raise LimnerError(f"the name {name} is taken", f"choose another with --name, or limner models remove {name}")
    return name


def named_after(path: Path) -> str:
    """The name that a folder or file suggests."""
    stem = placed(path).stem if path.is_file() else placed(path).name
    kept = "".join(letter if (letter.isalnum() and letter.isascii()) or letter in "._-" else "-" for letter in stem)
    return kept.strip("._-")[:64] or "model"


def placed(path: Path) -> Path:
    """Where a path leads from the root, with the names of links as they stand: a cache's name nobody would know."""
    return Path(os.path.abspath(path))


def add(path: Path, name: str | None = None, copied: bool = False) -> Entry:
    """Give the model at `path` a name.  It stays where it is, unless it shall be `copied` into the models folder.

    Raises LimnerError, with nothing noted, for what `open_bundle` refuses, a name that is taken or cannot be one, and
    a copy for which there is no room.
    """
    if not path.exists():
        raise LimnerError(f"{path} is not there", "give the path of a diffusers folder or of a safetensors file")
    catalogue.refuse_pickle(path)
    if path.is_file() and path.suffix != ".safetensors":
        raise LimnerError(
            f"{path} is no safetensors file by its name", "give the path of one, or of a diffusers folder"
        )
    about = examined(checked_name(named_after(path) if name is None else name), placed(path))
    if not copied:
        return noted(about)
    with scratch(catalogue.home() / "fetching") as place:
        whole = place / (about.name if path.is_dir() else f"{about.name}.safetensors")
        copy(path, whole)
        return settle(whole, about)


def examined(name: str, path: Path) -> Entry:
    """The entry of a model that was opened strictly."""
    identity = open_bundle(path).identity
    return replace(described(name, path), identity=identity, added=date.today().isoformat())


def settle(whole: Path, about: Entry) -> Entry:
    """Move a whole model into the models folder, and note it; LimnerError if somebody took its name meanwhile."""
    place = catalogue.shelf() / (f"{about.name}.safetensors" if whole.is_file() else about.name)
    try:
        move_new(whole, place)
    except OSError as fault:
        raise LimnerError(
            f"{place} cannot be made: {fault.strerror or 'it is there'}", "choose another name with --name"
        ) from None
    try:
        return noted(replace(about, path=str(place), own=True))
    except BaseException:
        place.rename(whole)  # somebody noted another model under this name in between, or the disk is full
        raise


def noted(about: Entry) -> Entry:
    """Write the note, which is what makes a name known."""
    try:
        write_new(catalogue.note(about.name), about.to_json())
    except FileExistsError:
        raise LimnerError(f"the name {about.name} is taken", "choose another with --name") from None
    return about


def checkpoints(folder: Path) -> list[Path]:
    """The models in another program's folder, however deep, or right in a folder; empty where there are none."""
    places = [folder / each for each in CHECKPOINTS if (folder / each).is_dir()]
    return sorted(each for place in places for each in _under(place)) or list(catalogue.lying(folder).values())


def _under(place: Path) -> list[Path]:
    if (place / "model_index.json").exists():
        return [place]
    found = [each for each in place.iterdir() if not each.name.startswith(".")]
    files = [each for each in found if each.suffix == ".safetensors" and each.is_file()]
    return files + [deep for each in found if each.is_dir() and not each.is_symlink() for deep in _under(each)]


def removed(name: str) -> Entry:
    """Forget a model that was added, and delete its files if they are limner's own.

    LimnerError for a name nobody bears, and for models that were not added: what ships, and what somebody put there.
    """
    try:
        about = catalogue.entry(name)
    except LimnerError:  # a damaged note points nowhere
        about = Entry(name, "")
    if about is None:
        catalogue.find(name)
        lies = catalogue.known().get(name, Path(name))
        remedy = "it ships with limner" if lies.parent == catalogue.SHIPPED else f"{lies} is yours to delete"
        raise LimnerError(f"{name} was not added by name", remedy)
    if about.own and Path(about.path).exists():
        with scratch(catalogue.home() / "fetching") as bin_:
            Path(about.path).rename(bin_ / "gone")  # in one step: nobody finds half a model
    catalogue.note(name).unlink(missing_ok=True)
    return about


def bytes_in(path: Path) -> int:
    """The size of a model's files, those that links lead to included."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in files)


def matches(sums: Mapping[str, str]) -> Iterator[str]:
    """What is known of files by their sha256: `FILE is LABEL's FILE, as quoted by ...`."""
    for file, sha256 in sums.items():
        if found := quoted(sha256):
            label, theirs, said = found
            yield f"{file} is {label}'s {theirs}, by the sha256 that {said.by} quotes"


@dataclass(frozen=True, slots=True)
class Listed:
    """A model of the list; `fault` says what is wrong with it, `foreign` who else draws with it and what he cannot."""

    name: str
    folder: str
    megabytes: float
    label: str = ""
    family: str = ""
    prediction: str = ""
    identity: str = ""
    licence: str = ""
    size: str = ""
    own: bool = False
    foreign: str = ""
    fault: str = ""


def listed() -> Iterator[Listed]:
    """Every model that has a name, by what its configs and its note say."""
    paths: dict[str, Path | None] = dict.fromkeys(catalogue.added()) | catalogue.known()
    for name, path in paths.items():
        try:
            about = catalogue.entry(name)
            here = catalogue.find(name)
            about = about or described(name, here)
            found(here).files()  # there at all
        except LimnerError as wrong:
            yield Listed(name, str(path or ""), 0.0, fault=str(wrong))
            continue
        size = f"{about.size}x{about.size}" if about.size else ""
        yield Listed(
            name, about.path, round(bytes_in(here) / 1e6, 1), about.label, about.family, about.prediction,
            about.identity or own_identity(here), called(about.licence), size, about.own,
        )  # fmt: skip


def own_identity(path: Path) -> str:
    """The identity that a model claims for itself, where it does."""
    return str(found(path).config("limner")[1].get("identity", ""))


def called(licence: str) -> str:
    """A licence's name, by its key or as the model said it."""
    known = licences().get(licence)
    return known.name if known else licence
