"""Does it compose, or remember?  GenEval's six tasks on our vocabulary, seen pairs and held-out pairs apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from random import Random

from limner.errors import LimnerError
from limner.evaluation.outlines import TINTS, told
from limner.evaluation.seen import Eye, Found, Seen
from limner.pictures.heldout import RELATIONS, held_out
from limner.pictures.nouns import nouns, with_article
from limner.pictures.shapes import SHAPES
from limner.process.noise import key

FIRST = 4_000_000  # seed of the first task's first picture
MARGIN = 0.1  # of two boxes' extents by which their centres must differ, and
STEEP = 0.5  # how much of their distance must then be along the axis: GenEval's two thresholds
TURNED = {"left of": "right of", "above": "below"}
SPOKEN = {"left of": "to the left of", "right of": "to the right of", "above": "above", "below": "below"}
NUMBERS = {2: "two", 3: "three", 4: "four"}
PROMPTS, SEEDS = 1000, 100  # the most of a task, and of a prompt
TRIES = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many things of that name, of that colour if one is said."""

    word: str
    colour: str = ""
    number: int = 1


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked for and what would be right.

    The first thing wanted stands in `relation` to the second, if there is one; `exact` forbids one too many.
    """

    task: str
    held: bool
    text: str
    wanted: tuple[Wanted, ...]
    relation: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words to ask with: what the model was taught, and what the eye knows of that."""

    words: tuple[str, ...]
    composed: tuple[str, ...]
    outlines: tuple[str, ...]
    shapes: tuple[str, ...]
    styles: tuple[str, ...]
    alike: Callable[[str, str], bool]

    def different(self, rng: Random, words: Sequence[str]) -> tuple[str, str]:
        """Two words that a picture can tell apart; LimnerError where there hardly are any."""
        for _ in range(TRIES):
            one, other = rng.choice(words), rng.choice(words)
            if not self.alike(one, other):
                return one, other
        raise LimnerError("there are no two words that a picture can tell apart", "measure a model that knows more")


def vocabulary(words: Sequence[str], styles: Sequence[str], eye: Eye) -> Vocabulary:
    """Of the taught words those the eye knows; what scenes are composed of, in counts and pairs, are `scene` nouns.

    Silhouettes are asked for of nouns that their outline tells.
    """
    known = {word: nouns()[word] for word in sorted(words) if word in nouns() and eye.knows(word)}
    composed = [word for word, noun in known.items() if noun.scene and noun.number == "count"]
    outlines = [word for word, noun in known.items() if noun.number == "count" and noun.kind != "people"]
    outlines = [word for word in outlines if word not in SHAPES and word in told()]
    shapes = [shape for shape in SHAPES if eye.knows(shape)]
    if not composed or not shapes:
        raise LimnerError("the oracle knows nothing that this model can compose", "measure limner-mini or its kin")
    return Vocabulary(tuple(known), tuple(composed), tuple(outlines), tuple(shapes), tuple(styles), eye.alike)


def shapes_alone(eye: Eye) -> Vocabulary:
    """What can be asked of a model that was taught coloured shapes and nothing else."""
    return Vocabulary((), (), (), tuple(shape for shape in SHAPES if eye.knows(shape)), (), eye.alike)


def single(words: Vocabulary, rng: Random, turn: int) -> Prompt:
    word, style = rng.choice(words.words), rng.choice(words.styles)
    text = f"{with_article(word, nouns()[word].number)}, {style}"
    return Prompt("single", held_out(word, style), text, (Wanted(word),))


def two(words: Vocabulary, rng: Random, turn: int) -> Prompt:
    """Both have to be there, wherever.  Held out are those that were never shown side by side in this order."""
    pair = words.different(rng, words.composed)
    first, second = (with_article(word, "count") for word in pair)
    text = f"{first} and {second}, {rng.choice(words.styles)}"
    return Prompt("two", held_out(pair[0], "left of", pair[1]), text, tuple(map(Wanted, pair)))


def position(words: Vocabulary, rng: Random, turn: int) -> Prompt:
    """Two nouns in one of four places to each other.  A triple of the two and their relation may be held out."""
    pair, relation = words.different(rng, words.composed), RELATIONS[turn % 2]
    held = held_out(pair[0], relation, pair[1])
    if turn // 2 % 2:
        pair, relation = (pair[1], pair[0]), TURNED[relation]
    first, second = (with_article(word, "count") for word in pair)
    text = f"{first} {SPOKEN[relation]} {second}, {rng.choice(words.styles)}"
    return Prompt("position", held, text, tuple(map(Wanted, pair)), relation)


