"""What is said about a picture: its noun always, and now and then its style, tags, colour, people and background."""

import random
import re

from limner.pictures.backgrounds import background_phrase
from limner.pictures.nouns import Number, noun_of, with_article
from limner.pictures.sets import Record

_EXPLICIT = 0.3  # share of people whose gender and tone are said, so that there are words to steer by
_LEADS = ("", "", "", "", "an icon of ", "a picture of ", "a drawing of ")
_SINGULAR = re.compile(r"(ss|us|is|as|os|sis)$")
_MASS = {"mate", "sake", "money", "claus"}
_HEAD = re.compile(r" (?:with|of|in|on|at|under|and|behind|over|for|from|\w+ing) ?")


def caption(record: Record, rng: random.Random, background: str = "white") -> str:
    """One sentence part that is true of the picture on that background ("" for none), its noun always present."""
    return finish(subject(record, rng), record.style, record.tags, background, rng)


def finish(things: str, style: str, tags: tuple[str, ...], background: str, rng: random.Random) -> str:
    """The caption around what is shown; a background that is not white is always told."""
    told = background != "white" or rng.random() < 0.3
    where = f" {background_phrase(background)}" if background and told else ""
    lead = rng.choice(_LEADS)
    how = f", {style}" if style and rng.random() < 0.75 else ""
    extra = _tags(things, tags, rng)
    return f"{lead}{things}{how}{where}{extra}" if rng.random() < 0.5 else f"{lead}{things}{where}{how}{extra}"


def subject(record: Record, rng: random.Random) -> str:
    """The thing shown, with its article: "a red apple", "a woman pilot with dark skin"."""
    noun = noun_of(record)
    explicit = rng.random() < _EXPLICIT
    if noun is None:
        words, number = record.label, _number(record.label)
    else:
        words, number = noun.word, noun.number
        if record.colour and rng.random() < 0.7:
            words = f"{record.colour} {words}"
        if explicit and noun.kind == "people" and number == "count" and record.gender:
            words = gendered(words, record.gender)
    tone = f" with {record.tone} skin" if explicit and record.tone and " and " not in record.tone else ""
    return with_article(words, number) + tone


def gendered(words: str, gender: str) -> str:
    """ "pilot" to "woman pilot", "person running" to "woman running"; a word that says it already stays."""
    said = re.search(r"\b(wo)?m[ae]n\b|boy|girl|prince|mermaid|santa", words)
    if said:
        return words
    return re.sub(r"^person\b", gender, words) if words.startswith("person") else f"{gender} {words}"


def _number(label: str) -> Number:
    """How a label outside the list of nouns takes an article, by the form of its head noun."""
    head = _HEAD.split(label)[0].split()[-1]
    if head in _MASS:
        return "mass"
    plural = head in {"people", "men", "women", "feet", "dice"} or (head.endswith("s") and not _SINGULAR.search(head))
    return "plural" if plural else "count"


def _tags(said: str, tags: tuple[str, ...], rng: random.Random) -> str:
    new = [tag for tag in tags if re.fullmatch(r"[a-z][a-z ]+", tag) and tag not in said]
    wanted = rng.choices((0, 1, 2), (65, 25, 10))[0]
    return "".join(f", {tag}" for tag in rng.sample(new, min(wanted, len(new))))
