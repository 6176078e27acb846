"""What kind of model lies somewhere, from its configs alone: its family, what its network predicts, its size."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from limner.bundle.layout import read_json
from limner.bundle.published import Licence, licence_named, published
from limner.bundle.source import Folder
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, Json, UNetConfig

FAMILIES = {(768, False): "SD 1", (1024, False): "SD 2", (2048, True): "SDXL"}
"""By the width of the text states that a network reads, and whether it is told sizes and crops besides."""
WIDTH = 320  # of all three families' finest level: a smaller network is none of them


@dataclass(frozen=True, slots=True)
class Kind:
    """`family` is empty for networks of other sizes; `side` in pixels is what a picture has where nobody says."""

    family: str
    prediction: str
    side: int

    @property
    def label(self) -> str:
        """The label of the published model that is built like this, or nothing: a fine-tune of it is built alike."""
        for each in published().values():
            if each.family and (each.family, each.prediction, each.size) == (self.family, self.prediction, self.side):
                return each.label
        return ""


def kind(config: Callable[[str], Mapping[str, Json]]) -> Kind:
    """The kind of a model whose configs are asked for by component; LimnerError for one of no known architecture."""
    unet, vae = UNetConfig.read(config("unet")), AutoencoderConfig.read(config("vae"))
    told = unet.added_dim is not None
    family = FAMILIES.get((unet.context_dim, told), "") if unet.widths[0] == WIDTH else ""
    prediction = str(config("scheduler").get("prediction_type", "epsilon"))
    return Kind(family, prediction, unet.sample_size * vae.factor)


def kind_of_folder(folder: Path) -> Kind:
    """The kind of a diffusers folder, whose weights are not read."""
    return kind(lambda part: Folder(folder).config(part)[1])


def declared_licence(folder: Path) -> str:
    """What a folder says of its own licence, in `limner.json` or in its card's front matter; empty if nothing."""
    try:
        said = read_json(folder / "limner.json").get("licence") if (folder / "limner.json").exists() else ""
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except (OSError, LimnerError):
        card = ""
    head = card.split("---", 2)[1] if card.startswith("---") and card.count("---") > 1 else ""
    in_card = [line.partition(":")[2] for line in head.splitlines() if line.startswith("license:")]
    return str(said or "") or "".join(in_card[:1]).strip()


def licence_of(declared: str, label: str) -> Licence | None:
    """The licence of weights: their own, or that of the model they are built like, which binds its heirs."""
    own = licence_named(declared) if declared else None
    return own or (published()[label].licence if label and not declared else None)
