"""What one must know of the pictures before training on them, every number counted in the manifest.

Gebru et al. 2021, Datasheets for Datasets (arXiv:1803.09010): the seven sections are theirs.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from limner.pictures.catalogue import Package, PictureSet
from limner.pictures.heldout import RELATIONS
from limner.pictures.nouns import noun_of, nouns
from limner.pictures.sets import Manifest
from limner.pictures.words import COLOURS

NAMING = "catalogue.py", "heldout.py", "nouns.json", "nouns.py", "sources.py", "words.py"
"""The files that decide what is taken and what it is called."""


@dataclass(frozen=True)
class Counts:
    """All that a datasheet says of a corpus; `corpus` and `naming` are digests of it and of the code that named it.

    `people` are (gender, tone, pictures).
    """

    corpus: str
    naming: str
    version: int
    seed: int
    size: int
    shards: int
    pictures: int
    labels: int
    authors: int
    listed: int
    drawn: int
    shared: int
    sets: tuple[PictureSet, ...]
    kept: dict[str, int]
    plain: dict[str, int]
    groups: dict[str, int]
    colours: dict[str, int]
    held_out: dict[str, int]
    examples: tuple[str, ...]
    people: tuple[tuple[str, str, int], ...]
    licences: dict[str, int]

    def described(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)


def counted(manifest: Manifest) -> Counts:
    records = manifest.records
    drawings = {(noun.word, record.set) for record in records if (noun := noun_of(record))}
    named = Counter(word for word, _ in drawings)
    people = [record for record in records if record.group in {"people-body", "people", "faces"}]
    tones = {record.tone: "two tones" if " and " in record.tone else record.tone or "none" for record in people}
    genders = Counter((record.gender or "not said", tones[record.tone]) for record in people)
    return Counts(
        corpus=manifest.identity,
        naming=naming(),
        version=manifest.version,
        seed=manifest.seed,
        size=manifest.size,
        shards=len(manifest.shards),
        pictures=len(records),
        labels=len({record.label for record in records}),
        authors=len({record.author for record in records}),
        listed=len(nouns()),
        drawn=len(named),
        shared=sum(count >= 4 for count in named.values()),
        sets=manifest.sets,
        kept=dict(Counter(record.set for record in records)),
        plain=dict(Counter(record.set for record in records if not record.tone)),
        groups=dict(Counter(record.group or "other" for record in records)),
        colours=dict(Counter(record.colour for record in records if record.colour)),
        held_out=dict(Counter(map(_kind, manifest.held_out))),
        examples=_examples(manifest),
        people=tuple((gender, tone, count) for (gender, tone), count in sorted(genders.items())),
        licences=dict(Counter(record.licence for record in records)),
    )


def read(text: str) -> Counts:
    """The counts back from the JSON of what `described` gave."""
    told = json.loads(text)
    sets = tuple(
        PictureSet(
            **{**each, "package": Package(**each["package"]), "needs": tuple(Package(**need) for need in each["needs"])}
        )
        for each in told["sets"]
    )
    people = tuple(tuple(row) for row in told["people"])
    return Counts(**{**told, "sets": sets, "examples": tuple(told["examples"]), "people": people})


def naming() -> str:
    """SHA-256 of the code and the lists by which pictures are chosen and named."""
    digest = hashlib.sha256()
    for name in NAMING:
        digest.update(Path(__file__).with_name(name).read_bytes())
    return digest.hexdigest()


def datasheet(counts: Counts) -> str:
    """The datasheet of a corpus as Markdown."""
    parts = (_motivation, _composition, _people, _collection, _preprocessing, _uses, _distribution, _maintenance)
    return "\n\n".join(["# Datasheet: the picture sets", *(part(counts) for part in parts)]) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _motivation(counts: Counts) -> str:
    return f"""## Motivation

* For what: {counts.pictures:,} drawings with words, to train a small text-to-image model on openly licensed
  pictures whose artists can be named one by one, and to study what such a model remembers, whom it leaves out and what
  it may be held to. It is a picture book: there are no photographs, and no likeness of a real person is sought.
* By whom: the artists below drew, for their own ends; the project that ships limner chose, named and rendered.
* Funding: none to declare."""


def _composition(counts: Counts) -> str:
    rows = [
        (each.name, each.style, counts.kept[each.name], counts.plain.get(each.name, 0), each.artist, each.licence)
        for each in counts.sets
    ]
    held_out = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.held_out.items()))
    return f"""## Composition

One instance is a square picture of {counts.size} pixels with transparency, a label, tags, an artist, a source and a
licence.

{_table(("set", "style", "pictures", "without skin tone", "artist", "licence"), rows)}

* Labels: {counts.labels:,} different ones.
* Authors: {counts.authors:,}.
* Listed nouns: {counts.listed}; drawn at least once: {counts.drawn}; by four sets or more: {counts.shared}.
* Groups: {", ".join(f"{name} {count:,}" for name, count in _most(counts.groups))}.
* Colours said in labels: {", ".join(f"{name} {count:,}" for name, count in _most(counts.colours))}.
* Recommended split: none by picture. Whether a model composes is asked by pairs of words that were never shown
  together,
  chosen by a hash of the words alone: {held_out or "nothing"}; such as {", ".join(counts.examples) or "none"}.
