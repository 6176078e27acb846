"""A LoRA as a file that other programs read: in the names of kohya's trainer, or of peft and diffusers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from limner.bundle import layout
from limner.bundle.adapters.lora import FAMILIES, networks, outline
from limner.bundle.adapters.names import Place, kohya, layers, peft
from limner.bundle.bundle import Bundle
from limner.errors import LimnerError
from limner.network.lowrank import LowRank

BASES: Mapping[str, str] = {"SD 1.x": "sd_v1", "SD 2.x": "sd_v2", "SDXL": "sdxl_base_v1-0"}
"""The families as kohya's trainer calls them, by which other programs sort their LoRAs."""


def write_lora(
    file: Path,
    changes: Mapping[Place, LowRank],
    bundle: Bundle,
    names: str = "kohya",
    about: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write changes of this model's layers as a LoRA, in one of NAMES; `about` goes into its `__metadata__`, too.

    peft's names have no place for alpha, so there B is multiplied by alpha / r: that rounds in `dtype`, unless the
    factor is a power of two.  Raises LimnerError for a layer that the model does not have, and for what the names
    cannot say.
    """
    if names not in NAMES:
        raise LimnerError(f"LoRA names {names!r} are not known", f"one of {', '.join(NAMES)}")
    own, (table, as_tensors) = networks(bundle), NAMES[names]
    fitting, called = layers(own), table(own)
    tensors = dict[str, Tensor]()
    for place, change in sorted(changes.items(), key=lambda each: each[0]):
        if place not in fitting or change.shape != fitting[place].weight.shape:
            raise LimnerError(
                f"{bundle.name} has no layer {'.'.join(place)} of {list(change.shape)}", "nothing written"
            )
        tensors |= as_tensors(called[place], change)
    stored = {
        name: tensor.detach().to("cpu", dtype if tensor.ndim else torch.float32).contiguous()
        for name, tensor in tensors.items()
    }
    layout.write_tensors(file, stored, {**described(changes, bundle, stored), **(about or {})})


def in_kohya(name: str, change: LowRank) -> dict[str, Tensor]:
    mid = {} if change.mid is None else {f"{name}.lora_mid.weight": change.mid}
    factors = {f"{name}.lora_down.weight": change.down, f"{name}.lora_up.weight": change.up}
    return factors | mid | {f"{name}.alpha": torch.tensor(change.alpha)}


def in_peft(name: str, change: LowRank) -> dict[str, Tensor]:
    if change.mid is not None:
        raise LimnerError(f"peft has no name for the third factor of {name}", "write it in kohya's names")
    return {f"{name}.lora_A.weight": change.down, f"{name}.lora_B.weight": change.gain * change.up.float()}


Table = Callable[[Mapping[str, nn.Module]], dict[Place, str]]
NAMES: Mapping[str, tuple[Table, Callable[[str, LowRank], dict[str, Tensor]]]] = {
    "kohya": (kohya, in_kohya),
    "peft": (peft, in_peft),
}
"""Whose names: a layer's, and those of the tensors that change it."""


def described(changes: Mapping[Place, LowRank], bundle: Bundle, stored: Mapping[str, Tensor]) -> dict[str, str]:
    """What programs look for in a LoRA's `__metadata__`: for whom it is, how large, and the hash of its bytes."""
    ranks = sorted({change.rank for change in changes.values()})
    alphas = sorted({change.alpha for change in changes.values()})
    family = FAMILIES.get(outline(bundle).config.context_dim, "")
    return {
        "ss_network_module": "networks.lora",
        "ss_network_dim": ", ".join(map(str, ranks)),
        "ss_network_alpha": ", ".join(f"{alpha:g}" for alpha in alphas),
        "ss_base_model_version": BASES.get(family, bundle.name),
        "sshs_model_hash": layout.mark(stored),
    }
