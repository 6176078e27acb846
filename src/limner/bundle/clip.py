"""CLIP whole, as it lies beside a model: the text tower that diffusion reads, and the picture tower that taught it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from limner.bundle import layout
from limner.bundle.bundle import Bundle
from limner.bundle.identity import identify_alone
from limner.errors import LimnerError
from limner.text.clip import ClipPair, ImageConfig, ImageTower, TextTower
from limner.text.tokenizer import EOS, Tokenizer
from limner.types import Image

FOLDER = "clip"
ROWS = 64  # of a forward pass: what a processor keeps in its cache


@dataclass(frozen=True, slots=True)
class Clip:
    """Pictures and sentences as unit vectors of one space; `identity` is of the weights of both towers."""

    tokenizer: Tokenizer
    net: ClipPair
    device: torch.device
    identity: str

    @property
    def side(self) -> int:
        """The width and the height of what the picture tower sees, in pixels."""
        return self.net.image.config.image_size

    @property
    def scale(self) -> float:
        """The factor on cosines before the softmax (Radford et al. 2021, arXiv:2103.00020, section 2.5)."""
        return float(self.net.logit_scale.exp())

    def pictures(self, images: Image) -> Float[Tensor, "n p"]:
        """The features of pictures in [0, 1], `side` pixels wide and high."""
        return self._unit(
            [self.net.image(2 * few.to(self.device) - 1) for few in torch.split(images, ROWS) if len(few)]
        )

    def captions(self, said: Sequence[str]) -> Float[Tensor, "n p"]:
        """The features of texts in which nothing is syntax."""
        order = sorted(range(len(said)), key=lambda k: len(said[k]))  # about as long as their company: little padding
        few = [[said[k] for k in order[start : start + ROWS]] for start in range(0, len(said), ROWS)]
        found = self._unit([self.net.text(read(self.tokenizer, each).to(self.device)).pooled for each in few])
        return found[torch.tensor(order, dtype=torch.long).argsort()]

    def _unit(self, features: Sequence[Float[Tensor, "_ p"]]) -> Float[Tensor, "n p"]:
        none = torch.zeros(0, self.net.image.config.projection_dim)
        return F.normalize(torch.cat([none, *(each.cpu() for each in features)]), dim=-1)


def read(tokenizer: Tokenizer, captions: Sequence[str]) -> Int[Tensor, "b l"]:
    """Token ids, cut to the longest caption of the batch: to a causal tower padding makes no difference."""
    encoded = [tokenizer.encode(caption) for caption in captions]
    end = tokenizer.id_of(EOS)
    longest = max(ids.index(end) for ids in encoded) + 1
    return torch.tensor([ids[:longest] for ids in encoded])


def open_clip(bundle: Bundle) -> Clip:
    """The bundle's CLIP, in float32 on the bundle's device.

    Raises LimnerError where it brings no picture tower, or naming the file for what is missing, damaged or left over.
    """
    folder = bundle.folder / FOLDER
    if not folder.is_dir():
        raise LimnerError(
            f"{bundle.name} brings no picture tower ({FOLDER}/), and so cannot compare pictures with words",
            "use limner-mini, or a model that limner trained",
        )
    config = layout.configured(folder / "config.json", lambda raw: ImageConfig.from_json(json.dumps(raw)))
    with torch.device("meta"):
        text = TextTower(replace(bundle.text.config, projection_dim=config.projection_dim))
        net = ClipPair(text, ImageTower(config))
    file = folder / "model.safetensors"
    own = layout.read_tensors(file)
    shared = {f"text.{name}": tensor for name, tensor in bundle.text.state_dict().items()}
    layout.check(net, own | shared, file)
    who = hashlib.sha256(f"{bundle.identity} {identify_alone(FOLDER, own, file)}".encode())
    layout.fill(net, own | shared, bundle.device, torch.float32)
    return Clip(bundle.tokenizer, net, bundle.device, who.hexdigest())
