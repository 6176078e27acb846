"""A model on disk is three things: text towers with their words, an autoencoder, a denoiser with its noise schedule."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limner.bundle import catalogue, layout
from limner.bundle.identity import identity
from limner.bundle.noise import read_schedule
from limner.bundle.pixels import at_once, decoding, encoded
from limner.bundle.single import Single
from limner.bundle.source import Folder, Network, Source, network, understood
from limner.bundle.stage import Net, Stage, Staged
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, Json, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder, without_rest
from limner.process.schedule import NoiseSchedule
from limner.recipe import DEFAULTS as DEFAULTS
from limner.recipe import GROUPS, Value, checked
from limner.score.precondition import Preconditioned
from limner.taps import Routed
from limner.text.clip import TextTower
from limner.text.states import Said, final, penultimate, read
from limner.text.tokenizer import Tokenizer
from limner.types import Context, Image, Latent


@dataclass(slots=True, eq=False)
class Resting:
    """A U-Net whose weights stay in their file until it is first asked: another backend may answer in its place."""

    net: UNet
    tensors: Mapping[str, Tensor]
    device: torch.device
    dtype: torch.dtype

    def __call__(self, x: Latent, t: Float[Tensor, " b"], context: Context, taps: Routed | None = None) -> Latent:
        answer: Latent = self.awake()(x, t, context, taps)
        return answer

    def awake(self) -> UNet:
        if self.tensors:
            layout.fill(self.net, self.tensors, self.device, self.dtype)
            self.tensors = {}
        return self.net


@dataclass(frozen=True, slots=True)
class Adapter:
    """What was laid over a model: a LoRA by its name, or an embedding by its word, and its hash in A1111's pictures."""

    kind: Literal["lora", "embedding"]
    name: str
    mark: str
    scale: float


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened model.

    `folder` may be a single file.  `identity` is a sha256 over its tensors' names and bytes; `defaults` fill a wish up
    to a recipe.  SDXL has two `towers`, each with its words; its network was taught that where nothing is said all that
    it is told is `zeros`, and not what the towers make of an empty text.  `source` is where it was opened from;
    `adapters` are what was laid over it, and part of the identity.  With a `stage` its networks are on the device one
    at a time.
    """

    name: str
    folder: Path
    identity: str
    defaults: Mapping[str, Value]
    towers: tuple[tuple[Tokenizer, TextTower], ...]
    autoencoder: Autoencoder
    denoiser: Preconditioned
    device: torch.device
    source: Source | None = None
    zeros: bool = False
    adapters: tuple[Adapter, ...] = ()
    stage: Stage | None = None

    @property
    def tokenizer(self) -> Tokenizer:
        """The first tower's words, in which prompts are spoken of."""
        return self.towers[0][0]

    @property
    def text(self) -> TextTower:
        """The first tower: the only one, but for SDXL."""
        return self.towers[0][1]

    @property
    def factor(self) -> int:
        """Pixels a latent pixel, along a side."""
        return self.autoencoder.config.factor

    @property
    def schedule(self) -> NoiseSchedule:
        return self.denoiser.schedule

    @property
    def unet(self) -> UNet:
        """The network behind the denoiser, with its weights."""
        network = self.denoiser.network
        net = network.awake() if isinstance(network, Resting) else network
        net = net.net if isinstance(net, Staged) else net
        if not isinstance(net, UNet):
            raise LimnerError(f"{self.name}: its U-Net is not limner's own", "use --backend eager")
        return net

    @property
    def unet_config(self) -> UNetConfig:
        """The network's numbers, which need no weights."""
        network = self.denoiser.network
        return network.net.config if isinstance(network, Resting) else self.unet.config

    @property
    def codes(self) -> Callable[[Float[Tensor, " b"], Context], tuple[Tensor, Tensor | None]]:
        """`UNet.codes`, which needs no weights."""
        network = self.denoiser.network
        return network.net.codes if isinstance(network, Resting) else self.unet.codes

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        return self.autoencoder.config.latent_channels, height // self.factor, width // self.factor

    @torch.no_grad()
    def context(self, prompts: Sequence[str], size: tuple[int, int] | None = None, clip_skip: int = 1) -> Context:
        """What the text towers make of sentences with weights and BREAK, one row each.

        `size` is the picture's width and height in pixels; `clip_skip` the layer that is read, from the last, which
        SDXL's towers take no notice of: they are read before the last layer.  LimnerError where the tower has fewer.
        """
        layer = partial(final, clip_skip=clip_skip) if len(self.towers) == 1 else penultimate
        towers = [(words, layer(self.at_hand(tower))) for words, tower in self.towers]
        return self.told([read(words, tell, prompts, self.device) for words, tell in towers], size)

    def at_hand(self, net: Net) -> Net:
        """The network with its weights on the device."""
        return net if self.stage is None else self.stage.enter(net)

    @torch.no_grad()
    def literal(self, captions: Sequence[str]) -> Context:
        """What the first tower makes of texts in which nothing is syntax, as far as it reads them at once."""
        return Context(self.text(self.ids(captions)).states.float())

    def ids(self, captions: Sequence[str]) -> Int[Tensor, "b l"]:
        """Texts in which nothing is syntax as the first tower's tokens."""
        return torch.tensor([self.tokenizer.encode(caption) for caption in captions], device=self.device)

    def told(self, said: Sequence[Said], size: tuple[int, int] | None = None) -> Context:
        """What the network is told of the same sentences as each tower read them.

        One tower: its states.  SDXL: both towers' states side by side, the second's sentence in one vector, and the
        picture's size, uncropped, as original and target.  Podell et al. 2023 (arXiv:2307.01952), section 2.1 and 2.2.
        `size` is the model's own if left out.
        """
        states, (_, pooled) = torch.cat([each for each, _ in said], dim=-1), said[-1]
        if len(self.towers) == 1:
            return Context(states)
        width, height = size or (int(self.defaults["width"]), int(self.defaults["height"]))
        sizes = torch.tensor([[height, width, 0, 0, height, width]] * len(states), dtype=torch.float32)
        return Context(states, pooled, sizes.to(self.device))

    @torch.no_grad()
    def encode(self, image: Image) -> Latent:
        """The latent of a picture in [0, 1]: its posterior's mean, scaled to about unit variance."""
        return encoded(self.at_hand(self.autoencoder), image)

    def decode(self, x0: Latent) -> Image:
        """The picture of a clean latent, in [0, 1]."""
        return without_rest(self.decoding(x0))

    @torch.no_grad()
    def decoding(self, x0: Latent) -> Generator[str | None, None, Image]:
        """`decode` in pieces, for whoever has other things to do meanwhile; the same picture, bit for bit.

        Between them it says what had to be done otherwise than usual (`pixels.decoding`).
        """
        pieces = decoding(self.at_hand(self.autoencoder), x0)
        if self.stage is None:
            return (yield from pieces)
        image, notes = at_once(pieces)  # between two pieces another network would enter
        yield from notes
        return image


