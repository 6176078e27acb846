"""What one must know of the pictures before training on them, every number computed from the manifest.

Gebru et al. 2021, Datasheets for Datasets (arXiv:1803.09010): the seven sections are theirs.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from limner.pictures.heldout import RELATIONS
from limner.pictures.nouns import noun_of, nouns
from limner.pictures.sets import Manifest
from limner.pictures.words import COLOURS


def datasheet(manifest: Manifest) -> str:
    """The datasheet of a corpus as Markdown."""
    parts = (_motivation, _composition, _people, _collection, _preprocessing, _uses, _distribution, _maintenance)
    return "\n\n".join(["# Datasheet: the picture sets", *(part(manifest) for part in parts)]) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _motivation(manifest: Manifest) -> str:
    return f"""## Motivation

* For what: {len(manifest.records):,} drawings with words, to train a small text-to-image model on openly licensed
  pictures whose artists can be named one by one, and to study what such a model remembers, whom it leaves out and what
  it may be held to. It is a picture book: there are no photographs, and no likeness of a real person is sought.
* By whom: the artists below drew, for their own ends; the project that ships limner chose, named and rendered.
* Funding: none to declare."""


def _composition(manifest: Manifest) -> str:
    records = manifest.records
    kept = Counter(record.set for record in records)
    plain = Counter(record.set for record in records if not record.tone)
    drawings = [(noun.word, record.set) for record in records if (noun := noun_of(record))]
    named = Counter(word for word, _ in set(drawings))
    shared = sum(count >= 4 for count in named.values())
    rows = [
        (each.name, each.style, kept[each.name], plain[each.name], each.artist, each.licence) for each in manifest.sets
    ]
    return f"""## Composition

One instance is a square picture of {manifest.size} pixels with transparency, a label, tags, an artist, a source and a
licence.

{_table(("set", "style", "pictures", "without skin tone", "artist", "licence"), rows)}

* Labels: {len({record.label for record in records}):,} different ones.
* Authors: {len({record.author for record in records}):,}.
* Listed nouns: {len(nouns())}; drawn at least once: {len(named)}; by four sets or more: {shared}.
* Groups: {_counted(record.group or "other" for record in records)}.
* Colours said in labels: {_counted(record.colour for record in records if record.colour)}.
* Recommended split: none by picture. Whether a model composes is asked by pairs of words that were never shown
  together,
  chosen by a hash of the words alone: {_held_out(manifest)}; such as {_examples(manifest)}.
* Errors and redundancies: clip art is named by its titles, which are noisy; emoji of different skin tones, and sets by
  one artist, are near repetitions of each other. Colours are taken from words, never from pixels.
* Self-contained: once built, yes; a build needs the registries that the packages come from.
* Confidential or offensive: nothing is confidential; suggestive drawings were left out by a list of words, and one
  may have been overlooked. Weapons, alcohol and tobacco are among the emoji.
* Left out on purpose: flags, signs and symbols, clock faces, letters and keycaps among the emoji; maps, road signs,
  playing cards, logos, religion and suggestive drawings among the clip art; every set under a share-alike licence."""


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{value} {count:,}" for value, count in Counter(values).most_common())


def _held_out(manifest: Manifest) -> str:
    """How many pairs of each kind, told apart by the words themselves."""

    def kind(words: tuple[str, ...]) -> str:
        if words[1] in RELATIONS:
            return "(object, relation, object)"
        return "(colour, object)" if words[0] in COLOURS else "(object, style)"

    kinds = Counter(map(kind, manifest.held_out))
    return ", ".join(f"{count:,} {name}" for name, count in sorted(kinds.items())) or "nothing"


def _examples(manifest: Manifest) -> str:
    """The first held-out words of each kind."""
    first = dict[tuple[int, bool], str]()
    for words in manifest.held_out:
        first.setdefault((len(words), words[0] in COLOURS), f'"{" ".join(words)}"')
    return ", ".join(first.values()) or "none"


def _people(manifest: Manifest) -> str:
    people = [record for record in manifest.records if record.group in {"people-body", "people", "faces"}]
    tones = {record.tone: "two tones" if " and " in record.tone else record.tone or "none" for record in people}
    genders = Counter((record.gender or "not said", tones[record.tone]) for record in people)
    rows = [(gender, tone, f"{count:,}") for (gender, tone), count in sorted(genders.items())]
    return f"""### People

{len(people):,} pictures show people or parts of them. Gender and skin tone are the artists' words, never guessed from
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


def _collection(manifest: Manifest) -> str:
    rows = [
        (each.name, f"{package.client} {package.name} {package.version}", package.sha256[:16], each.source)
        for each in manifest.sets
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


def _preprocessing(manifest: Manifest) -> str:
    return f"""## Preprocessing/cleaning/labeling

Drawn by resvg at {2 * manifest.size} pixels, filtered down with alpha multiplied in, written as lossless WebP into
{len(manifest.shards)} zip files whose sums stand in the manifest. Pictures that cover less than 2% of their square are
dropped. Labels are brought to noun phrases in lower case, and to the list of nouns where they name one. Scenes (counts,
relations, tinted silhouettes, shapes) are composed while training, from seed and step. The raw packages stay in
the cache,
and the code that prepares them is `limner/pictures`."""


def _uses(manifest: Manifest) -> str:
    return """## Uses

For teaching and for the study of memorisation, attribution, unlearning and bias. A model trained on so few pictures
remembers many of them: show the nearest training picture, with its credit, beside what it makes. Not for telling people
apart, and not evidence about people. limner-mini, its oracle and its tests use it; what has been measured with it
stands in
`docs/figures`. Who wants another P(gender, tone | profession) should say so in the mix rather than drop pictures."""


def _distribution(manifest: Manifest) -> str:
    rows = [(licence, f"{count:,}") for licence, count in Counter(r.licence for r in manifest.records).most_common()]
    return f"""## Distribution

The pictures are not redistributed: a build fetches them. Author, source and licence of each stand in the manifest, and
`NOTICE` credits every set. Licences that ask for credit reach as far as a copy does: `limner read --credit` names
whom a
picture owes it. No export control or other restriction is known to us.

{_table(("licence", "pictures"), rows)}"""


def _maintenance(manifest: Manifest) -> str:
    return f"""## Maintenance

The project that ships limner keeps it; say by an issue there what is wrong, or what should go. Versions are
pinned, so that
the same build gives the same bytes (manifest version {manifest.version}, seed {manifest.seed}); a new version of a
set is
a new pin, noted in the changelog, and older ones remain in their registries. To take a picture out, drop it in its
reader
and build again: only its own set changes. To add a set, give it a row in `limner/pictures/catalogue.py` and a
reader."""
