"""One tensor, one name: what tools of different years call differently, by its published name."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from limner.errors import LimnerError

REDUNDANT = ("text_model.embeddings.position_ids",)  # 0, 1, 2, ...: some tools wrote the buffer out, nobody reads it
VAE_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""The autoencoder's attention before diffusers 0.18, and since."""


def published(part: str, name: str) -> str:
    """The name under which the component's first published checkpoint has the tensor."""
    if part.startswith("text_encoder") and not name.startswith(("text_model.", "text_projection.")):
        return f"text_model.{name}"  # transformers from 5 on leaves the prefix out
    if part == "vae" and ".attentions." in name:
        owner, old, parameter = name.rsplit(".", 2)
        return f"{owner}.{VAE_ATTENTION.get(old, old)}.{parameter}"
    return name


def renamed(part: str, tensors: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """The tensors of a component's file under their published names; LimnerError where one stands there under two."""
    out = dict[str, Tensor]()
    for name, tensor in tensors.items():
        if part.startswith("text_encoder") and published(part, name) in REDUNDANT:
            continue
        if published(part, name) in out:
            raise LimnerError(f"{file}: tensor {published(part, name)} is there under two names", "fetch it again")
        out[published(part, name)] = tensor
    return out