def counting(words: Vocabulary, rng: Random, turn: int) -> Prompt:
    """No count is held out."""
    word, many = rng.choice(words.composed), list(NUMBERS)[turn % len(NUMBERS)]
    text = f"{NUMBERS[many]} {nouns()[word].plural}, {rng.choice(words.styles)}"
    return Prompt("counting", False, text, (Wanted(word, number=many),), exact=True)


def colours(words: Vocabulary, rng: Random, turn: int) -> Prompt:
    """By turns a shape and a silhouette of a noun."""
    colour = rng.choice(TINTS)
    if turn % 2 or not words.outlines:
        word = rng.choice(words.shapes)
        text = with_article(f"{colour} {word}", "count")
    else:
        word = rng.choice(words.outlines)
        text = f"{with_article(colour, 'count')} silhouette of {with_article(word, nouns()[word].number)}"
    return Prompt("colours", held_out(colour, word), text, (Wanted(word, colour),))


def binding(words: Vocabulary, rng: Random, turn: int) -> Prompt:
    """Two shapes, each in its colour.  Held out is a pair of colour and shape; the two shapes' places are seen ones."""
    first, second = words.different(rng, words.shapes)
    one, other = rng.sample(TINTS, 2)
    relation = next((each for each in (RELATIONS[turn % 2], *RELATIONS) if not held_out(first, each, second)), "")
    if not relation:
        return binding(words, rng, turn)
    things = [with_article(f"{colour} {shape}", "count") for colour, shape in ((one, first), (other, second))]
    held = held_out(one, first) or held_out(other, second)
    text = f"{things[0]} {SPOKEN[relation]} {things[1]}"
    return Prompt("binding", held, text, (Wanted(first, one), Wanted(second, other)))


TASKS: Mapping[str, Callable[[Vocabulary, Random, int], Prompt]] = {
    "single": single,
    "two": two,
    "counting": counting,
    "colours": colours,
    "position": position,
    "binding": binding,
}
TARGETS = {
    ("single", False): 0.97,
    ("two", False): 0.85,
    ("colours", False): 0.95,
    ("counting", False): 0.7,
    ("position", False): 0.7,
    ("binding", False): 0.75,
    ("binding", True): 0.6,
}


def prompts(task: str, held: bool, words: Vocabulary, most: int) -> list[Prompt]:
    """As many different prompts as there are, up to `most`; the first n of them are the same whatever `most` is."""
    rng, made = Random(key(0, f"composition {task} {held}", 0)), dict[str, Prompt]()
    for turn in range(TRIES):
        if len(made) == most:
            break
        prompt = TASKS[task](words, rng, turn)
        if prompt.held == held:
            made.setdefault(prompt.text, prompt)
    return list(made.values())


def right(prompt: Prompt, seen: Seen, eye: Eye) -> bool:
    """Whether the picture is as asked for, judged by what was seen alone.

    Of each name the largest things count, as many as are wanted, and they have to be of the colour that was said;
    others may be there unless the number is exact.  GenEval's decisions, Ghosh et al. 2023 (arXiv:2310.11513),
    but for broken pictures, which are wrong.  The shares compare with no published ones: this world is closed.
    """
    if seen.broken:
        return False
    chosen = list[list[Found]]()
    for wanted in prompt.wanted:
        named = [thing for thing in seen.things if thing.word and eye.alike(thing.word, wanted.word)]
        if len(named) < wanted.number or (prompt.exact and len(named) > wanted.number):
            return False
        chosen.append(named[: wanted.number])
        if wanted.colour and any(thing.colour != wanted.colour for thing in chosen[-1]):
            return False
    return not prompt.relation or prompt.relation in relations(chosen[0][0], chosen[1][0])


def relations(one: Found, other: Found) -> set[str]:
    """How the one stands to the other, by their boxes' centres: GenEval's rule, which neglects small offsets."""
    top, left, bottom, right = one.box
    above, beside, below, beyond = other.box
    down, across = (top + bottom - above - below) / 2, (left + right - beside - beyond) / 2
    distance = hypot(down, across)
    if not distance:
        return set()
    slack_down, slack_across = MARGIN * (bottom - top + below - above), MARGIN * (right - left + beyond - beside)
    clear = {
        "above": -down - slack_down,
        "below": down - slack_down,
        "left of": -across - slack_across,
        "right of": across - slack_across,
    }
    return {name for name, offset in clear.items() if offset / distance > STEEP}


def seeds(task: str, held: bool, prompt: int, most: int) -> range:
    """A prompt's seeds; no two prompts have one in common. LimnerError where there would be too many."""
    if prompt >= PROMPTS or most > SEEDS:
        raise LimnerError("so many prompts or seeds there are not", f"at most {PROMPTS} prompts and {SEEDS} seeds each")
    begin = FIRST + SEEDS * (PROMPTS * (2 * list(TASKS).index(task) + held) + prompt)
    return range(begin, begin + most)
