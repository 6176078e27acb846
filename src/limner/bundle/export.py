"""A model is passed on as a folder that diffusers opens, with its licence, its restrictions and where it came from."""

import shutil
from dataclasses import asdict
from pathlib import Path

from limner.bundle import acceptance, catalogue
from limner.bundle.kind import declared_licence
from limner.bundle.layout import read_json, write_json
from limner.bundle.place import copy, scratch
from limner.errors import LimnerError
from limner.network.config import Json

KEPT = ("model_index.json", "README.md", "limner.json")


def export(model: str, folder: Path) -> Path:
    """Write a model into a new folder; LimnerError if there is one, or the licence was not accepted here."""
    path = catalogue.find(model)
    acceptance.require(model)
    if folder.exists():
        raise LimnerError(f"{folder} is there", "choose a new folder")
    if path.is_file():
        raise LimnerError(f"{path} is a single file, which goes as it is", "copy it")
    index = read_json(path / "model_index.json")
    with scratch(folder.absolute().parent) as place:
        whole = place / folder.name
        whole.mkdir()
        for name in (*KEPT, *(part for part in index if (path / part).is_dir())):
            if (path / name).exists():
                copy(path / name, whole / name)
        label(whole, model, path)
        shutil.move(whole, folder)
    return folder


def label(folder: Path, model: str, path: Path) -> None:
    """Put licence and origin beside exported weights: `LICENSE` for people, `limner.json` for programs."""
    terms, noted, file = acceptance.licence(model), catalogue.entry(model), folder / "limner.json"
    about: dict[str, Json] = read_json(file) if file.exists() else {}
    about["licence"] = terms.name if terms else declared_licence(path) or "unknown"
    if terms:
        about["restrictions"] = list(terms.restrictions)
        about["licence_text"] = terms.url
        texts = [each.read_text(encoding="utf-8", errors="replace") for each in sorted(path.glob("LICENSE*"))]
        (folder / "LICENSE").write_text("\n\n".join([terms.text(), *texts]), encoding="utf-8")
    if noted:
        about["source"] = noted.origin or noted.label
        about["identity"] = noted.identity
    write_json(file, about)


def metadata(model: str) -> dict[str, str]:
    """What a single file's `__metadata__` tells of its licence: strings only."""
    terms, noted = acceptance.licence(model), catalogue.entry(model)
    told = (
        {"licence": terms.name, "licence_text": terms.url, "restrictions": "; ".join(terms.restrictions)}
        if terms
        else {}
    )
    source = {key: str(value) for key, value in asdict(noted).items() if key in ("origin", "label")} if noted else {}
    return told | {key: value for key, value in source.items() if value}
