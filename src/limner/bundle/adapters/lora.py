"""A LoRA file: which layers it changes, by whatever names its tool had for them."""

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from limner.bundle.adapters.names import Place, layers, spellings
from limner.bundle.adapters.reading import lora_mark, opened
from limner.bundle.bundle import Bundle, Resting
from limner.bundle.identity import identify
from limner.bundle.source import TOWERS
from limner.errors import LimnerError
from limner.network.config import Json
from limner.network.lowrank import LowRank
from limner.network.unet import UNet

ENDINGS: Mapping[str, str] = {
    ".lora_down.weight": "down", ".lora_up.weight": "up", ".lora_mid.weight": "mid", ".alpha": "alpha",  # kohya
    ".lora_A.weight": "down", ".lora_B.weight": "up",  # peft
    ".lora_A.default.weight": "down", ".lora_B.default.weight": "up",
    ".lora.down.weight": "down", ".lora.up.weight": "up",  # diffusers, from the newest to the oldest
    ".lora_linear_layer.down.weight": "down", ".lora_linear_layer.up.weight": "up",
    "_lora.down.weight": "down", "_lora.up.weight": "up",
}  # fmt: skip
FOREIGN: Mapping[str, str] = {
    "dora_scale": "DoRA", "lora_magnitude_vector": "DoRA", "hada_": "LoHa", "lokr_": "LoKr", "oft_": "OFT",
    "boft_": "BOFT", ".on_input": "(IA)3", ".a1.": "GLoRA", ".b1.": "GLoRA", "w_norm": "a trained norm",
    ".diff": "a full difference",
}  # fmt: skip
"""By what their tensors are called: adapters that are no low-rank product, which limner does not compute."""
FAMILIES: Mapping[int, str] = {768: "SD 1.x", 1024: "SD 2.x", 2048: "SDXL"}
"""Who reads text of this width."""
TRANSFORMERS = ("double_blocks", "single_blocks", "joint_blocks", "single_transformer_blocks", "transformer.")
PEFT_CONFIG = "lora_adapter_metadata"


@dataclass(frozen=True, slots=True, eq=False)
class Lora:
    """The changes of one file, checked against a model.

    `sha256` is over the changes, whatever the file calls them; `mark` is what A1111's web UI writes as its hash.
    """

    file: Path
    name: str
    sha256: str
    mark: str
    changes: Mapping[Place, LowRank]


def networks(bundle: Bundle) -> dict[str, nn.Module]:
    """The components that adapters change, by their folders."""
    towers = (tower for _, tower in bundle.towers)
    return {**dict(zip(TOWERS, towers, strict=False)), "unet": outline(bundle)}


def outline(bundle: Bundle) -> UNet:
    """The U-Net, perhaps without its weights."""
    network = bundle.denoiser.network
    return network.net if isinstance(network, Resting) else bundle.unet


def read_lora(file: Path, bundle: Bundle) -> Lora:
    """A LoRA for this model, in kohya's names, peft's, or those of older diffusers.

    Raises LimnerError naming the file, and the tensor, for what is damaged, holds nan, is another kind of adapter, is
    meant for another family of models, or fits no layer.
    """
    tensors, about = opened(file)
    check_kind(file, tensors, bundle)
    own = networks(bundle)
    known, fitting = spellings(own), layers(own)
    factors = defaultdict[Place, dict[str, Tensor]](dict)
    for name, tensor in tensors.items():
        place, role = understood(file, name, known)
        if role in factors[place]:
            raise LimnerError(f"{file}: tensor {name} is there under two names", "get it again")
        factors[place][role] = tensor
    config = peft_config(file, about)
    changes = dict[Place, LowRank]()
    for place in sorted(factors):
        try:
            changes[place] = change(factors[place], fitting[place].weight, partial(peft_alpha, config, place))
        except ValueError as error:
            raise LimnerError(
                f"{file}: {'.'.join(place)} {error}", "it is damaged, or was made for another model"
            ) from error
    name = re.sub(r"[,:<>]", "_", file.stem)  # which A1111's texts could not hold
    return Lora(file, name, identity(changes), lora_mark(file), changes)


def check_kind(file: Path, tensors: Mapping[str, Tensor], bundle: Bundle) -> None:
    """LimnerError unless this is a LoRA, and of the model's family as far as its names and widths tell."""
    if not tensors:
        raise LimnerError(f"{file} holds no tensors", "it is no LoRA")
    for name in tensors:
        if kind := next((kind for sign, kind in FOREIGN.items() if sign in name), None):
            raise LimnerError(f"{file}: tensor {name} is {kind}, which limner does not apply", "get it as a LoRA")
    made, width = family(tensors)
    config = outline(bundle).config
    if made and width != config.context_dim:
        reads = f"{FAMILIES.get(config.context_dim, 'of another family')} (context {config.context_dim})"
        raise LimnerError(
            f"{file}: this LoRA was made for {made}{f' (context {width})' if width else ''}, the model is {reads}",
            "get one for this model, or name its own model with --model",
        )


