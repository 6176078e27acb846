"""Is it a picture of that?  A classifier answers, which saw composed renders only and may say that it is nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation.renders import BROKEN, Renders, View, batch, small, things
from limner.network.block import Halve, Residual
from limner.process.noise import generator
from limner.training.loop import Plan, Run, averaged
from limner.training.precision import autocast
from limner.training.weights import initialise

NOTHING = "nothing"
WIDTHS = (32, 64, 128, 256)
GROUPS, EPS = 8, 1e-5
ROWS = 64
PLAN = Plan(steps=3600, rate=1.5e-3, warmup=150, fall=0.5, decay=0.05)


class Classifier(nn.Module):
    """Residual blocks between halvings, then the mean over all places: the networks' bricks, none of their weights."""

    def __init__(self, classes: int, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, stride=2, padding=1)
        blocks = list[nn.Module]()
        for before, width in zip((widths[0], *widths), widths, strict=False):
            blocks += [*([Halve(before, (1, 1, 1, 1))] if blocks else []), Residual(before, width, None, GROUPS, EPS)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.GroupNorm(GROUPS, widths[-1], eps=EPS)
        self.out = nn.Linear(widths[-1], classes)

    def forward(self, x: View) -> Float[Tensor, "n classes"]:
        h = F.silu(self.norm(self.blocks(self.stem(4 * x - 2))))
        out: Tensor = self.out(h.mean((2, 3)))
        return out


def study(count: int, file: Path, seed: int, plan: Plan = PLAN) -> Run:
    """A classifier of `count` nouns and NOTHING in training; `file` is its checkpoint, from which it goes on."""
    net = Classifier(count + 1)
    initialise(net, "recogniser", seed)
    return Run(net, plan, file)


def lesson(
    renders: Renders, count: int, net: nn.Module, seed: int, number: int, half: bool, rows: int = ROWS
) -> Tensor:
    """The cross entropy of step `number`: its pictures are a function of (seed, number)."""
    x, told = batch(renders, count, rows, seed, number)
    with autocast(x.device, half):
        said = net(x)
    return F.cross_entropy(said.float(), told)


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A trained classifier, the nouns it knows, and what it did on renders it never saw (shares of each kind)."""

    net: Classifier
    nouns: tuple[str, ...]
    about: Mapping[str, float]

    def says(self, pictures: Sequence[Picture]) -> list[str]:
        """The likeliest noun of each picture, or NOTHING."""
        pixels = [torch.tensor(picture).movedim(-1, 0)[None].float() / 255 for picture in pictures]
        found = self.classes(torch.cat([small(each) for each in pixels])) if pixels else torch.zeros(0)
        return [self.word(int(k)) for k in found]

    @torch.no_grad()
    def classes(self, x: Tensor) -> Int[Tensor, " n"]:
        return torch.cat([self.net(few.float() / 255).argmax(1) for few in torch.split(x, 256)])

    def word(self, number: int) -> str:
        return self.nouns[number] if number < len(self.nouns) else NOTHING


def examined(net: Classifier, nouns: Sequence[str], unseen: Renders, other: Renders) -> Recogniser:
    """The classifier with what it does on renders it never saw, and on a set of drawings it never saw."""
    bare = Recogniser(net, tuple(nouns), {})
    about = {
        "plain": share(bare.classes(unseen.plain), unseen.plain_labels),
        "decoded": share(bare.classes(unseen.decoded), unseen.decoded_labels),
        "other drawings, decoded": share(bare.classes(other.decoded), other.decoded_labels),
        "spoilt is nothing": nothing(bare, unseen.spoilt.float() / 255),
    }
    g = generator(0, "recogniser examined", 0)
    for name, spoiling in BROKEN.items():
        x, one = things(unseen, 256, g)
        y, two = things(unseen, 256, g)
        about[f"{name} is nothing"] = nothing(bare, spoiling(x[one != two], y[one != two], g))
    return Recogniser(net, tuple(nouns), about)


def share(said: Tensor, told: Tensor) -> float:
    return round(float((said == told).float().mean()), 4)


def nothing(recogniser: Recogniser, x: View) -> float:
    found = recogniser.classes(255 * x)
    return share(found, torch.full_like(found, len(recogniser.nouns)))


def trained(file: Path, count: int) -> Classifier:
    """The averaged weights of a checkpoint that `study` kept."""
    net = Classifier(count + 1)
    net.load_state_dict(averaged(file))
    return net.requires_grad_(False).eval()


def write(recogniser: Recogniser, file: Path) -> None:
    about = {"nouns": recogniser.nouns, "about": recogniser.about}
    save_file(recogniser.net.state_dict(), file, {"recogniser": json.dumps(about)})


def read(file: Path) -> Recogniser:
    """LimnerError where the file is missing or not what `write` wrote."""
    try:
        with safe_open(file, "pt") as f:
            about = json.loads((f.metadata() or {})["recogniser"])
            kept = {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118 - a safetensors file is no mapping
        net = Classifier(len(about["nouns"]) + 1)
        net.load_state_dict(kept)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise LimnerError(f"{file} is no recogniser", "train one: limner measure recogniser") from error
    return Recogniser(net.requires_grad_(False).eval(), tuple(about["nouns"]), about["about"])
