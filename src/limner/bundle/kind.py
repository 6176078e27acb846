"""What kind of model lies somewhere, from its configs alone: its family, what its network predicts, its size."""

from dataclasses import dataclass
from pathlib import Path

from limner.bundle import layout
from limner.bundle.published import Licence, licence_named, published
from limner.bundle.source import Source, understood
from limner.network.config import AutoencoderConfig, UNetConfig

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


def kind(source: Source) -> Kind:
    """The kind of a model, whose weights are not read; LimnerError for one of no known architecture."""
    unet, vae = understood(source, "unet", UNetConfig.read), understood(source, "vae", AutoencoderConfig.read)
    told = unet.added_dim is not None
    family = FAMILIES.get((unet.context_dim, told), "") if unet.widths[0] == WIDTH else ""
    prediction = str(source.config("scheduler")[1].get("prediction_type", "epsilon"))
    return Kind(family, prediction, unet.sample_size * vae.factor)


def declared_licence(source: Source) -> str:
    """What a model says of its own licence: in `limner.json`, in its file's metadata, in its card; empty if nothing."""
    said = source.config("limner")[1].get("licence")
    if said or source.path.is_file():
        return str(said or layout.header(source.path)[1].get("modelspec.license", ""))
    return card_licence(source.path / "README.md")


def card_licence(card: Path) -> str:
    """The `license:` in the front matter of a model's card; empty where there is none."""
    try:
        text = card.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    head = text.split("---", 2)[1] if text.startswith("---") and text.count("---") > 1 else ""
    said = [line.partition(":")[2] for line in head.splitlines() if line.startswith("license:")]
    return "".join(said[:1]).strip()


def licence_of(declared: str, label: str) -> Licence | None:
    """The licence of weights: their own, or that of the model they are built like, which binds its heirs."""
    own = licence_named(declared) if declared else None
    return own or (published()[label].licence if label and not declared else None)
