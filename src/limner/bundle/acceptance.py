"""A licence with terms is accepted once by whoever draws, and goes along with whatever is passed on."""

import json
from datetime import date
from pathlib import Path

from limner.bundle import catalogue
from limner.bundle.bundle import found
from limner.bundle.kind import declared_licence, kind, licence_of
from limner.bundle.published import Licence, licence_named, licences, published
from limner.bundle.whole import write_whole
from limner.errors import LimnerError


def licence(model: str) -> Licence | None:
    """The licence a model comes under, by its name, label or path; None where nothing is known of it.

    LimnerError where there is no such model.
    """
    noted = catalogue.entry(model)
    said = noted.licence if noted else ""
    if said:
        return licences().get(said) or licence_named(said)
    if model in published():
        return published()[model].licence
    path = catalogue.find(model)
    source = found(path)
    return licence_of(declared_licence(source), kind(source).label if path.parent == catalogue.shelf() else "")


def accepted(terms: Licence) -> bool:
    """Whether these very terms were accepted here; terms that do not ask always are."""
    if not terms.asks:
        return True
    try:
        said = json.loads(_file(terms).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("sha256") == terms.digest


def accept(terms: Licence, model: str) -> None:
    """Write down that they were, when, and for which model one was asked."""
    said = {"licence": terms.name, "sha256": terms.digest, "accepted": date.today().isoformat(), "for": model}
    write_whole(_file(terms), json.dumps(said, indent=2) + "\n")


def require(model: str) -> None:
    """LimnerError if the model's licence asks to be accepted and was not."""
    terms = licence(model)
    if terms is not None and not accepted(terms):
        raise LimnerError(
            f"{model} comes under {terms.name}, which is not accepted here yet",
            f"limner models accept {model} shows its terms and accepts them, once",
        )


def _file(terms: Licence) -> Path:
    return catalogue.home() / "licences" / f"{terms.key}.json"