def offloaded(bundle: Bundle, device: torch.device) -> Bundle:
    """A bundle on the CPU whose networks go to the device only while they are needed, one at a time."""
    stage = Stage(device)
    denoiser = replace(bundle.denoiser, network=Staged(bundle.unet, stage))
    return replace(bundle, denoiser=denoiser, device=device, stage=stage)


def open_bundle(
    model: str | Path = catalogue.DEFAULT,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    variant: str | None = None,
    prediction: str | None = None,
) -> Bundle:
    """A model of the catalogue, a diffusers folder or a single file, opened strictly.

    `variant` chooses among a folder's weights; a stated `prediction` overrides what the model's files say, or seem to.
    Raises LimnerError naming the file, and the tensor, for whatever is missing, damaged, unknown or left over.
    """
    source = found(catalogue.find(str(model)), variant)
    return called(str(model), source, assembled(source, torch.device(device), dtype, prediction))


def called(model: str, source: Source, opened: Bundle) -> Bundle:
    """The bundle under the name it was added by, with what its published model likes where it has no wishes itself."""
    likes, own = catalogue.defaults(model), source.config("limner")[1].get("defaults")
    wishes = own.keys() if isinstance(own, dict) else ()
    defaults = {key: value if key in wishes else likes.get(key, value) for key, value in opened.defaults.items()}
    return replace(opened, name=catalogue.title(model, source.path), defaults=defaults)


def found(path: Path, variant: str | None = None) -> Source:
    """The source at a path."""
    return Folder(path, variant) if path.is_dir() else Single(path)


