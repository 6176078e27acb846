"""A whole model in one safetensors file, as CompVis's code and most tools since keep it: read and written exactly."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from limner.bundle import layout, ldm
from limner.bundle.families import (
    EXTRA,
    FAMILIES,
    SD1,
    SD2,
    SDXL,
    UNET,
    VAE,
    Family,
    family,
    looks,
    text_config,
    unet_config,
    vae_config,
)
from limner.bundle.noise import read_schedule, scheduler, written
from limner.bundle.source import Network, Source, network, understood
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, Json, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.text.clip import TextConfig
from limner.text.tokenizer import Tokenizer, published

NAMES = {"v": "v_prediction", "v_prediction": "v_prediction", "eps": "epsilon", "epsilon": "epsilon"}
V_SPREAD = 0.09
WIDE = 96  # side of a latent of the Stable Diffusion 2 that predicts v
OWN = "limner"  # under this key of a file's own metadata stands what `limner.json` says beside a folder


@dataclass(slots=True)
class Single:
    """A single file as a source of components.

    What it predicts is said by, in this order: `NAME.yaml` beside it (`parameterization: "v"`, as CompVis's
    configurations say it), an empty tensor `v_pred` in it, its metadata (`modelspec.prediction_type`), and else its
    family: noise, but for Stable Diffusion 2, of which the model for 768 pixels predicts v and the one for 512 noise,
    and no name tells them apart.  diffusers looks at the number of training steps, which most files lack; A1111 asks
    the network.  We look where ComfyUI does: the bias of the last self-attention's norm is spread wider than 0.09 in
    models of v.
    """

    path: Path
    shapes: Mapping[str, tuple[int, ...]] = field(init=False)
    told: Mapping[str, str] = field(init=False)
    family: Family = field(init=False)
    tables: dict[str, dict[str, ldm.Origin]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.shapes, self.told = layout.header(self.path)
        found = family(self.shapes)
        if found is None:
            kind = looks(self.shapes) or f"nothing known: it holds {next(iter(self.shapes), 'no tensor')}, ..."
            raise LimnerError(
                f"{self.path} looks like {kind}", f"a model in one file is of {', '.join(f.name for f in FAMILIES)}"
            )
        self.family = found

    def parts(self) -> tuple[str, ...]:
        parts = (*self.family.towers, "unet", "vae")
        claimed = {origin.key for part in parts for origin in self.table(part).values()}
        layers = text_config(self.shapes, SD2, "text_encoder")["num_hidden_layers"] if self.family is SD2 else None
        unread = f"{SD2.towers['text_encoder'].prefix}transformer.resblocks.{layers}."  # the last, which nobody reads
        for name in self.shapes:
            if name not in claimed and not EXTRA.fullmatch(name) and not name.startswith(unread):
                raise LimnerError(
                    f"{self.path}: tensor {name} belongs to no part of {self.family.name}",
                    "it is of another kind, or was saved with something beside the model",
                )
        return parts

    def config(self, part: str) -> tuple[Path, dict[str, Json]]:
        try:
            return self.path, self.described(part)
        except (KeyError, StopIteration) as error:
            raise LimnerError(f"{self.path}: tensor {error} is missing", "fetch it again") from None
        except (IndexError, ValueError) as error:
            raise LimnerError(
                f"{self.path}: the {part} has tensors that are not shaped as {self.family.name}'s: {error}",
                "fetch it again",
            ) from None

    def described(self, part: str) -> dict[str, Json]:
        if part == "limner":
            return layout.parsed(self.path, self.told.get(OWN, "{}"))
        if part == "scheduler":
            return scheduler(self.prediction(), "ztsnr" in self.shapes)
        if part == "unet":
            return unet_config(self.shapes, self.family) | {"sample_size": self.side()}
        if part == "vae":
            config = vae_config(self.shapes, self.family)
            return config | {"sample_size": self.side() * AutoencoderConfig.read(config).factor}
        return text_config(self.shapes, self.family, part)

    def side(self) -> int:
        """Of a latent as the network was trained: by the file's metadata, else by its family."""
        said = re.match(r"(\d{1,5})x\d+$", self.told.get("modelspec.resolution", ""))
        factor = AutoencoderConfig.read(vae_config(self.shapes, self.family)).factor
        if said and int(said[1]) >= factor:
            return int(said[1]) // factor
        return WIDE if self.family is SD2 and self.prediction() == "v_prediction" else self.family.side

    def prediction(self) -> str:
        """What the network was trained to say, as diffusers calls it."""
        beside = self.path.with_suffix(".yaml")
        if beside.is_file():
            text = beside.read_text(encoding="utf-8", errors="replace")
            said = re.search(r"^\s*parameterization:\s*[\"']?(\w+)", text, re.MULTILINE)
            return NAMES.get(said[1] if said else "eps", "epsilon")
        if "v_pred" in self.shapes:
            return "v_prediction"
        if (said_inside := self.told.get("modelspec.prediction_type")) in NAMES:
            return NAMES[str(said_inside)]
        return self.spread() if self.family is SD2 else "epsilon"

    def spread(self) -> str:
        config = UNetConfig.read(unet_config(self.shapes, self.family))
        last = len(config.widths) * (config.residuals + 1) - 1
        key = f"{UNET}output_blocks.{last}.1.transformer_blocks.0.norm1.bias"
        bias = layout.read_tensors(self.path, [key])[key].float()
        return "v_prediction" if float(bias.std(correction=0)) > V_SPREAD else "epsilon"

    def tensors(self, part: str) -> tuple[Path, dict[str, Tensor]]:
        table = self.table(part)
        kept = layout.read_tensors(self.path, {origin.key for origin in table.values()})
        return self.path, {name: origin.read(kept[origin.key]) for name, origin in table.items()}

    def table(self, part: str) -> dict[str, ldm.Origin]:
        """Where the part's tensors lie."""
        if part not in self.tables:
            self.tables[part] = table(self.family, part, network(self, part))
        return self.tables[part]

    def tokenizer(self, part: str) -> Tokenizer:
        _, config = self.config(part)
        words = config["max_position_embeddings"]
        assert isinstance(words, int)
        tokenizer = published(words, self.family.towers[part].pad)
        if config["vocab_size"] != tokenizer.vocab_size:
            raise LimnerError(
                f"{self.path}: its text tower knows {config['vocab_size']} tokens, CLIP's words are "
                f"{tokenizer.vocab_size}",
                "get the model as a folder, which brings its words",
            )
        return tokenizer

    def files(self) -> tuple[Path, ...]:
        return (self.path,)


