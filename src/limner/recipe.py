"""A picture is a function of (bundle, recipe): the recipe is everything that decides its pixels, and nothing else."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from hashlib import sha256
from re import fullmatch
from typing import TypeAlias

from limner.errors import LimnerError

VERSION = 4
LOUDEST = 10_000  # a noise level above any ladder's
SEEDS = 2**32  # torch's CPU generator ignores the bits above
ETA = {"ddim": 0.0}  # where a wish is silent: DDIM's authors mean no fresh noise, all others as much as there may be

Value: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class About:
    """What a flag, a form or a schema says of one field.

    `low` and `high` bound a number, or a text's length in characters; `unit` is the number's; `pattern`, where there is
    one, is a regular expression for the whole text.  The field's type is the example's.  `above` says that `low` itself
    only stands for a control that is not there.
    """

    help: str
    example: Value
    low: int
    high: int
    unit: str = ""
    pattern: str = ""
    above: bool = False

    @property
    def kind(self) -> type[int] | type[float] | type[str]:
        return type(self.example)

    @property
    def range(self) -> str:
        unit = " characters" if self.kind is str else self.unit and f" {self.unit}"
        low = f"above {self.low}," if self.above else f"{self.low}"
        return f"{low} to {self.high}{unit}" if self.low < self.high else f"{self.low}{unit}"


def _said(
    text: str, example: Value, low: int, high: int, unit: str = "", pattern: str = "", above: bool = False
) -> Mapping[str, About]:
    return {"about": About(text, example, low, high, unit, pattern, above)}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One picture, exactly.  Nothing has a default; a recipe that exists is within its ranges (else LimnerError)."""

    version: int = field(metadata=_said("layout of the recipe itself", VERSION, VERSION, VERSION))
    model: str = field(
        metadata=_said("identity of the weights: sha256 of their names and bytes", "0" * 64, 64, 64, "", "[0-9a-f]{64}")
    )
    prompt: str = field(metadata=_said("what the picture shows; empty draws whatever comes", "a red apple", 0, 2000))
    negative: str = field(metadata=_said("what it is steered away from", "blurry", 0, 2000))
    seed: int = field(metadata=_said("the noise it starts from", 42, 0, SEEDS - 1))
    steps: int = field(metadata=_said("noise levels walked down", 20, 1, 1000, "steps"))
    sampler: str = field(metadata=_said("how one noise level leads to the next", "euler", 1, 64))
    ladder: str = field(metadata=_said("how the noise levels are spaced", "karras", 1, 64))
    eta: float = field(metadata=_said("share of fresh noise, in samplers that draw any on the way", 1.0, 0, 1))
    guidance: float = field(metadata=_said("how far the prompt is overstated: 1 not at all, 0 ignored", 7.5, -100, 100))
    guide_above: float = field(metadata=_said("guided only at noise levels above this", 0.3, 0, LOUDEST, "(sigma)"))
    guide_below: float = field(metadata=_said("and only up to this", 10.0, 0, LOUDEST, "(sigma)"))
    rescale: float = field(
        metadata=_said("how far the guided contrast is taken back to the unguided: 0 not at all", 0.7, 0, 1)
    )
    clip_skip: int = field(metadata=_said("layer of the text tower that is read, from the last: 1 the last", 1, 1, 12))
    width: int = field(metadata=_said("width of the picture", 256, 8, 4096, "pixels"))
    height: int = field(metadata=_said("height of the picture", 256, 8, 4096, "pixels"))
    excite: str = field(metadata=_said("words whose things must not be missing; auto finds them", "cat, dog", 0, 200))
    excite_step: float = field(metadata=_said("how far the latent is moved for them", 20.0, 0, LOUDEST))
    excite_temperature: float = field(
        metadata=_said("by which attention is sharpened before", 100.0, 0, LOUDEST, above=True)
    )
    excite_binding: float = field(metadata=_said("weight of colours lying on their own things", 1.0, 0, 100))
    edit_of: str = field(metadata=_said("prompt of the picture that this is an edit of", "a red apple", 0, 2000))
    edit_cross: float = field(metadata=_said("share of the steps in which words keep their places", 0.8, 0, 1))
    edit_layout: float = field(metadata=_said("share of the steps in which places keep their kin", 0.4, 0, 1))
    edit_schedule: str = field(metadata=_said("such a share for single words", "apple:0.4", 0, 200))
    edit_weights: str = field(metadata=_said("how much more words count", "red:2", 0, 200))
    edit_where: str = field(metadata=_said("words only whose places may change", "apple", 0, 200))
    edit_picture: str = field(metadata=_said("sha256 of the pixels of the picture, if given", "0" * 64, 0, 64))
    edit_inversion: str = field(
        metadata=_said("its way back to noise: direct, null-text, fixed-point, ddim", "direct", 0, 16)
    )

    def __post_init__(self) -> None:
        for name in FIELDS:
            object.__setattr__(self, name, checked(name, getattr(self, name)))
        for switch, ruled in GROUPS.items():
            idle = [name for name in ruled if getattr(self, name) != NEUTRAL[name]]
            if idle and not getattr(self, switch):
                raise LimnerError(f"{idle[0]} without {switch} is without effect", f"say {switch} too")


