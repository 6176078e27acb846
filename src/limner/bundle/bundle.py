"""A model on disk is four things: a tokenizer, a text tower, an autoencoder and a denoiser with its noise schedule."""

import hashlib
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limner.bundle import catalogue, keys, layout
from limner.bundle.pixels import decoding, encoded
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, Json, UNetConfig, one, real
from limner.network.unet import UNet
from limner.network.vae import Autoencoder, without_rest
from limner.process.schedule import SCHEDULES, NoiseSchedule, zero_terminal_snr
from limner.recipe import LOUDEST, Value, checked
from limner.score.precondition import PREDICTIONS, Preconditioned
from limner.taps import Routed
from limner.text.clip import TextConfig, TextTower
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
class Bundle:
    """An opened model.

    `identity` is a sha256 over its tensors' names and bytes; `defaults` fill a wish up to a recipe.
    """

    name: str
    folder: Path
    identity: str
    defaults: Mapping[str, Value]
    tokenizer: Tokenizer
    text: TextTower
    autoencoder: Autoencoder
    denoiser: Preconditioned
    device: torch.device

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
        assert isinstance(net, UNet)
        return net

    @property
    def codes(self) -> Callable[[Float[Tensor, " b"], Context], tuple[Tensor, Tensor | None]]:
        """`UNet.codes`, which needs no weights."""
        network = self.denoiser.network
        return network.net.codes if isinstance(network, Resting) else self.unet.codes

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        return self.autoencoder.config.latent_channels, height // self.factor, width // self.factor

    @torch.no_grad()
    def context(self, prompts: Sequence[str]) -> Context:
        """What the text tower makes of sentences, one row each."""
        return Context(self.text(self.ids(prompts)).states.float())

    def ids(self, prompts: Sequence[str]) -> Int[Tensor, "b l"]:
        """Sentences as tokens."""
        return torch.tensor([self.tokenizer.encode(prompt).ids for prompt in prompts], device=self.device)

    @torch.no_grad()
    def encode(self, image: Image) -> Latent:
        """The latent of a picture in [0, 1]: its posterior's mean, scaled to about unit variance."""
        return encoded(self.autoencoder, image)

    def decode(self, x0: Latent) -> Image:
        """The picture of a clean latent, in [0, 1]."""
        return without_rest(self.decoding(x0))

    @torch.no_grad()
    def decoding(self, x0: Latent) -> Generator[str | None, None, Image]:
        """`decode` in pieces, for whoever has other things to do meanwhile; the same picture, bit for bit.

        Between them it says what had to be done otherwise than usual (`pixels.decoding`).
        """
        return (yield from decoding(self.autoencoder, x0))


def open_bundle(
    model: str | Path = catalogue.DEFAULT, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Bundle:
    """A model of the catalogue, or a diffusers folder, opened strictly.

    Raises LimnerError naming the file, and the tensor, for whatever is missing, damaged, unknown or left over.
    """
    folder, device = catalogue.find(str(model)), torch.device(device)
    index = layout.read_json(folder / "model_index.json")
    for component in ("tokenizer", "text_encoder", "vae", "unet", "scheduler"):
        if component not in index:
            raise LimnerError(
                f"{folder / 'model_index.json'} names no {component}", "this is no Stable Diffusion folder"
            )
    with torch.device("meta"):
        text = TextTower(
            layout.configured(
                folder / "text_encoder" / "config.json", lambda raw: TextConfig.from_json(json.dumps(raw))
            )
        )
        autoencoder = Autoencoder(layout.configured(folder / "vae" / "config.json", AutoencoderConfig.read))
        unet = UNet(layout.configured(folder / "unet" / "config.json", UNetConfig.read))
    digest = hashlib.sha256()
    for part, net in (("text_encoder", text), ("unet", unet), ("vae", autoencoder)):
        file = layout.weights_file(folder / part)
        tensors = keys.renamed(part, layout.read_tensors(file), file)
        identify(digest, part, tensors)
        layout.check(net, tensors, file)
        if net is unet:
            resting = Resting(unet, tensors, device, dtype)
        else:
            layout.fill(net, tensors, device, dtype)
    schedule, prediction = layout.configured(folder / "scheduler" / "scheduler_config.json", read_schedule)
    return Bundle(
        name=folder.name,
        folder=folder,
        identity=digest.hexdigest(),
        defaults=read_defaults(folder, unet.config, autoencoder.config),
        tokenizer=Tokenizer.load(folder / "tokenizer"),
        text=text,
        autoencoder=autoencoder,
        denoiser=Preconditioned(resting, schedule, prediction, dtype),
        device=device,
    )


def identify(digest: "hashlib._Hash", part: str, tensors: Mapping[str, Tensor]) -> None:
    """Add a component's tensors to a hash: names in order, precision, shape and bytes, wherever they were stored."""
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{part}.{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())


def read_schedule(config: Mapping[str, Json]) -> tuple[NoiseSchedule, str]:
    """The noise schedule and what the network predicts, from diffusers' `scheduler_config.json`."""
    kind, prediction = str(config.get("beta_schedule", "linear")), str(config.get("prediction_type", "epsilon"))
    if kind not in SCHEDULES or config.get("trained_betas") is not None:
        raise LimnerError(f"beta_schedule {kind!r}", f"known are {', '.join(SCHEDULES)}")
    if prediction not in PREDICTIONS:
        raise LimnerError(f"prediction_type {prediction!r}", f"known are {', '.join(PREDICTIONS)}")
    betas = real(config, "beta_start", 0.0001), real(config, "beta_end", 0.02)
    schedule = SCHEDULES[kind](one(config, "num_train_timesteps", 1000), *betas)
    if config.get("rescale_betas_zero_snr", False):
        if prediction == "epsilon":
            raise LimnerError(
                "noise prediction with zero terminal SNR", "such a model predicts v: set prediction_type, if it does"
            )
        schedule = zero_terminal_snr(schedule)
    return schedule, prediction


DEFAULTS: dict[str, Value] = {
    "negative": "",
    "seed": 42,
    "steps": 50,
    "sampler": "dpmpp_2m",
    "ladder": "trailing",
    "guidance": 7.5,
    "guide_above": 0.0,
    "guide_below": float(LOUDEST),
}


def read_defaults(folder: Path, unet: UNetConfig, autoencoder: AutoencoderConfig) -> dict[str, Value]:
    """What a recipe holds where the wish was silent: the folder's own `limner.json`, else what courses use."""
    side = unet.sample_size * autoencoder.factor
    out, file = DEFAULTS | {"width": side, "height": side}, folder / "limner.json"

    def own(raw: Mapping[str, Json]) -> dict[str, Value]:
        said = raw.get("defaults", {})
        if not isinstance(said, dict) or not said.keys() <= out.keys():
            raise LimnerError(f"defaults {said!r}", f"only {', '.join(out)} are known")
        return {key: checked(key, value) for key, value in said.items()}

    return out | (layout.configured(file, own) if file.exists() else {})
