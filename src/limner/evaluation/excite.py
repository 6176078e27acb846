"""Two things are asked for and one is missing: does it come back, more often than by asking three times?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from time import process_time

import torch
from PIL import Image
from torch.nn import functional as F

from limner.bundle import Bundle
from limner.bundle.clip import Clip
from limner.control.attend_and_excite import ACTIVE, neglect
from limner.engine import run
from limner.engine.controls import excited
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation import drawn
from limner.evaluation.alignment import floats, thing
from limner.evaluation.composition import Prompt, Vocabulary, Wanted, prompts, right
from limner.evaluation.figures import Value
from limner.evaluation.seen import Eye, Seen
from limner.home import beside
from limner.pictures.nouns import with_article
from limner.recipe import Recipe, Wish
from limner.sampler.sampling import Asking, Query

SELECTION, MEASURED, CALIBRATION, SINGLE, AGAIN = 10_000_000, 11_000_000, 12_000_000, 13_000_000, 20_000_000
"""First seeds: to choose prompts by, to measure, to calibrate, of single things, and of second and third tries."""
BAND = (0.25, 0.75)  # share of right pictures between which a prompt fails often, and not always
TEMPERATURES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
PACES = (5.0, 10.0, 20.0, 60.0)  # the authors' is 20 at the size of their latents; far above, pictures break
GOOD_LOSS = (0.3, 0.6)  # between which the median loss of failing pictures should be
UNSAID = "next to"
"""What no caption of the training says of two things: such a prompt wavers oftener than those that it does say."""
TASKS = ("two", UNSAID, "binding")


@dataclass(frozen=True, slots=True)
class Failing:
    """A prompt, and how often it came out right when prompts were chosen."""

    prompt: Prompt
    right: int
    of: int

    @property
    def wavers(self) -> bool:
        return BAND[0] <= self.right / self.of <= BAND[1]


@dataclass(frozen=True, slots=True)
class Registered:
    """What is written down before anything is measured: which weights, who looked, how it was drawn, which prompts."""

    model: str
    oracle: str
    drawn: Mapping[str, Value]
    measured: tuple[Failing, ...]
    calibration: tuple[Failing, ...]


def registered(found: Sequence[Failing], model: str, oracle: str, how: Mapping[str, Value]) -> Registered:
    """Of all prompts that were tried those that waver: of each task every second to be measured, the others calibrate.

    LimnerError where none is left to be measured.
    """
    lists = [[each for each in found if each.prompt.task == task] for task in TASKS]
    measured, calibration = ([each for some in lists for each in some[k::2] if each.wavers] for k in (0, 1))
    if not measured:
        right, of = sum(each.right for each in found), sum(each.of for each in found)
        raise LimnerError(
            f"no prompt comes out right in {BAND[0]:.0%} to {BAND[1]:.0%} of pictures; all together {right} of {of}",
            "a model that never or always draws two things leaves nothing to excite",
        )
    return Registered(model, oracle, how, tuple(measured), tuple(calibration))


def candidates(task: str, words: Vocabulary, most: int) -> list[Prompt]:
    """Prompts to choose from: a task's of `composition`, or those of "two" in other words."""
    if task != UNSAID:
        return prompts(task, False, words, most)
    said = list[Prompt]()
    for each in prompts("two", False, words, most):
        first, second = (with_article(wanted.word, "count") for wanted in each.wanted)
        style = each.text.removeprefix(f"{first} and {second}")
        said.append(replace(each, task=task, text=f"{first} {task} {second}{style}"))
    return said


def write(chosen: Registered, file: Path) -> None:
    rule = (
        f"prompts of two things, on seeds from {SELECTION} on, that were right in {BAND[0]:.0%} to {BAND[1]:.0%}; "
        f"of each task every second one is measured on seeds from {MEASURED} on, the others calibrate"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"rule": rule, **asdict(chosen)}, indent=2) + "\n", encoding="utf-8")


def read(file: Path, model: str, oracle: str, how: Mapping[str, Value]) -> Registered:
    """LimnerError where there is none, or it was chosen with other weights, by another eye or from other drawings."""
    again = "choose prompts first: limner measure excite --select"
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        lists = [tuple(_failing(each) for each in about[name]) for name in ("measured", "calibration")]
        chosen = Registered(about["model"], about["oracle"], about["drawn"], *lists)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LimnerError(f"{file} holds no prompts that were chosen beforehand", again) from error
    for name, was, is_ in (
        ("model", chosen.model, model),
        ("oracle", chosen.oracle, oracle),
        ("way of drawing", chosen.drawn, how),
    ):
        if was != is_:
            raise LimnerError(f"the prompts in {file} were chosen with another {name}", again)
    return chosen


def _failing(raw: Mapping[str, object]) -> Failing:
    prompt = dict(raw["prompt"])  # type: ignore[call-overload]
    wanted = tuple(Wanted(**each) for each in prompt["wanted"])
    return Failing(Prompt(**prompt | {"wanted": wanted}), int(str(raw["right"])), int(str(raw["of"])))


def present(prompt: Prompt, seen: Seen, eye: Eye) -> bool:
    """Whether both things are there, whatever their colours and places."""
    bare = tuple(replace(each, colour="") for each in prompt.wanted)
    return right(replace(prompt, wanted=bare, relation=""), seen, eye)


