"""A course calls a model by its label, whatever its file is called: by its identity, its file's hash or its name."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from limner.coursework.spec import Spec
from limner.home import home
from limner.metadata import Reading

SHORT = 10  # hexadecimal digits by which other programs tell a file


def label(spec: Spec, reading: Reading) -> str | None:
    """The assignment's own word for the model that made a picture; None where it has none."""
    identity = reading.recipe.model if reading.recipe else ""
    hashed = reading.settings.get("Model hash", "").casefold()[:SHORT]
    noted = _noted().get(identity, "") if identity else ""
    for name in (noted, reading.model, _published().hashes.get(hashed, "")):
        for said in filter(None, (name, _published().names.get(bare(name), ""))):
            if found := next((each for each in spec.models if bare(each) == bare(said)), None):
                return found
    return None


def bare(name: str) -> str:
    """A model's name without folders, a weights file's suffix and what people write differently."""
    last = re.split(r"[\\/]", name)[-1] if "://" not in name else name
    return re.sub(r"[\W_]", "", re.sub(r"\.(safetensors|ckpt)$", "", last.casefold()))


@dataclass(frozen=True, slots=True)
class _Published:
    """What the published models are called, by their labels, and how the sha256 of their single files begins."""

    names: Mapping[str, str]
    hashes: Mapping[str, str]


@cache
def _published() -> _Published:
    """Read as data: the code around it needs torch."""
    table = tomllib.loads(files("limner").joinpath("bundle", "models.toml").read_text(encoding="utf-8"))
    names, hashes = dict[str, str](), dict[str, str]()
    for label, model in table["models"].items():
        sums = {file: said["is"] for file, said in model.get("sha256", {}).items() if "/" not in file}
        for source in model.get("sources", []):
            names |= {bare(source["hub"]): label, bare(source.get("file", "")): label}
        names |= {bare(file): label for file in sums}
        hashes |= {digest[:SHORT]: label for digest in sums.values()}
    return _Published({name: label for name, label in names.items() if name}, hashes)


def _noted() -> Mapping[str, str]:
    """Labels by the identities of the models that were added on this machine; a note that is damaged says nothing."""
    found = dict[str, str]()
    for file in sorted((home() / "models").glob("*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            found[str(said["identity"])] = str(said["label"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return found
