"""Where limner meets diffusers: which folders it leaves to it, and on what conditions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from limner.bundle import layout
from limner.bundle.identity import identity
from limner.bundle.noise import read_schedule
from limner.bundle.pixels import out_of_memory
from limner.bundle.place import PICKLES
from limner.bundle.source import Folder, network, understood
from limner.bundle.weights import weights
from limner.errors import LimnerError

LIBRARIES = ("diffusers", "transformers")
CONFIGURED = {"text_encoder", "text_encoder_2", "transformer", "unet", "vae", "scheduler"}  # whose config.json must be


def stranger(folder: Path) -> str | None:
    """The class of a diffusers folder's pipeline where limner's own networks do not read it; None where they do.

    None as well where it is no whole diffusers folder: `open_bundle` says what is wrong with it.
    """
    if not (folder / "model_index.json").is_file():
        return None
    index, source = layout.read_json(folder / "model_index.json"), Folder(folder)
    kind = index.get("_class_name")
    try:
        for part in CONFIGURED & index.keys():
            if index[part] != [None, None]:
                source.config(part)
    except LimnerError:
        return None
    try:
        for part in source.parts():
            network(source, part)
        understood(source, "scheduler", read_schedule)
    except LimnerError:
        return kind if isinstance(kind, str) else str(kind)
    return None


def library(folder: Path) -> Any:
    """diffusers; LimnerError where it is not installed."""
    try:
        import diffusers
        import transformers  # noqa: F401 - whose text towers and tokenizers most pipelines have
    except ImportError as fault:
        raise LimnerError(
            f"{folder} is a {stranger(folder)}, drawn through diffusers, and {fault.name} is not installed",
            "run pip install diffusers transformers",
        ) from fault
    return diffusers


def harmless(folder: Path, diffusers: Any) -> str:
    """The pipeline's class; LimnerError unless it and all components are the installed libraries' own."""
    file = folder / "model_index.json"
    index = layout.read_json(file)
    kind = index.get("_class_name")
    named = {part: said for part, said in index.items() if isinstance(said, list) and said != [None, None]}
    strange = [
        str(said)
        for part, said in named.items()
        if part == "_class_name" or (said[0] not in LIBRARIES and not hasattr(diffusers.pipelines, str(said[0])))
    ]
    mapped = [str(each) for each in sorted(folder.rglob("*config.json")) if "auto_map" in layout.read_json(each)]
    if strange or mapped or not isinstance(kind, str):
        what = ", ".join([*strange, *mapped]) or str(kind)
        raise LimnerError(
            f"{file} asks for code that comes with the model ({what})", "limner never runs such code: get another model"
        )
    return kind


def signature(folder: Path) -> str:
    """The identity of all components' tensors; LimnerError where one has a pickle in their place."""
    parts = [part for part in folder.iterdir() if part.is_dir()]
    found = {
        part.name: weights(part)
        for part in parts
        if any(file.suffix in (".safetensors", *PICKLES) for file in part.iterdir())
    }
    held = {name: (each.named, each.read()) for name, each in found.items()}
    return identity(held, [file for each in found.values() for file in each.files])


def variant(folder: Path) -> str | None:
    """`fp16` where the weights are there in that variant alone."""
    files = [file.name for file in folder.glob("*/*.safetensors")]
    return "fp16" if files and all(".fp16." in name for name in files) else None


@contextmanager
def silence() -> Iterator[None]:
    """Without the libraries' warnings and notices: what limner has to say of them it says itself."""
    from diffusers.utils import logging as theirs
    from transformers.utils import logging as others

    levels = theirs.get_verbosity(), others.get_verbosity()
    theirs.set_verbosity(theirs.ERROR)
    others.set_verbosity(theirs.ERROR)
    for bar in (theirs, others):
        bar.disable_progress_bar()
    try:
        with catch_warnings():
            simplefilter("ignore")
            yield
    finally:
        theirs.set_verbosity(levels[0])
        others.set_verbosity(levels[1])


@contextmanager
def blaming(folder: Path) -> Iterator[None]:
    """What diffusers raises becomes a LimnerError that names the folder, but for a lack of memory."""
    try:
        yield
    except Exception as fault:
        if isinstance(fault, LimnerError) or out_of_memory(fault):
            raise
        line = (str(fault).strip().splitlines() or [""])[0]
        said = f"{type(fault).__name__}: {line}"
        raise LimnerError(f"{folder}: diffusers says {said}", "its documentation may help") from fault