GROUPS: Mapping[str, Mapping[str, Value]] = {  # a control's first field switches the others on, which it then has
    "excite": {"excite_step": 20.0, "excite_temperature": 100.0, "excite_binding": 0.0},
    "edit_of": {
        "edit_cross": 0.8, "edit_layout": 0.4, "edit_schedule": "", "edit_weights": "", "edit_where": "",
        "edit_picture": "", "edit_inversion": "",
    },
}  # fmt: skip
NEUTRAL: Mapping[str, Value] = {  # how the fields of a control say that it is not there
    name: type(value)() for switch, ruled in GROUPS.items() for name, value in ({switch: ""} | dict(ruled)).items()
}
FIELDS: Mapping[str, About] = {each.name: each.metadata["about"] for each in fields(Recipe)}
DEFAULTS: dict[str, Value] = {  # what courses use, where a wish and the model itself are silent
    "negative": "",
    "seed": 42,
    "steps": 50,
    "sampler": "dpmpp_2m",
    "ladder": "trailing",
    "guidance": 7.5,
    "guide_above": 0.0,
    "guide_below": float(LOUDEST),
    "rescale": 0.0,
    "clip_skip": 1,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """A recipe in which things may be left open, for the bundle to fill; what is said is within its range."""

    version: int | None = None
    model: str | None = None
    prompt: str | None = None
    negative: str | None = None
    seed: int | None = None
    steps: int | None = None
    sampler: str | None = None
    ladder: str | None = None
    eta: float | None = None
    guidance: float | None = None
    guide_above: float | None = None
    guide_below: float | None = None
    rescale: float | None = None
    clip_skip: int | None = None
    width: int | None = None
    height: int | None = None
    excite: str | None = None
    excite_step: float | None = None
    excite_temperature: float | None = None
    excite_binding: float | None = None
    edit_of: str | None = None
    edit_cross: float | None = None
    edit_layout: float | None = None
    edit_schedule: str | None = None
    edit_weights: str | None = None
    edit_where: str | None = None
    edit_picture: str | None = None
    edit_inversion: str | None = None

    def __post_init__(self) -> None:
        for name, value in said(self).items():
            object.__setattr__(self, name, checked(name, value))


def said(wish: Wish) -> dict[str, Value]:
    """The fields a wish does not leave open."""
    return {name: value for name in FIELDS if (value := getattr(wish, name)) is not None}


def said_of(wish: Wish, names: Collection[str]) -> dict[str, Value]:
    """Those of some fields that the wish does not leave open."""
    return {name: value for name, value in said(wish).items() if name in names}


def moving(wish: Wish) -> Wish:
    """A wish that excites; LimnerError where a number that must be above 0 is 0, by which nothing would be moved."""
    for name, value in said(wish).items():
        if FIELDS[name].above and value == FIELDS[name].low:
            raise LimnerError(f"{name} {_short(value)} is out of range", f"choose {FIELDS[name].range}")
    return wish


def checked(name: str, value: object) -> Value:
    """`value` as the field's own type and within its range; LimnerError names the field, the value and the range.

    A whole number serves as a float, nothing else is converted; minus zero becomes zero, so that equal recipes have one
    spelling.
    """
    about = FIELDS[name]
    kinds = (int, float) if about.kind is float else (about.kind,)
    if not isinstance(value, kinds) or isinstance(value, bool):
        noun = {int: "a whole number", float: "a number", str: "text"}[about.kind]
        raise LimnerError(f"{name} {_short(value)} is not {noun}", f"choose {about.range}, such as {about.example!r}")
    extent = len(value) if isinstance(value, str) else value
    if not about.low <= extent <= about.high:
        raise LimnerError(f"{name} {_short(value)} is out of range", f"choose {about.range}")
    if not isinstance(value, str):
        return value + 0.0 if about.kind is float else value
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise LimnerError(f"{name} {_short(value)} holds bytes that are no text", "write it in UTF-8")
    if about.pattern and not fullmatch(about.pattern, value):
        raise LimnerError(f"{name} {_short(value)} is not of the form {about.pattern}", f"such as {about.example}")
    return value


def resolve(wish: Wish, defaults: Mapping[str, Value]) -> Recipe:
    """The wish with its open fields filled from a bundle's own defaults; LimnerError if one stays open.

    `eta` belongs to its sampler: whoever wishes for another sampler, and for no eta, gets that sampler's own.  A
    control that is not wished for leaves no trace of its numbers.
    """
    filled = {"version": VERSION, **NEUTRAL, **defaults, **said(wish)}
    if filled["excite"]:
        moving(wish)
    for switch, ruled in GROUPS.items():
        usual = ruled if defaults.get(switch) == "" else {name: defaults.get(name, ruled[name]) for name in ruled}
        filled |= {**(usual if filled[switch] else {name: NEUTRAL[name] for name in ruled}), **said_of(wish, ruled)}
    if "eta" not in filled or (wish.eta is None and wish.sampler not in (None, defaults.get("sampler"))):
        filled["eta"] = ETA.get(str(filled.get("sampler")), 1.0)
    return from_mapping(filled)


def check(recipe: Recipe, factor: int, samplers: Collection[str], ladders: Collection[str]) -> None:
    """LimnerError unless these names exist and width and height divide by `factor`, the bundle's pixels per latent."""
    for name, value, known in (("sampler", recipe.sampler, samplers), ("ladder", recipe.ladder, ladders)):
        if value not in known:
            near = get_close_matches(value.casefold(), known, n=3, cutoff=0.4)
            meant = f"did you mean {' or '.join(near)}? " if near else ""
            raise LimnerError(f"unknown {name} {_short(value)}", f"{meant}there are {', '.join(sorted(known))}")
    for name, size in (("width", recipe.width), ("height", recipe.height)):
        if size % factor:
            below = size // factor * factor
            nearest = " and ".join(str(whole) for whole in (below, below + factor) if whole)
            raise LimnerError(f"{name} {size} does not divide by {factor}", f"the nearest that do: {nearest}")


def series(recipe: Recipe, count: int) -> list[Recipe]:
    """`count` pictures of one wish: the recipe with its seed, seed + 1, ...; LimnerError where the seeds run out."""
    if count < 1:
        raise LimnerError(f"count {count} is out of range", "choose at least 1")
    if recipe.seed + count > SEEDS:
        raise LimnerError(
            f"{count} seeds from {recipe.seed} run past {SEEDS - 1}", f"begin at {SEEDS - count} or below"
        )
    return [replace(recipe, seed=recipe.seed + i) for i in range(count)]


def to_json(recipe: Recipe) -> str:
    """The one spelling of this recipe: ASCII, sorted keys, no blanks, shortest exact floats."""
    return json.dumps(asdict(recipe), sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> Recipe:
    """The recipe that `to_json` wrote; LimnerError where a key is missing or unknown or a value is not allowed."""
    try:
        mapping = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise LimnerError(f"the recipe is not JSON: {fault}", "give it as limner wrote it") from fault
    if not isinstance(mapping, dict):
        raise LimnerError("the recipe is not a JSON object", "give it as limner wrote it")
    return from_mapping(mapping)


def from_mapping(mapping: Mapping[str, object]) -> Recipe:
    """The recipe with exactly these fields; LimnerError names what is missing, unknown or not allowed."""
    mapping = upgraded(mapping)
    if (version := mapping.get("version", VERSION)) != VERSION:
        raise LimnerError(f"recipe version {_short(version)} is unknown; this limner reads {VERSION}", "update limner")
    if missing := FIELDS.keys() - mapping.keys():
        raise LimnerError(f"the recipe lacks {', '.join(sorted(missing))}", "a recipe leaves nothing open")
    if unknown := mapping.keys() - FIELDS.keys():
        raise LimnerError(
            f"the recipe has no field {', '.join(map(_short, sorted(unknown)))}", f"the fields are {', '.join(FIELDS)}"
        )
    return Recipe(*(mapping[name] for name in FIELDS))  # type: ignore[arg-type]  # Recipe checks each


ADDED: Mapping[int, Mapping[str, Value]] = {  # the fields that came with a version, as all before it had them
    2: {"guide_above": 0.0, "guide_below": float(LOUDEST)},
    3: {"eta": 1.0, "rescale": 0.0, "clip_skip": 1},
    4: NEUTRAL,
}


def upgraded(mapping: Mapping[str, object]) -> Mapping[str, object]:
    """An older version's recipe in today's fields: the same picture."""
    old = mapping.get("version")
    if type(old) is not int or not 1 <= old < VERSION:
        return mapping
    later = (ADDED[version] for version in range(old + 1, VERSION + 1))
    return {**mapping, **{name: value for added in later for name, value in added.items()}, "version": VERSION}


def digest(recipe: Recipe) -> str:
    """sha256 (hex) of the canonical JSON: the name of the job."""
    return sha256(to_json(recipe).encode()).hexdigest()


def _short(value: object) -> str:
    """One line of at most 60 characters, for an error."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
