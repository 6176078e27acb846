"""A model is passed on as a folder or a single file, with its licence, its restrictions and where it came from."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from limner.bundle import acceptance, catalogue
from limner.bundle.bundle import found
from limner.bundle.kind import declared_licence
from limner.bundle.save import save_folder
from limner.bundle.single import write_single
from limner.bundle.source import Source
from limner.bundle.whole import copy, scratch
from limner.errors import LimnerError
from limner.network.config import Json
from limner.text.tokenizer import Tokenizer

BESIDE = ("README.md", "clip", "tiny_decoder")


@dataclass(frozen=True, slots=True)
class Told:
    """A source that says other things of itself."""

    source: Source
    own: dict[str, Json]

    @property
    def path(self) -> Path:
        return self.source.path

    def parts(self) -> tuple[str, ...]:
        return self.source.parts()

    def config(self, part: str) -> tuple[Path, dict[str, Json]]:
        return (self.path, self.own) if part == "limner" else self.source.config(part)

    def tensors(self, part: str) -> tuple[Path, dict[str, Tensor]]:
        return self.source.tensors(part)

    def tokenizer(self, part: str) -> Tokenizer:
        return self.source.tokenizer(part)

    def files(self) -> tuple[Path, ...]:
        return self.source.files()


def export(model: str, to: Path) -> Path:
    """Write a model into a new folder, or into a new single file where `to` ends in `.safetensors`.

    Its licence goes along: in the folder as `LICENSE` for people and in `limner.json` for programs, in the file in its
    metadata.  LimnerError where something is there already, or the licence was not accepted here.
    """
    source = found(catalogue.find(model))
    acceptance.require(model)
    if to.exists():
        raise LimnerError(f"{to} is there", "choose a new name")
    told = Told(source, {**source.config("limner")[1], **about(model, source)})
    with scratch(to.absolute().parent) as place:
        whole = place / to.name
        if to.suffix == ".safetensors":
            write_single(told, whole)
        else:
            save_folder(told, whole)
            _beside(model, source.path, whole)
        whole.rename(to)
    return to


def about(model: str, source: Source) -> dict[str, Json]:
    """Licence and origin of a model, for programs."""
    terms, noted = acceptance.licence(model), catalogue.entry(model)
    told: dict[str, Json] = {"licence": terms.name if terms else declared_licence(source) or "unknown"}
    if terms and terms.asks:
        told |= {"licence_text": terms.url, "restrictions": list(terms.restrictions)}
    if noted:
        told |= {"source": noted.origin or noted.label, "identity": noted.identity}
    return told


def _beside(model: str, path: Path, folder: Path) -> None:
    """The licence's page, those that came with the model, and what else belongs to it."""
    terms, came = acceptance.licence(model), sorted(path.glob("LICENSE*")) if path.is_dir() else []
    texts = [each.read_text(encoding="utf-8", errors="replace") for each in came]
    if pages := [*([terms.text()] if terms else []), *texts]:
        (folder / "LICENSE").write_text("\n\n".join(pages), encoding="utf-8")
    for name in BESIDE:
        if (path / name).exists():
            copy(path / name, folder / name)