def table(family: Family, part: str, net: Network) -> dict[str, ldm.Origin]:
    """Where a single file of this family keeps the network's tensors."""
    names = net.state_dict()
    if isinstance(net, UNet):
        prefix, plain = UNET, ldm.unet(net.config, names)
    elif isinstance(net, Autoencoder):
        prefix, plain = VAE, ldm.autoencoder(net.config, names)
    else:
        tower = family.towers[part]
        prefix, plain = tower.prefix, WIRINGS[tower.wiring](names)
    return {name: replace(origin, key=prefix + origin.key) for name, origin in plain.items()}


WIRINGS: dict[str, Callable[[Iterable[str]], dict[str, ldm.Origin]]] = {"clip": ldm.clip, "open_clip": ldm.open_clip}


def write_single(source: Source, file: Path) -> None:
    """Write a model of one of the families into a single file, bit for bit and without what nobody reads.

    The file's metadata says family, prediction, and what `limner.json` says.  Raises LimnerError, and writes nothing,
    where a single file could not say what the model is.
    """
    parts = source.parts()
    nets = {part: network(source, part) for part in parts}
    family = kind(source, nets)
    tensors = dict[str, Tensor]()
    for part, net in nets.items():
        here, held = source.tensors(part)
        layout.check(net, held, here)
        tensors |= ldm.fused(held, table(family, part, net))
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    same(source, family, shapes, nets)
    with layout.naming(source.path):
        noise, prediction = understood(source, "scheduler", read_schedule)
        zero_snr = "rescale_betas_zero_snr" in written(noise, prediction)
    if prediction == "v_prediction" and family is not SD2:
        tensors["v_pred"] = torch.empty(0)
    if zero_snr:
        tensors["ztsnr"] = torch.empty(0)
    layout.write_tensors(file, tensors, metadata(source, family, prediction, nets))


KEEP = "keep it as a folder, which says everything"


def kind(source: Source, nets: Mapping[str, Network]) -> Family:
    """The family of a model's parts."""
    if "text_encoder_2" in nets:
        return SDXL
    unet = nets["unet"]
    assert isinstance(unet, UNet)
    return SD2 if unet.config.linear else SD1


def same(source: Source, family: Family, shapes: Mapping[str, tuple[int, ...]], nets: Mapping[str, Network]) -> None:
    """LimnerError unless who reads the file will find the same networks, and the words they read, as there are now."""
    for part, net in nets.items():
        if isinstance(net, UNet):
            config = UNetConfig.read(unet_config(shapes, family))
            differs = replace(config, sample_size=net.config.sample_size) != net.config
        elif isinstance(net, Autoencoder):
            again = AutoencoderConfig.read(vae_config(shapes, family))
            differs = replace(again, sample_size=net.config.sample_size, upcast=net.config.upcast) != net.config
        else:
            read = TextConfig.from_json(json.dumps(text_config(shapes, family, part)))
            differs = replace(read, eos_token_id=net.config.eos_token_id) != net.config
            words, theirs = source.tokenizer(part), published(read.max_position_embeddings, family.towers[part].pad)
            differs = differs or words.backend.get_vocab() != theirs.backend.get_vocab() or words.pad != theirs.pad
        if differs:
            raise LimnerError(f"{source.path}: its {part} is not wired, or not worded, as {family.name}'s", KEEP)


def metadata(source: Source, family: Family, prediction: str, nets: Mapping[str, Network]) -> dict[str, str]:
    """What a file tells of itself, by Stability AI's model specification, and limner's own part."""
    _, own = source.config("limner")
    unet, autoencoder = nets["unet"], nets["vae"]
    assert isinstance(unet, UNet)
    assert isinstance(autoencoder, Autoencoder)
    side = unet.config.sample_size * autoencoder.config.factor
    wide = family is SD2 and prediction == "v_prediction"
    said = {
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "stable-diffusion-v2-768-v" if wide else family.architecture,
        "modelspec.prediction_type": "v" if prediction == "v_prediction" else "epsilon",
        "modelspec.resolution": f"{side}x{side}",
        "modelspec.title": source.path.stem,
    }
    return said | ({OWN: json.dumps(own, sort_keys=True)} if own else {})