def bound(prompt: Prompt, seen: Seen, eye: Eye) -> bool:
    """Whether both are there in their colours."""
    return right(replace(prompt, relation=""), seen, eye)


def pairs(prompts: Sequence[Failing], count: int) -> list[tuple[Prompt, int]]:
    """So many prompts in turn, each time with a seed of its own."""
    return [(prompts[k % len(prompts)].prompt, MEASURED + k) for k in range(count)]


def names(prompt: Prompt) -> str:
    """The things, as a recipe's `excite` names them."""
    return ", ".join(each.word for each in prompt.wanted)


def wrong(prompt: Prompt) -> str:
    """A word that is no thing: "of" where the prompt says it, else its first article."""
    said = prompt.text.split()
    return "of" if "of" in said else next((word for word in said if word in ("a", "an")), said[0])


def exciting(prompt: Prompt, seed: int, words: str, settings: Mapping[str, float | None], binding: float = 0.0) -> Wish:
    return Wish(
        prompt=prompt.text,
        seed=seed,
        excite=words,
        excite_temperature=settings["temperature"],
        excite_step=settings["step"],
        excite_binding=binding or None,
    )


@dataclass(slots=True)
class Trace:
    """A watcher of Attend-and-Excite: the loss of every look, and how many there were of either kind."""

    losses: list[tuple[float, float]] = field(default_factory=list)
    looks: int = 0
    seconds: float = 0.0

    def control(self, query: Query) -> Asking:
        objective = query.objective
        if objective is None:
            self.looks += 1
            return (yield query)

        def told() -> torch.Tensor:
            loss = objective()
            self.losses.append((query.sigma, float(loss.detach())))
            return loss

        return (yield replace(query, objective=told))

    def first(self) -> float:
        """The loss before anything was moved."""
        return self.losses[0][1] if self.losses else 0.0

    def by_step(self) -> dict[float, tuple[float, float]]:
        """The first and the last loss at each noise level."""
        out = dict[float, tuple[float, float]]()
        for sigma, loss in self.losses:
            out[sigma] = (out[sigma][0] if sigma in out else loss, loss)
        return out


def traced(recipe: Recipe, bundle: Bundle, folder: Path) -> tuple[Path, Trace]:
    """The recipe's picture and its trace, drawn eagerly if it was not before; seconds are the processor's."""
    file = drawn.place(folder, recipe)
    kept = file.with_suffix(".json")
    if file.exists() and kept.exists():
        about = json.loads(kept.read_text(encoding="utf-8"))
        return file, Trace([(sigma, loss) for sigma, loss in about["losses"]], about["looks"], about["seconds"])
    folder.mkdir(parents=True, exist_ok=True)
    trace, began = Trace(), process_time()
    ((_, picture),) = run([recipe], bundle, [trace.control] if recipe.excite else [])
    trace.seconds = process_time() - began
    with beside(kept) as part:
        part.write_text(json.dumps(asdict(trace)), encoding="utf-8")
    with beside(file) as part:
        Image.fromarray(picture).save(part, format="png")
    return file, trace


@dataclass(slots=True)
class Neglects:
    """A watcher of a plain picture: what Attend-and-Excite's loss would be at each temperature, step by step."""

    recipe: Recipe
    bundle: Bundle
    losses: dict[float, list[float]] = field(default_factory=dict)

    def control(self, query: Query) -> Asking:
        eye = excited(self.recipe, self.bundle)
        share = sum(sigma > query.sigma for sigma in eye.sigmas) / (len(eye.sigmas) - 1)
        if query.objective is not None or share >= ACTIVE:
            return (yield query)
        reply = yield replace(query, taps=(*query.taps, eye))
        for temperature in TEMPERATURES:
            maps = replace(eye, temperature=temperature).maps()
            self.losses.setdefault(temperature, []).append(float(neglect(maps, eye.things)))
        return reply


def neglects(recipe: Recipe, words: str, bundle: Bundle) -> tuple[Picture, Mapping[float, Sequence[float]]]:
    """The recipe's plain picture, and the losses of its active steps by temperature, for the things that are named."""
    named = replace(recipe, excite=words, excite_step=1.0, excite_temperature=1.0)
    seen = Neglects(named, bundle)
    ((_, picture),) = run([recipe], bundle, [seen.control])
    return picture, seen.losses


def proposed(medians: Mapping[float, float]) -> float:
    """The temperature whose median loss is nearest to the middle of what is good."""
    middle = sum(GOOD_LOSS) / 2
    return min(medians, key=lambda temperature: abs(medians[temperature] - middle))


def medians(losses: Sequence[Mapping[float, Sequence[float]]]) -> dict[float, float]:
    """Over all pictures and active steps, by temperature."""
    return {each: median(loss for found in losses for loss in found[each]) for each in TEMPERATURES}


@torch.no_grad()
def best(prompt: Prompt, pictures: Sequence[Picture], clip: Clip) -> int:
    """Which of some pictures CLIP finds both things in: the largest of each picture's smaller cosine.

    Chefer et al. 2023 (arXiv:2301.13826), section 5, "minimum object similarity".
    """
    images = F.interpolate(floats(pictures), (clip.side, clip.side), mode="area")
    words = clip.captions([thing(f"{each.colour} {each.word}".strip()) for each in prompt.wanted])
    scores = (clip.pictures(images) @ words.T).amin(1)
    return int(scores.argmax())
