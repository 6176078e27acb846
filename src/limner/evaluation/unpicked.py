"""A hundred pictures that nobody picked: what to ask for follows from what a model was taught, and by which rule."""

import re
from collections.abc import Sequence
from itertools import cycle
from random import Random
from typing import TypeVar

from limner.errors import LimnerError
from limner.evaluation.reading import Card, right
from limner.pictures.captions import gendered
from limner.pictures.heldout import RELATIONS
from limner.pictures.nouns import nouns, with_article
from limner.pictures.shapes import SHAPES
from limner.pictures.words import COLOURS, TONES

THINGS, SHAPED, COUNTED, PAIRED, PEOPLE = 60, 7, 7, 6, 20
NUMBERS = {"two": {"two", "2", "pair", "couple"}, "three": {"three", "3"}, "four": {"four", "4"}}
TURNED = {
    "right of": "left of",
    "below": "above",
    "under": "above",
    "beneath": "above",
    "underneath": "above",
    "over": "above",
    "on top of": "above",
    "beside": "left of",
    "next to": "left of",
    "and": "left of",
}
BACKWARDS = {"right of", "below", "under", "beneath", "underneath"}
OTHER_SHAPES = {"circle": {"disc", "disk", "dot", "ball"}, "crescent": {"moon"}, "diamond": {"rhombus"}}
GENDERS = ("woman", "man")

Item = TypeVar("Item")


def cards(words: Sequence[str], styles: Sequence[str]) -> list[Card]:
    """A hundred prompts, seeds 0 to 99, files shuffled: 60 things, 7 shapes, 7 counts, 6 pairs and 20 people.

    Things and people are evenly spaced in the sorted list of the nouns taught (people of all nouns, if none were),
    styles taking turns; shapes, counts and pairs are drawn by a stream of chance of their own, which sees no picture.
    Every second of the people is told gender and skin tone.  LimnerError where there are too few nouns.
    """
    people = [word for word in sorted(words) if person(word)] or [word for word in sorted(nouns()) if person(word)]
    things = [word for word in sorted(words) if word not in people]
    several = [word for word in things if nouns()[word].scene and nouns()[word].number == "count"]
    if len(things) < THINGS or len(several) < 2 * PAIRED:
        raise LimnerError(f"{len(things)} nouns are too few", f"{THINGS} things are needed, some of them composed")
    asked = [
        *(("thing", word, with_article(word, nouns()[word].number)) for word in spaced(things, THINGS)),
        *(("shape", said, with_article(said, "count")) for said in shapes(Random(0))),
        *(("count", said, said) for said in counts(several, Random(1))),
        *(("pair", said, said) for said in pairs(several, Random(2))),
        *(("person", word, described) for word, described in told(spaced(people, PEOPLE))),
    ]
    numbers = list(range(len(asked)))
    Random(0).shuffle(numbers)
    return [
        Card(f"{number:03}.png", noun, prompt if kind == "shape" else f"{prompt}, {style}", seed, kind)
        for seed, (number, (kind, noun, prompt), style) in enumerate(zip(numbers, asked, cycle(styles), strict=False))
    ]


def person(word: str) -> bool:
    """Whether the noun is somebody: some things stand among the people of the list of nouns, and have no emoji."""
    noun = nouns()[word]
    return noun.kind == "people" and bool(noun.codes)


def spaced(words: Sequence[Item], count: int) -> list[Item]:
    """So many of them, as evenly spaced as whole numbers allow; some twice, if there are fewer."""
    return [words[k * len(words) // count] for k in range(count)]


def shapes(rng: Random) -> list[str]:
    """ "red circle": every shape and every colour at most once."""
    pairs = zip(rng.sample(list(SHAPES), SHAPED), rng.sample(list(COLOURS), SHAPED), strict=True)
    return [f"{colour} {shape}" for shape, colour in pairs]


def counts(words: Sequence[str], rng: Random) -> list[str]:
    """ "three cats": numbers take turns."""
    pairs = zip(rng.sample(list(words), COUNTED), cycle(NUMBERS), strict=False)
    return [f"{number} {nouns()[word].plural}" for word, number in pairs]


def pairs(words: Sequence[str], rng: Random) -> list[str]:
    """ "a cat to the left of a dog" and "a cat above a dog", by turns, no noun twice."""
    drawn = rng.sample(list(words), 2 * PAIRED)
    said = {"left of": "to the left of", "above": "above"}
    return [
        f"{with_article(one, 'count')} {said[relation]} {with_article(other, 'count')}"
        for one, other, relation in zip(drawn[::2], drawn[1::2], cycle(RELATIONS), strict=False)
    ]


def told(words: Sequence[str]) -> list[tuple[str, str]]:
    """Each with its description, every second with a gender and a skin tone: "a woman pilot with dark skin"."""
    described, people = list[tuple[str, str]](), cycle((gender, tone) for tone in TONES[1:] for gender in GENDERS)
    for number, word in enumerate(words):
        kind = nouns()[word].number
        if number % 2:
            gender, tone = next(people)
            described.append((word, f"{with_article(gendered(word, gender), kind)} with {tone} skin"))
        else:
            described.append((word, with_article(word, kind)))
    return described


def rightly(answer: str, card: Card) -> bool:
    """Whether a free answer names what the card asked for; the rule was fixed before anybody looked.

    Of a shape its colour and its name, of several things their number and their noun, of a pair both nouns in the right
    relation; of a person the role alone: nobody is asked to tell a depicted figure's gender or skin tone.
    """
    return RULES.get(card.kind, right)(answer, card.noun)


def of_shape(answer: str, wanted: str) -> bool:
    colour, shape = wanted.split(" ", 1)
    said = answer.lower().replace("gray", "grey")
    names = {shape, *OTHER_SHAPES.get(shape, set())}
    return has(said, colour) and any(has(said, name) for name in names)


def of_count(answer: str, wanted: str) -> bool:
    number, plural = wanted.split(" ", 1)
    (word,) = (word for word, noun in nouns().items() if noun.plural == plural)
    said = re.findall(r"[\w-]+", answer.lower())
    others = set().union(*NUMBERS.values()) - NUMBERS[number]
    rest = " ".join(each for each in said if each not in NUMBERS[number] and each not in ("of", "a"))
    return bool(NUMBERS[number] & set(said)) and not others & set(said) and right(rest, word)


def of_pair(answer: str, wanted: str) -> bool:
    """ "A below B" is "B above A"; who says only "A and B" or "A beside B" is taken to read from left to right."""
    one, relation, other = parted(wanted) or ("", "", "")
    said = parted(answer)
    if said is None:
        return False
    first, how, second = said
    return how == relation and right(first, bare(one)) and right(second, bare(other))


def parted(text: str) -> tuple[str, str, str] | None:
    """(first, relation, second) with the relation one of RELATIONS, turned round where it has to be."""
    ways = sorted({*RELATIONS, *TURNED}, key=len, reverse=True)
    divided = re.split(rf"\b(?:to the )?({'|'.join(ways)})\b(?: the\b)?", text.lower().replace(" is ", " "), maxsplit=1)
    if len(divided) != 3:
        return None
    first, how, second = (part.strip() for part in divided)
    return (second, TURNED[how], first) if how in BACKWARDS else (first, TURNED.get(how, how), second)


def bare(words: str) -> str:
    return re.sub(r"^an? ", "", words)


def has(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}s?\b", text) is not None


RULES = {"shape": of_shape, "count": of_count, "pair": of_pair}