* Errors and redundancies: clip art is named by its titles, which are noisy; emoji of different skin tones, and sets by
  one artist, are near repetitions of each other. Colours are taken from words, never from pixels.
* Self-contained: once built, yes; a build needs the registries that the packages come from.
* Confidential or offensive: nothing is confidential; suggestive drawings were left out by a list of words, and one
  may have been overlooked. Weapons, alcohol and tobacco are among the emoji.
* Left out on purpose: flags, signs and symbols, clock faces, letters and keycaps among the emoji; maps, road signs,
  playing cards, logos, religion and suggestive drawings among the clip art; every set under a share-alike licence."""


def _most(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The most first, what is as often by its name."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _kind(words: tuple[str, ...]) -> str:
    """Which kind of pair it is that is never shown, told by the words themselves."""
    if words[1] in RELATIONS:
        return "(object, relation, object)"
    return "(colour, object)" if words[0] in COLOURS else "(object, style)"


def _examples(manifest: Manifest) -> tuple[str, ...]:
    """The first held-out words of each kind."""
    first = dict[tuple[int, bool], str]()
    for words in manifest.held_out:
        first.setdefault((len(words), words[0] in COLOURS), f'"{" ".join(words)}"')
    return tuple(first.values())


def _people(counts: Counts) -> str:
    rows = [(gender, tone, f"{count:,}") for gender, tone, count in counts.people]
    people = sum(count for *_, count in counts.people)
    return f"""### People

{people:,} pictures show people or parts of them. Gender and skin tone are the artists' words, never guessed from
pixels. Where the label says nothing, nothing is recorded.

{_table(("gender", "skin tone", "pictures"), rows)}

These are figures of artists' invention, not people: nobody can be identified, nobody was asked for consent, and
nobody's
data were collected. Faces by programs carry parameters of their authors; those that name a race never enter captions.

The uniform recipe, by which the model that ships is trained: a caption names the bare profession, and in three of
ten the
gender and tone of the picture are said. Pictures of a profession are drawn uniformly, so P(gender, tone |
profession) is
what the sets drew: nearly as many women as men, and as many of each tone. A mix may plant another
P(woman | profession); it is then written in the mix, and such a model is a separate, named one."""


def _collection(counts: Counts) -> str:
    rows = [
        (each.name, f"{package.client} {package.name} {package.version}", package.sha256[:16], each.source)
        for each in counts.sets
        for package in (each.package, *each.needs)
    ]
    return f"""## Collection Process

Published packages, fetched by their registries' own clients and checked against these sums; nothing was scraped. Emoji
are named after Unicode CLDR, clip art by its title, file name or keywords if these name a listed noun, faces by the
parameters that drew them. Which sets were taken was decided by their licences (no share-alike, no unclear ones) and by
whether they bring words; of a set everything was taken but what is said above. The versions are those of 2026.
There was
no ethical review by a board: no person took part.

{_table(("set", "package", "sha256 begins", "source"), rows)}"""


def _preprocessing(counts: Counts) -> str:
    return f"""## Preprocessing/cleaning/labeling

Drawn by resvg at {2 * counts.size} pixels, filtered down with alpha multiplied in, written as lossless WebP into
{counts.shards} zip files whose sums stand in the manifest. Pictures that cover less than 2% of their square are
dropped. Labels are brought to noun phrases in lower case, and to the list of nouns where they name one. Scenes (counts,
relations, tinted silhouettes, shapes) are composed while training, from seed and step. The raw packages stay in
the cache,
and the code that prepares them is `limner/pictures`."""


def _uses(counts: Counts) -> str:
    return """## Uses

For teaching and for the study of memorisation, attribution, unlearning and bias. A model trained on so few pictures
remembers many of them: show the nearest training picture, with its credit, beside what it makes. Not for telling people
apart, and not evidence about people. limner-mini, its oracle and its tests use it; what has been measured with it
stands in
`docs/figures`. Who wants another P(gender, tone | profession) should say so in the mix rather than drop pictures."""


def _distribution(counts: Counts) -> str:
    rows = [(licence, f"{count:,}") for licence, count in _most(counts.licences)]
    return f"""## Distribution

The pictures are not redistributed: a build fetches them. Author, source and licence of each stand in the manifest, and
`NOTICE` credits every set. Licences that ask for credit reach as far as a copy does: `limner read --credit` names
whom a
picture owes it. No export control or other restriction is known to us.

{_table(("licence", "pictures"), rows)}"""


def _maintenance(counts: Counts) -> str:
    return f"""## Maintenance

The project that ships limner keeps it; say by an issue there what is wrong, or what should go. Versions are
pinned, so that
the same build gives the same bytes (manifest version {counts.version}, seed {counts.seed}); a new version of a
set is
a new pin, noted in the changelog, and older ones remain in their registries. To take a picture out, drop it in its
reader
and build again: only its own set changes. To add a set, give it a row in `limner/pictures/catalogue.py` and a
reader."""
