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

{len(manifest.records):,} drawings with words, to train a small text-to-image model on openly licensed pictures whose
artists can be named one by one. It is a picture book: there are no photographs, and no likeness of a real person is
sought."""


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
* Held out, never composed: {_held_out(manifest)}.
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


def _people(manifest: Manifest) -> str:
    people = [record for record in manifest.records if record.group in {"people-body", "people", "faces"}]
    tones = {record.tone: "two tones" if " and " in record.tone else record.tone or "none" for record in people}
    genders = Counter((record.gender or "not said", tones[record.tone]) for record in people)
    rows = [(gender, tone, f"{count:,}") for (gender, tone), count in sorted(genders.items())]
    return f"""### People

{len(people):,} pictures show people or parts of them. Gender and skin tone are the artists' words, never guessed from
pixels. Where the label says nothing, nothing is recorded.

{_table(("gender", "skin tone", "pictures"), rows)}

A caption names the bare profession; in three of ten captions the gender and tone of the picture are said. Pictures of a
profession are drawn uniformly, so P(gender, tone | profession) is what the sets drew. A mix may plant another
P(woman | profession); it is then written in the mix, and such a model is a separate, named one."""


def _collection(manifest: Manifest) -> str:
    rows = [
        (each.name, f"{package.client} {package.name} {package.version}", package.sha256[:16], each.source)
        for each in manifest.sets
        for package in (each.package, *each.needs)
    ]
    return f"""## Collection process

Published packages, fetched by their registries' own clients and checked against these sums; nothing was scraped. Emoji
are named after Unicode CLDR, clip art by its title, file name or keywords if these name a listed noun, faces by the
parameters that drew them.

{_table(("set", "package", "sha256 begins", "source"), rows)}"""


def _preprocessing(manifest: Manifest) -> str:
    return f"""## Preprocessing

Drawn by resvg at {2 * manifest.size} pixels, filtered down with alpha multiplied in, written as lossless WebP into
{len(manifest.shards)} zip files whose sums stand in the manifest. Pictures that cover less than 2% of their square are
dropped. Scenes (counts, relations, tinted silhouettes, shapes) are composed while training, from seed and step."""


def _uses(manifest: Manifest) -> str:
    return """## Uses

For teaching and for the study of memorisation, attribution, unlearning and bias. A model trained on so few pictures
remembers many of them: show the nearest training picture, with its credit, beside what it makes. Not for telling people
apart, and not evidence about people."""


def _distribution(manifest: Manifest) -> str:
    rows = [(licence, f"{count:,}") for licence, count in Counter(r.licence for r in manifest.records).most_common()]
    return f"""## Distribution

The pictures are not redistributed: a build fetches them. Author, source and licence of each stand in the manifest.

{_table(("licence", "pictures"), rows)}"""


def _maintenance(manifest: Manifest) -> str:
    return f"""## Maintenance

Versions are pinned, so that the same build gives the same bytes (manifest version {manifest.version}, seed
{manifest.seed}). To take a picture out, drop it in its reader and build again: only its own set changes."""
