"""The workshop: one folder in which the parts of a small model are trained one after another and put together."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from shutil import copytree
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from limner.bundle import Bundle, layout, tiny
from limner.engine import run as draw_pictures
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.network.config import Json
from limner.network.tiny import TinyDecoder
from limner.network.unet import UNet
from limner.network.vae import Autoencoder, Pixels
from limner.pictures.catalogue import SETS
from limner.pictures.nouns import nouns
from limner.pictures.scenes import COMPOSING, compose, index
from limner.pictures.sets import Corpus
from limner.process.noise import generator, key
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.recipe import Recipe, Wish, resolve
from limner.score.precondition import Preconditioned
from limner.text.clip import ClipPair, ImageTower, TextTower, clip_logits
from limner.text.clip import initialise as initialise_tower
from limner.text.tokenizer import Tokenizer
from limner.text.tokenizer import train as learn_vocabulary
from limner.training import autoencoder, begun, clip, diffusion, graphs
from limner.training.feed import feed
from limner.training.loop import Run, Step, averaged
from limner.training.precision import autocast
from limner.training.preset import DEFAULTS, DIVERGENCE, Preset, Sizes, Stage
from limner.training.processes import rank
from limner.training.revival import revive
from limner.training.weights import initialise
from limner.types import Context

Batch = TypeVar("Batch")
NETWORKS = ("eager", "graphs", "compiled")
"""How a step asks the denoising network: kernel by kernel, or both passes recorded, or made anew by torch.compile."""
Sheet = tuple[list[Picture], list[str]]
"""Pictures, and a line of words under each."""
SAMPLES = (
    "a red apple, 3d render", "a cat, noto style", "a dog, flat emoji style", "a car, 3d render",
    "a house, flat emoji style", "a tree, noto style", "a snail, 3d render", "a pizza, flat emoji style",
    "a robot, 3d render", "a boat, noto style", "a guitar, flat emoji style", "a rose, 3d render",
    "a doctor, noto style", "a blue circle", "two bananas, flat emoji style", "an owl on a green background, 3d render",
)  # fmt: skip


def unsaid(line: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Study:
    """A network at school: its run, the loss of a step, and what there is to see by now."""

    run: Run
    loss: Callable[[nn.Module, int], Tensor]
    look: Callable[[], Sheet]

    def steps(self) -> Generator[Step, None, None]:
        """The steps that are left, each seeded by its number."""
        return self.run.train(self.loss)


@dataclass(frozen=True, slots=True)
class Workshop:
    """A folder of checkpoints.  What was not trained here is taken from `warm`, an opened bundle, if there is one.

    `workers` processes make batches; `half` computes in bfloat16; `network` is one of NETWORKS, and `tell` hears what
    became of it.
    """

    folder: Path
    corpus: Corpus
    preset: Preset
    device: torch.device
    seed: int = 0
    workers: int = 0
    half: bool = False
    warm: Bundle | None = None
    network: str = "eager"
    tell: Callable[[str], None] = unsaid

    def begin(self) -> None:
        """Keep what it begins with in its folder, so that a later call without `warm` finds it.

        LimnerError where it began with another, or has another vocabulary.
        """
        if self.warm is not None:
            self.tokenizer()
            begun.keep(self.folder, self.warm)

    def autoencoder(self) -> Study:
        """Pictures to latents and back, from the start."""
        net = Autoencoder(self.sizes.autoencoder)
        initialise(net, "vae", self.seed)
        if self.warm is not None:
            net.load_state_dict(self.warm.autoencoder.state_dict())
        return self._views("autoencoder", net, self.preset.autoencoder)

    def decoder(self) -> Study:
        """Latents to pictures only: it may learn on for ever while a diffusion model relies on the latents."""
        net = self.trained_autoencoder()
        net.requires_grad_(True)
        net.encoder.requires_grad_(False)
        net.quant_conv.requires_grad_(False)
        return self._views("decoder", net, self.preset.autoencoder)

    def tiny(self) -> Study:
        """Latents to small pictures, as the trained decoder has them."""
        teacher, net = self.trained_autoencoder(), TinyDecoder(self.sizes.tiny)
        initialise(net, "tiny", self.seed)
        kept = None if self.warm is None else tiny.open_tiny(self.warm)
        if kept is not None and kept.config == net.config:
            net.load_state_dict(kept.state_dict())

        def loss(net: nn.Module, batch: Tensor, number: int) -> Tensor:
            return autoencoder.tiny_loss(net, teacher, batch.to(self.device), self.stream(), number)

        def look(net: TinyDecoder) -> Sheet:
            there, words = self._scenes()
            z = teacher.encode(there.to(self.device))[0]
            pairs = zip(
                numbers(teacher.decode(z).cpu()), numbers(2 * net(z * teacher.config.scaling).cpu() - 1), strict=True
            )
            return [picture for pair in pairs for picture in pair], words

        return self._study("tiny", net, self.preset.tiny, self._windows(self.preset.tiny), loss, look)

    def clip(self) -> Study:
        """Captions to vectors, by telling which picture each belongs to."""
        tokenizer = self.tokenizer()
        net = ClipPair(TextTower(self.sizes.text(tokenizer)), ImageTower(self.sizes.image))
        initialise_tower(net.text, generator(self.seed, "text tower", 0))
        initialise_tower(net.image, generator(self.seed, "image tower", 0))
        if self.warm is not None:
            file = self.warm.folder / "clip" / "model.safetensors"
            kept = layout.read_tensors(file) | {f"text.{k}": v for k, v in self.warm.text.state_dict().items()}
            layout.check(net, kept, file)
            layout.fill(net, kept, torch.device("cpu"), torch.float32)
            net.requires_grad_(True).train()
        stage, side = self.preset.clip, self.sizes.image.image_size
        make = partial(clip.pairs, self.corpus, self.preset.sayings, self.stream(), rows=stage.rows, side=side)

        def loss(net: nn.Module, batch: tuple[Tensor, list[str]], number: int) -> Tensor:
            return clip.clip_loss(net, tokenizer, batch[0].to(self.device), batch[1])

        def look(net: ClipPair) -> Sheet:
            pictures, captions = clip.pairs(self.corpus, self.preset.sayings, self.seed, 0, rows=64, side=side)
            text = net.text(clip.read(tokenizer, captions).to(self.device)).pooled
            found = clip_logits(net.image(2 * pictures.to(self.device) - 1), text, net.logit_scale).argmax(1)
            return numbers(2 * pictures[:32] - 1), [captions[k] for k in found[:32].tolist()]

        return self._study("clip", net, stage, make, loss, look)

    def diffusion(self) -> Study:
        """Noise to latents, told by captions; `prepare` comes first."""
        stage, net = self.preset.diffusion, UNet(self.sizes.unet)
        initialise(net, "unet", self.seed)
        bundle = self.bundle(net)
        if self.warm is not None:
            net.load_state_dict(self.warm.unet.state_dict())
            revive(net, bundle.literal(SAMPLES).states.cpu(), self.seed)
        shelf = diffusion.Shelf(self.latents(), bundle, self.preset.chunks, self.device)
        quick = self._quick(net)

        def loss(net: nn.Module, batch: int, number: int) -> Tensor:
            return diffusion.diffusion_loss(quick, shelf.filled(), bundle.schedule, self.stream(), number, stage.rows)

        def look(net: UNet) -> Sheet:
            here = self.bundle(net)
            recipes = [recipe(here, prompt, seed) for seed, prompt in enumerate(SAMPLES)]
            return [picture for _, picture in draw_pictures(recipes, here)], list(SAMPLES)

        return replace(self, workers=0)._study("diffusion", net, stage, int, loss, look)

    def _quick(self, net: UNet) -> Callable[[Tensor, Tensor, Context], Tensor]:
        """The network as a step asks it, with the same weights."""
        if self.device.type == "cuda":
            for module in net.modules():
                if isinstance(module, nn.Conv2d):
                    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.network == "graphs":
            return graphs.Replayed(net, self.device, self.half, self.tell, graphs.recorded)
        return torch.compile(net, dynamic=False) if self.network == "compiled" else net

    def prepare(self) -> Iterator[int]:
        """Compose the pictures a diffusion model learns from, as latents; gives how many chunks are done."""
        bundle = self.bundle(UNet(self.sizes.unet))
        chunks, side, mix = self.preset.chunks, self.preset.side, self.preset.mix
        return diffusion.prepare(
            self.corpus, mix, bundle, self.latents(), chunks, side, self.seed, self.workers, self.device
        )

    def latents(self) -> Path:
        """The folder of composed pictures: other drawings, ways to compose, weights, words, seeds have another one."""
        composed = self.corpus.identity, COMPOSING, self.preset.mix, self.preset.side, self.seed
        digest = hashlib.sha256(repr((*composed, self.tokenizer().identity)).encode())
        autoencoder = self.trained_autoencoder()
        for net in (autoencoder.encoder, autoencoder.quant_conv, self.trained_text()):
            for tensor in net.state_dict().values():
                digest.update(tensor.cpu().contiguous().numpy())
        return self.folder / f"latents-{digest.hexdigest()[:12]}"

    def tokenizer(self) -> Tokenizer:
        """The vocabulary, which is kept in the folder: that of `warm`, or learnt once from captions of the corpus.

        LimnerError where the folder's is not that of `warm`: what was trained by the one cannot read the other.
        """
        folder = self.folder / "tokenizer"
        if not folder.exists():
            (self._vocabulary() if self.warm is None else self.warm.tokenizer).save(folder)
        kept = Tokenizer.load(folder)
        if self.warm is not None and self.warm.tokenizer.identity != kept.identity:
            raise LimnerError(
                f"{self.warm.name} has another vocabulary than {self.folder}",
                "choose another --out, or leave out --from",
            )
        return kept

    def _vocabulary(self) -> Tokenizer:
        said = (
            compose(self.corpus, Random(key(self.seed, "said", k)), 16, self.preset.sayings).caption
            for k in range(self.sizes.captions)
        )
        known = (words for record in self.corpus.records for words in (record.label, *record.tags))
        return learn_vocabulary([*said, *known], self.sizes.vocabulary, length=self.sizes.length)

    def trained_autoencoder(self) -> Autoencoder:
        """The encoder, latents centred, with the best decoder for it.

        `vae.safetensors` is written when it is first asked for, and from then on the encoder stands, since a diffusion
        model relies on its latents.
        """
        file = self.folder / "vae.safetensors"
        net = Autoencoder(self.sizes.autoencoder)
        if not file.exists():
            if (self.folder / "autoencoder.safetensors").exists():
                net.load_state_dict(averaged(self.folder / "autoencoder.safetensors"))
                pictures = [
                    compose(self.corpus, Random(key(self.seed, "centre", k)), self.preset.side, self.preset.views).image
                    for k in range(256)
                ]
                autoencoder.centre(net, floats(pictures))
            elif self.warm is not None:
                net.load_state_dict(self.warm.autoencoder.state_dict())
            else:
                raise LimnerError(f"no autoencoder was trained in {self.folder}", "run limner train autoencoder first")
            layout.write_tensors(file, net.state_dict())
        net.load_state_dict(layout.read_tensors(file))
        if (self.folder / "decoder.safetensors").exists():
            net.load_state_dict(averaged(self.folder / "decoder.safetensors"))
        return net.requires_grad_(False).to(self.device)

    def trained_text(self) -> TextTower:
        file = self.folder / "clip.safetensors"
        if not file.exists() and self.warm is not None:
            return self.warm.text.to(self.device)
        if not file.exists():
            raise LimnerError(f"no text tower was trained in {self.folder}", "run limner train clip first")
        net = TextTower(self.sizes.text(self.tokenizer()))
        net.load_state_dict({k.removeprefix("text."): v for k, v in averaged(file).items() if k.startswith("text.")})
        return net.requires_grad_(False).to(self.device)

    def trained_unet(self) -> UNet:
        net = UNet(self.sizes.unet)
        file = self.folder / "diffusion.safetensors"
        if not file.exists():
            raise LimnerError(f"no diffusion model was trained in {self.folder}", "run limner train diffusion first")
        net.load_state_dict(averaged(file))
        return net.requires_grad_(False).to(self.device)

    def save_tiny(self, folder: Path) -> None:
        """The tiny decoder beside the model, if there is one."""
        file = self.folder / "tiny.safetensors"
        if file.exists():
            net = TinyDecoder(self.sizes.tiny)
            net.load_state_dict(averaged(file))
            tiny.save_tiny(folder, net)
        elif self.warm is not None and (self.warm.folder / tiny.FOLDER).is_dir():
            copytree(self.warm.folder / tiny.FOLDER, folder / tiny.FOLDER, dirs_exist_ok=True)

    def bundle(self, net: UNet) -> Bundle:
        """What was trained so far, with this network as its denoiser."""
        autoencoder, text, side = self.trained_autoencoder(), self.trained_text(), self.preset.side
        return Bundle(
            name="workshop",
            folder=self.folder,
            identity="0" * 64,
            defaults=DEFAULTS | {"width": side, "height": side},
            towers=((self.tokenizer(), text),),
            autoencoder=autoencoder,
            denoiser=Preconditioned(net, zero_terminal_snr(scaled_linear()), "v_prediction"),
            device=self.device,
        )

    def nouns(self) -> list[str]:
        """The nouns of which this preset sees pictures."""
        seen = index(self.corpus, self.preset.mix)
        return [word for word in nouns() if word in seen.objects.pictures or word in seen.people.pictures]

    def styles(self) -> list[str]:
        """The style words of its picture sets."""
        return [SETS[name].style for name in self.preset.mix.sets or SETS]

    def done(self, name: str) -> dict[str, Json]:
        """How far a part was trained: its steps, those of the model it began with included, and its last mean loss.

        The mean is over a hundred steps.
        """
        file, before = self.folder / f"{name}.json", self.before(name)
        if not file.exists():
            return before
        losses = layout.read_json(file)["loss"]
        assert isinstance(losses, list)
        last = [float(loss) for loss in losses[-100:] if isinstance(loss, float | int)]
        steps = before.get("steps", 0)
        assert isinstance(steps, int)
        return {"steps": steps + len(losses), "loss": round(sum(last) / len(last), 4)}

    def before(self, name: str) -> dict[str, Json]:
        """What the model that this workshop began with says of a part's training."""
        file = None if self.warm is None else self.warm.folder / "limner.json"
        told = layout.read_json(file).get("training", {}) if file and file.exists() else {}
        part = told.get(name, {}) if isinstance(told, dict) else {}
        return dict(part) if isinstance(part, dict) else {}

    def save_clip(self, folder: Path) -> None:
        """The picture tower, with what else CLIP has and diffusion does not need, beside the model."""
        file = self.folder / "clip.safetensors"
        if file.exists():
            kept = {k: v.half() for k, v in averaged(file).items() if not k.startswith("text.text_model.")}
            layout.write_tensors(folder / "model.safetensors", kept)
            (folder / "config.json").write_text(self.sizes.image.to_json(), encoding="utf-8")
        elif self.warm is not None and (self.warm.folder / "clip").is_dir():
            copytree(self.warm.folder / "clip", folder, dirs_exist_ok=True)

    @property
    def sizes(self) -> Sizes:
        return self.preset.sizes

    def stream(self) -> int:
        """The seed of this process's rows: under torchrun each draws its own."""
        return key(self.seed, "rank", rank()) if rank() else self.seed

    def _views(self, name: str, net: Autoencoder, stage: Stage) -> Study:
        def loss(net: nn.Module, batch: Tensor, number: int) -> Tensor:
            return autoencoder.autoencoder_loss(net, batch.to(self.device), self.stream(), number, DIVERGENCE)

        def look(net: Autoencoder) -> Sheet:
            there, words = self._scenes()
            back = net.decode(net.encode(there.to(self.device))[0]).cpu()
            return [picture for pair in zip(numbers(there), numbers(back), strict=True) for picture in pair], words

        return self._study(name, net, stage, self._windows(stage), loss, look)

    def _windows(self, stage: Stage) -> Callable[[int], Pixels]:
        """Windows into scenes, for whoever learns of pictures without words."""
        views, side = self.preset.views, self.preset.side
        return partial(autoencoder.windows, self.corpus, views, self.stream(), rows=stage.rows, side=side)

    def _scenes(self) -> tuple[Pixels, list[str]]:
        """Sixteen scenes to look at, each beside what a network makes of it: the words for both."""
        scenes = [
            compose(self.corpus, Random(key(self.seed, "look", k)), self.preset.side, self.preset.views)
            for k in range(16)
        ]
        return floats([scene.image for scene in scenes]), [s for scene in scenes for s in (scene.caption, "")]

    def _study(
        self,
        name: str,
        net: nn.Module,
        stage: Stage,
        make: Callable[[int], Batch],
        loss: Callable[[nn.Module, Batch, int], Tensor],
        look: Callable[..., Sheet],
    ) -> Study:
        """Put a network to school; a checkpoint in the folder is where it left off."""
        unpinned(self.device)
        run = Run(net.to(self.device), stage.plan, self.folder / f"{name}.safetensors")
        batches = feed(make, run.number + 1, stage.plan.steps, self.workers)

        def one(net: nn.Module, number: int) -> Tensor:
            with autocast(self.device, self.half):
                return loss(net, next(batches), number)

        @torch.no_grad()
        def seen() -> Sheet:
            best = deepcopy(net).requires_grad_(False)
            best.load_state_dict(run.average.weights)
            return look(best)

        return Study(run, one, seen)


def unpinned(device: torch.device) -> None:
    """Let CUDA choose its kernels by trial: no picture's bits hang on how a network was taught."""
    if device.type == "cuda":
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = False, True


def recipe(bundle: Bundle, prompt: str, seed: int) -> Recipe:
    """A sample's recipe: the preset's defaults."""
    return resolve(Wish(model=bundle.identity, prompt=prompt, seed=seed), bundle.defaults)


def floats(pictures: list[Picture]) -> Pixels:
    return torch.from_numpy(np.stack(pictures)).movedim(-1, 1).float() / 127.5 - 1


def numbers(pixels: Pixels) -> list[Picture]:
    whole = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).movedim(1, -1)
    return list(whole.numpy())