def assembled(source: Source, device: torch.device, dtype: torch.dtype, prediction: str | None = None) -> Bundle:
    """The model that a source holds, its weights checked; the U-Net's stay in their file until they are asked for."""
    nets = {part: network(source, part) for part in source.parts()}
    held = weighed(source, nets)
    for part, net in nets.items():
        _, tensors = held[part]
        if isinstance(net, UNet):
            unet, resting = net, Resting(net, tensors, device, dtype)
        else:
            layout.fill(net, tensors, device, precision(net, dtype))
    towers = {part: net for part, net in nets.items() if isinstance(net, TextTower)}
    autoencoder = next(net for net in nets.values() if isinstance(net, Autoencoder))
    fits(source, unet.config, autoencoder.config.latent_channels, list(towers.values()))
    stated = {} if prediction is None else {"prediction_type": prediction}
    schedule, prediction = understood(source, "scheduler", lambda raw: read_schedule(raw | stated))
    return Bundle(
        name=source.path.stem if source.path.is_file() else source.path.name,
        folder=source.path,
        identity=identity(held, source.files()),
        defaults=read_defaults(source, unet.config, autoencoder.config),
        towers=tuple((source.tokenizer(part), tower) for part, tower in towers.items()),
        autoencoder=autoencoder,
        denoiser=Preconditioned(resting, schedule, prediction, dtype),
        device=device,
        source=source,
        zeros=len(towers) > 1 and taught_zeros(source.path),
    )


def taught_zeros(path: Path) -> bool:
    """diffusers' `force_zeros_for_empty_prompt`; true where `model_index.json` is silent, as it is of SDXL base."""
    index = path / "model_index.json"
    return not index.exists() or bool(layout.read_json(index).get("force_zeros_for_empty_prompt", True))


def weighed(source: Source, nets: Mapping[str, Network]) -> dict[str, tuple[Path, dict[str, Tensor]]]:
    """The tensors of each part, and their file; LimnerError unless they are its network's."""
    held = {part: source.tensors(part) for part in nets}
    for part, (file, tensors) in held.items():
        layout.check(nets[part], tensors, file)
    return held


def precision(net: Network, dtype: torch.dtype) -> torch.dtype:
    """In which precision a network computes where it was asked to compute in `dtype`."""
    upcast = isinstance(net, Autoencoder) and net.config.upcast and dtype == torch.float16
    return torch.float32 if upcast else dtype


def fits(source: Source, unet: UNetConfig, channels: int, towers: Sequence[TextTower]) -> None:
    """LimnerError unless the network reads the autoencoder's latents and what the towers say, SDXL's pooled one too."""
    if unet.in_channels != channels:
        raise LimnerError(
            f"{source.path}: its U-Net reads {unet.in_channels} channels, its autoencoder makes {channels}",
            "it looks like a model for inpainting or of another kind; limner draws with text-to-image models",
        )
    widths = [tower.config.hidden_size for tower in towers]
    if unet.context_dim != sum(widths):
        raise LimnerError(
            f"{source.path}: its U-Net reads states of {unet.context_dim} numbers, its text towers make {sum(widths)}",
            "these parts are of different models",
        )
    pooled = towers[-1].config.projection_dim if len(towers) > 1 else None
    added = None if unet.added_dim is None or unet.added_size_dim is None else unet.added_dim - 6 * unet.added_size_dim
    if pooled != added:
        raise LimnerError(
            f"{source.path}: its U-Net reads a sentence of {added or 0} numbers, its text towers make {pooled or 0}",
            "limner draws with Stable Diffusion 1 and 2, SDXL base, and models wired alike",
        )


CONTROLLED = [name for ruled in GROUPS.values() for name, value in ruled.items() if value != ""]


def read_defaults(source: Source, unet: UNetConfig, autoencoder: AutoencoderConfig) -> dict[str, Value]:
    """What a recipe holds where the wish was silent: the model's own `limner.json`, else what courses use."""
    side = unet.sample_size * autoencoder.factor
    out = DEFAULTS | {"width": side, "height": side}

    def own(raw: Mapping[str, Json]) -> dict[str, Value]:
        said = raw.get("defaults", {})
        known = [*out, "eta", *CONTROLLED]  # which sampler and control decide, where the folder does not
        if not isinstance(said, dict) or not said.keys() <= set(known):
            raise LimnerError(f"defaults {said!r}", f"only {', '.join(known)} are known")
        return {key: checked(key, value) for key, value in said.items()}

    return out | understood(source, "limner", own)
