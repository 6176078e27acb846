"""A model with adapters is another model: its own identity, and its own weights only where one changes them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor

from limner.bundle.adapters.embedding import Embedding, learnt
from limner.bundle.adapters.lora import Lora, networks
from limner.bundle.bundle import Adapter, Bundle
from limner.bundle.source import TOWERS
from limner.network.lowrank import Beside, LowRank
from limner.network.unet import UNet
from limner.text.clip import TextTower

Net = TypeVar("Net", UNet, TextTower)
Scaled: TypeAlias = tuple[Lora, float]
Changes: TypeAlias = Sequence[tuple[str, LowRank, float]]
"""Layer by layer what is added, and how much of it."""
Apply: TypeAlias = Callable[[Net, Changes], Net]


def adapted(bundle: Bundle, loras: Sequence[Scaled] = (), embeddings: Sequence[Embedding] = ()) -> Bundle:
    """The bundle with each LoRA merged into its weights, W + scale (alpha / r) B A, and the words of the embeddings.

    Hu et al. 2021 (arXiv:2106.09685), section 4.1: drawing costs nothing more.  Weights that nothing changes are the
    bundle's own tensors.  A LoRA of scale 0 changes nothing, and leaves no trace in the identity; nor does the order.
    Raises LimnerError where two embeddings teach one word, or one that the model knows.
    """
    return laid_over(bundle, loras, embeddings, merge, merge)


def beside(bundle: Bundle, loras: Sequence[Scaled] = (), embeddings: Sequence[Embedding] = ()) -> Bundle:
    """`adapted`, but every weight remains the bundle's own, and the changes are computed beside it in each pass.

    For whoever switches often: no product is formed and no weight is copied.  Only the eager network computes so.
    """
    return laid_over(bundle, loras, embeddings, attach, attach)


def runs_beside(bundle: Bundle) -> bool:
    """Whether some change is computed beside a weight."""
    return any(isinstance(layer, Beside) for net in networks(bundle).values() for layer in net.modules())


def laid_over(
    bundle: Bundle,
    loras: Sequence[Scaled],
    embeddings: Sequence[Embedding],
    apply_tower: "Apply[TextTower]",
    apply_unet: "Apply[UNet]",
) -> Bundle:
    """The bundle changed in one way or the other; itself where nothing changes."""
    if runs_beside(bundle):
        raise ValueError("some changes are beside this bundle's weights already: begin with the bundle it came from")
    loras = sorted((each for each in loras if each[1] != 0), key=lambda each: (each[0].sha256, each[1]))
    embeddings = sorted(embeddings, key=lambda each: each.word)
    if not loras and not embeddings:
        return bundle
    taught = learnt(bundle.towers, embeddings) if embeddings else bundle.towers
    towers = [
        (words, apply_tower(tower, found) if (found := changes(part, loras)) else tower)
        for part, (words, tower) in zip(TOWERS, taught, strict=False)
    ]
    denoiser, found = bundle.denoiser, changes("unet", loras)
    if found:
        denoiser = replace(denoiser, network=apply_unet(bundle.unet, found))
    return replace(
        bundle,
        identity=identity(bundle, loras, embeddings),
        towers=tuple(towers),
        denoiser=denoiser,
        source=None,  # which has the model as it was
        adapters=(
            *bundle.adapters,
            *(Adapter("lora", lora.name, lora.mark, scale) for lora, scale in loras),
            *(Adapter("embedding", each.word, each.mark, 1.0) for each in embeddings),
        ),
    )


def identity(bundle: Bundle, loras: Sequence[Scaled], embeddings: Sequence[Embedding]) -> str:
    """sha256 over what the weights follow from: the model's own identity, and of each adapter its own, and how much."""
    digest = hashlib.sha256(f"{bundle.identity}\n".encode())
    for lora, scale in loras:
        digest.update(f"lora {lora.sha256} {float(scale)!r}\n".encode())
    for each in embeddings:
        digest.update(f"embedding {each.sha256} {each.word}\n".encode())
    return digest.hexdigest()


def changes(part: str, loras: Sequence[Scaled]) -> Changes:
    """What the LoRAs add to one component."""
    return [
        (layer, change, scale)
        for lora, scale in loras
        for (owner, layer), change in lora.changes.items()
        if owner == part
    ]


def merge(net: Net, added: Changes) -> Net:
    """The network with the changes in its weights, each rounded once to the network's precision."""
    weights = net.state_dict()
    mine = dict[str, Tensor]()
    for layer in dict.fromkeys(layer for layer, _, _ in added):
        weight = weights[f"{layer}.weight"]
        total = weight.float()
        for _, change, scale in (each for each in added if each[0] == layer):
            total = total + scale * change.product().to(weight.device)
        mine[f"{layer}.weight"] = total.to(weight.dtype)
    return twin(net, weights | mine)


def attach(net: Net, added: Changes) -> Net:
    """The network with the changes beside its layers."""
    out = twin(net, net.state_dict())
    for layer, change, scale in added:
        out.set_submodule(layer, Beside(out.get_submodule(layer), change, scale))
    return out


def twin(net: Net, tensors: "dict[str, Tensor]") -> Net:
    """A network like this one, of these tensors, which are not copied."""
    with torch.device("meta"):
        out = type(net)(net.config)
    out.load_state_dict(tensors, strict=True, assign=True)
    return out.requires_grad_(False).eval()