def family(tensors: Mapping[str, Tensor]) -> tuple[str, int]:
    """Whom a LoRA is for, and the width of the text that is read there; empty and 0 where nothing tells."""
    for name, tensor in tensors.items():
        reads = re.search(r"attn2[._](processor[._])?to_[kv]\b.*(down|lora_A)", name.replace("_lora", ".lora"))
        if reads and tensor.ndim > 1:
            return FAMILIES.get(tensor.shape[1], "another model"), tensor.shape[1]
    if any(sign in name for name in tensors for sign in TRANSFORMERS):
        return "a transformer, such as SD 3 or Flux", 0
    return ("SDXL", 2048) if any("te2_" in name or "text_encoder_2." in name for name in tensors) else ("", 0)


def understood(file: Path, name: str, known: Mapping[str, Place]) -> tuple[Place, str]:
    """Which layer a tensor changes, and as what."""
    bare = name.removeprefix("base_model.model.")
    ending = next((ending for ending in ENDINGS if bare.endswith(ending)), None)
    if ending is None:
        raise LimnerError(
            f"{file}: tensor {name} is no part of a LoRA", f"known are {', '.join(dict.fromkeys(ENDINGS))}"
        )
    owner = bare.removesuffix(ending).replace(".processor.", ".")
    if owner not in known:
        raise LimnerError(f"{file}: tensor {name} fits no layer of this model", "it was made for another model")
    return known[owner], ENDINGS[ending]


def change(factors: Mapping[str, Tensor], weight: Tensor, unsaid: Callable[[int], float]) -> LowRank:
    """The factors as a change of a layer with this weight, with alpha by rank where the file leaves it unsaid.

    ValueError says what does not fit.
    """
    check_factors(factors, weight.ndim)
    down, up, mid = (shaped(factors.get(role), weight.ndim) for role in ("down", "up", "mid"))
    assert down is not None
    assert up is not None
    if up.shape[1] != down.shape[0] or up[0, 0].numel() != 1 or (mid is not None and mid.shape[:2] != (len(down),) * 2):
        raise ValueError(f"has factors of {list(down.shape)} and {list(up.shape)}, whose ranks differ")
    alpha = float(factors["alpha"]) if "alpha" in factors else unsaid(len(down))
    if not math.isfinite(alpha):
        raise ValueError(f"has alpha {alpha}")
    out = LowRank(down, up, mid, alpha)
    if out.shape != weight.shape:
        raise ValueError(f"is {list(out.shape)}, the model's is {list(weight.shape)}")
    return out


def check_factors(factors: Mapping[str, Tensor], axes: int) -> None:
    """ValueError unless there is what a product takes, each a matrix or a kernel, and alpha one number."""
    if missing := {"down", "up"} - factors.keys():
        raise ValueError(f"has no {' and no '.join(sorted(missing))}")
    for role, factor in factors.items():
        if role == "alpha" and factor.numel() != 1:
            raise ValueError(f"has an alpha of {list(factor.shape)}, which is no number")
        if role != "alpha" and (factor.ndim < 2 or not factor.numel()):
            raise ValueError(f"has a factor of {list(factor.shape)}, which is no matrix")
    if "mid" in factors and axes == 2:
        raise ValueError("has three factors, as only convolutions may")


def shaped(factor: Tensor | None, axes: int) -> Tensor | None:
    """A factor with as many axes as the layer's weight: some tools keep 1 x 1 kernels, others leave them out."""
    if factor is None or factor.ndim == axes:
        return factor
    plain = factor.flatten(1) if factor.shape[2:].numel() == 1 else factor
    return plain[..., None, None] if plain.ndim == 2 and axes == 4 else plain


def peft_config(file: Path, about: Mapping[str, str]) -> Mapping[str, Json]:
    """What diffusers wrote of peft's configuration into the file: keys such as `unet.lora_alpha`."""
    try:
        config = json.loads(about.get(PEFT_CONFIG, "{}"))
    except (ValueError, RecursionError) as error:
        raise LimnerError(f"{file}: its {PEFT_CONFIG} is not JSON: {error}", "get it again") from error
    return config if isinstance(config, dict) else {}


def peft_alpha(config: Mapping[str, Json], place: Place, rank: int) -> float:
    """alpha of a layer whose file has none among its tensors: as peft was configured, else the rank.

    With `use_rslora` the gain is alpha / sqrt(r).  Kalajdzievski 2023 (arXiv:2312.03732).  ValueError for a pattern
    that is no regular expression.
    """
    part, layer = place
    alpha, patterns = config.get(f"{part}.lora_alpha"), config.get(f"{part}.alpha_pattern")
    if isinstance(patterns, dict):
        try:
            alpha = next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", layer)), alpha)
        except re.error as error:
            raise ValueError(f"has an alpha_pattern that is no regular expression: {error}") from error
    if not isinstance(alpha, int | float):
        return float(rank)
    return alpha * rank**0.5 if config.get(f"{part}.use_rslora") else float(alpha)


def identity(changes: Mapping[Place, LowRank]) -> str:
    """sha256 over the layers' names, factors and gains: the same whatever the file calls them."""
    digest = hashlib.sha256()
    for part, layer in sorted(changes):
        one = changes[part, layer]
        digest.update(f"{one.alpha!r}\n".encode())
        factors = {"down": one.down, "mid": one.mid, "up": one.up}
        identify(digest, part, {f"{layer}.{role}": each for role, each in factors.items() if each is not None})
    return digest.hexdigest()
