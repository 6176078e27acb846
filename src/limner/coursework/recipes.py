"""What a picture says of itself becomes an entry: the keys that the assignment wants, and what else makes it anew."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from limner.coursework.labels import label
from limner.coursework.shape import bare
from limner.coursework.spec import Key, Kind, Spec, Task
from limner.coursework.works import Plain
from limner.metadata import LADDERS, SAMPLERS, Reading
from limner.metadata.reading import parsed

PROMPT = "prompt"
RECIPES = "recipes"  # of an entry's pictures, where it has several
BESIDE = (
    "steps",
    "sampler",
    "schedule",
    "guidance",
    "size",
    "negative-prompt",
    "made-by",
    "model-name",
    "recipe",
    "receipt",
    RECIPES,
)
Told = Mapping[str, Plain]


@dataclass(frozen=True, slots=True)
class Filled:
    """The keys of an entry that its picture fills, and why it leaves others open, by their names."""

    said: Told
    open: Mapping[str, str] = field(default_factory=dict)


def own(spec: Spec, reading: Reading) -> Told:
    """What the reading says behind the kinds of keys that a recipe fills, by the kind's name, and the prompt."""
    said = {PROMPT: reading.wish.prompt or None, Kind.SEED: reading.wish.seed, Kind.MODEL: label(spec, reading)}
    return {name: value for name, value in said.items() if value is not None}


def of_recipe(key: Key) -> str:
    """By which name `own` has what stands behind a key; "" where that is for its student to say."""
    if key.kind in (Kind.MODEL, Kind.SEED):
        return key.kind
    return PROMPT if key.kind == Kind.TEXT and key.name == PROMPT else ""


def filled(spec: Spec, task: Task, key: Key, pictures: Sequence[tuple[str, Reading]]) -> Filled:
    """The entry of some pictures, by their names in the hand-in, behind one key: of several, the first one's prompt."""
    names, first = [name for name, _ in pictures], pictures[0][1]
    known = own(spec, first)
    said: dict[str, Plain] = {}
    for each in task.entries.keys:
        if (source := of_recipe(each)) in known:
            said[each.name] = known[source]
    said[key.name] = names if key.kind == Kind.PICTURES else names[0]
    return Filled({**said, **beside(spec, task, key, pictures)}, _open(spec, task, known, first))


def beside(spec: Spec, task: Task, key: Key, pictures: Sequence[tuple[str, Reading]]) -> Told:
    """Keys that no assignment asks for and every re-making needs: none that it could take for one of its own."""
    taken = {bare(each.name) for each in (*task.keys, *task.entries.keys)}
    if key.kind != Kind.PICTURES:
        return {name: value for name, value in recipe(pictures[0][1]).items() if bare(name) not in taken}
    recipes = [{key.name.removesuffix("s"): name, **own(spec, each), **recipe(each)} for name, each in pictures]
    return {RECIPES: recipes} if bare(RECIPES) not in taken else {}


def recipe(reading: Reading) -> Told:
    """How a picture was made, in the words that people use; whole, if limner made it."""
    wish = reading.wish
    size = f"{wish.width}x{wish.height}" if wish.width and wish.height else None
    said: dict[str, Plain | None] = {
        "steps": wish.steps,
        "sampler": SAMPLERS.get(wish.sampler or "", (wish.sampler,))[0],
        "schedule": LADDERS.get(wish.ladder or "", (wish.ladder,))[0],
        "guidance": wish.guidance,
        "size": size,
        "negative-prompt": wish.negative,
        "made-by": reading.maker or None,
        "model-name": re.split(r"[\\/]", reading.model)[-1] or None,  # nobody's folders
        "recipe": asdict(reading.recipe) if reading.recipe else None,
        "receipt": _object(reading.receipt),
    }
    return {name: value for name, value in said.items() if value is not None}


def _object(text: str) -> Plain:
    """A receipt as JSON, which nobody has checked; None where it is none."""
    value = parsed(text)
    return value if isinstance(value, dict) else None


def derived(task: Task) -> set[str]:
    """The names of the keys that belong to a picture, and go with it."""
    return {*BESIDE} - {key.name for key in task.entries.keys} | {
        key.name for key in task.entries.keys if of_recipe(key)
    }


def _open(spec: Spec, task: Task, known: Told, first: Reading) -> dict[str, str]:
    """Why keys of the assignment's are not filled."""
    lines = dict[str, str]()
    for key in task.entries.keys:
        source = of_recipe(key)
        if not source or source in known or key.optional:
            continue
        if key.kind == Kind.MODEL and first.model:
            labels = " or ".join(spec.models)
            lines[key.name] = f"{first.model[:60]!r} is no model of the assignment's: {key.name} is {labels}"
        else:
            lines[key.name] = f"the picture does not say its {key.name}"
    return lines
