"""A model card says what a model is for, what it was made from and how well it does, and each number has its JSON."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from limner.bundle.layout import read_json
from limner.errors import LimnerError
from limner.network.config import Json
from limner.pictures.nouns import nouns
from limner.pictures.words import TONES

CARD = """---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---
# limner-mini

A small latent diffusion model of picture-book things, trained from the beginning by the project it ships with.
Identity (sha256 over tensor names and bytes): `{identity}`.
The sections are those of Mitchell et al. 2019 (arXiv:1810.03993); every number in its
tables is a JSON's, which `limner measure card --check` looks up.

## Model details
{sizes}

Native size: {width} x {height} pixels. It predicts velocities on a scaled-linear schedule with zero terminal signal;
classifier-free guidance with one caption in ten dropped.

## Intended use
Teaching and study: how a picture comes out of noise, what a model can and cannot do, whom it leaves out; memorisation,
attribution, unlearning and bias on drawings whose artists are known one by one.
Not intended for: photographs of the world, likenesses of real people, decisions about anybody.

## Factors
- Trained nouns: {nouns} ({kinds}).
- Trained styles: {styles}.
- People: {people}.

## Metrics
A figure stands beside its target, which was written down before it was measured. Shares are of pictures with fixed
seeds, one try each; their 95% intervals, counts and seeds stand in the JSON named. Benchmarks on this vocabulary are
a closed world: they are not comparable with GenEval's, FID's or CLIP's own figures.

## Training data
The openly licensed sets of `limner pictures` (their datasheet: `docs/datasheet.md`); authors and licences stand in
`NOTICE` and, picture by picture, in the corpus' manifest. No network trained elsewhere touched these weights.

## Cost
{training}

Steps are of different sizes: those of the diffusion network of 64, 512 and 1,024 rows. Most were taken on GPUs that
were lent for minutes (`docs/gpu.md` in limner's sources says how many, of which size and how long they took); the last
1,059, of 64 rows, took 66 minutes on two cores of an AMD EPYC on 2026-11-28.

## Quantitative analyses
{analyses}
## Ethical considerations
- The model learnt from drawings by named people under licences that ask for credit. It has few drawings of each noun
  and remembers some of them: `limner read --credit` says whose drawing a picture is near to, and whom it owes credit.
- Drawings of people come from emoji, with their choices of who is drawn at all. Pictures of a profession are drawn
  uniformly from what the sets drew, each gender and skin tone as often as the other; that evens out numbers, not how
  somebody is drawn. A model's pictures are no evidence about people.
- We speak of the perceived presentation of a depicted figure, never of anybody's identity.

## Caveats and recommendations
At best it draws what it has seen: things and people of its nouns, in the styles named above. Anything outside fails,
and so do relations, counts and colours as often as the figures say. A figure that was not measured for these very
weights is not quoted: it says so instead.
"""


@dataclass(frozen=True, slots=True)
class Analysis:
    """One JSON of `docs/figures`: the command that writes it, and what its figures are of."""

    name: str
    title: str
    command: str
    about: str


ANALYSES = (
    Analysis(
        "oracle",
        "The oracle that judges",
        "limner measure oracle",
        "Who looks at the pictures, certified on renders it never saw.",
    ),
    Analysis(
        "labels",
        "The oracle on drawn pictures",
        "limner measure labelled",
        "300 pictures that these weights drew, a fifth badly on purpose, named from a list of words by blind readers.",
    ),
    Analysis(
        "recognition",
        "Recognition",
        "limner measure recognition",
        "One picture a noun and style: is it recognised as that?",
    ),
    Analysis(
        "composition",
        "Composition",
        "limner measure composition",
        "GenEval's six tasks (arXiv:2310.11513), on this vocabulary.",
    ),
    Analysis(
        "guidance", "Guidance", "limner measure guidance", "What alignment costs in diversity, over guidance scales."
    ),
    Analysis(
        "distance",
        "Distance to real drawings",
        "limner measure distance",
        "Frechet and kernel distance in the oracle's features; not FID.",
    ),
    Analysis(
        "nearest",
        "Nearest training pictures",
        "limner measure nearest",
        "Copies of one training drawing, by a calibrated detector; with few drawings a noun they are to be expected.",
    ),
    Analysis(
        "clip",
        "CLIP",
        "limner measure clip",
        "Captions and pictures told apart by the text tower and its picture tower.",
    ),
    Analysis("twin", "Told and untold", "limner measure twin", "The same network and budget with and without words."),
    Analysis(
        "peer",
        "Beside diffusers' own recipe",
        "limner measure peer",
        "Two small networks, taught as many pictures each by limner's recipe and by diffusers' own.",
    ),
    Analysis(
        "peer-pairs",
        "Beside diffusers' own recipe, on pairs of coloured shapes",
        "limner measure peer --preset pairs",
        "The same of coloured shapes, and of pairs of them that neither was shown.",
    ),
    Analysis(
        "reading",
        "A blind reader",
        "limner measure read",
        "Shuffled pictures without names, named by somebody who was not told.",
    ),
    Analysis(
        "unpicked-named",
        "A blind reader of the unpicked hundred",
        "limner measure read",
        "Things, shapes, counts, pairs and people, one try each.",
    ),
    Analysis("speed", "Speed", "limner measure speed", "From process start to the last file, 20 steps."),
)
ROW = re.compile(r"^\| `(?P<name>[\w-]+)` \| (?P<value>\S+) \| at (?:least|most) (?P<target>\S+) \|")
HEADING = re.compile(r"^### .* \(`(?P<file>[\w-]+)\.json`\)$")


def card(folder: Path, figures: Path) -> str:
    """The card of the model in `folder`, from its own `limner.json` and the figures that commands left.

    LimnerError where `limner.json` lacks what a card must say.
    """
    about = read_json(folder / "limner.json")
    try:
        trained, defaults = mapping(about, "training"), mapping(about, "defaults")
        sizes, words, styles = mapping(about, "parameters"), listed(about, "nouns"), listed(about, "styles")
        identity = str(about["identity"])
    except KeyError as missing:
        raise LimnerError(
            f"{folder / 'limner.json'} does not say {missing}", "a card is written for limner-mini or its kin"
        ) from missing
    return CARD.format(
        identity=identity,
        sizes="\n".join(f"- {part}: {count:,} parameters" for part, count in sizes.items()),
        nouns=len(words),
        kinds=kinds([str(word) for word in words]),
        styles=", ".join(map(str, styles)),
        people=people([str(word) for word in words]),
        width=defaults["width"],
        height=defaults["height"],
        training="\n".join(stage(name, mapping(trained, name)) for name in trained),
        analyses="\n".join(analysed(each, figures, identity) for each in ANALYSES),
    )


def kinds(words: Sequence[str]) -> str:
    """How many nouns there are of each kind, the most first."""
    counted = Counter(nouns()[word].kind if word in nouns() else "other" for word in words)
    return ", ".join(f"{kind} {count}" for kind, count in counted.most_common())


def people(words: Sequence[str]) -> str:
    """Who is among the nouns, and in which skin tones emoji draw them."""
    some = [word for word in words if word in nouns() and nouns()[word].kind == "people" and nouns()[word].codes]
    if not some:
        return "none were taught"
    tones = ", ".join(tone for tone in TONES if tone)
    return f"{len(some)} nouns, such as {some[0]} and {some[-1]}; as emoji draw them: yellow, and skin {tones}"


def stage(name: str, done: Mapping[str, Json]) -> str:
    """What a part's training took, as far as `limner.json` says."""
    return f"- {name}: {done['steps']:,} steps; mean loss of the last hundred {done['loss']:.4g}"


def analysed(each: Analysis, figures: Path, identity: str) -> str:
    """A section: its figures in a table, with whatever else its JSON says in words."""
    head = f"### {each.title} (`{each.name}.json`)\n{each.about}\n\n"
    kept = found(each.name, figures, identity)
    if kept is None:
        return f"{head}It was not measured for these weights (`{each.command}`).\n"
    rows = "\n".join(
        f"| `{figure['name']}` | {json.dumps(figure['value'])} | {figure['bound']} {json.dumps(figure['target'])} "
        f"| {str(figure['unit']).strip() or '-'} | {verdict(figure)} |"
        for figure in figures_of(kept)
    )
    table = f"| figure | measured | target | unit | |\n|---|---|---|---|---|\n{rows}\n"
    told = WORDS.get(each.name)
    words = told(kept) if told else ""
    if each.name == "oracle":
        words += compared(labelled(figures, identity))
    return f"{head}{table}\n{words}{taken(kept)}"


def verdict(figure: Mapping[str, Json]) -> str:
    return "ok" if figure["ok"] else "short"


def taken(kept: Mapping[str, Json]) -> str:
    return f"Taken on {kept['date']} by `{kept['command']}`.\n"


def read_by(kept: Mapping[str, Json]) -> str:
    """What a reader who was not told recognised."""
    (figure,), details = figures_of(kept), mapping(kept, "details")
    low, high = (f"{float(str(end)):.0%}" for end in listed(details, "interval"))
    by_kind = details.get("kinds")
    parts = ", ".join(f"{kind} {count}" for kind, count in by_kind.items()) if isinstance(by_kind, dict) else ""
    return (
        f"{json.dumps(figure['value'])}{figure['unit']} were named rightly by a reader who saw shuffled files without "
        f"names: {details['reader']} (95% interval {low} to {high}{f'; {parts}' if parts else ''}).\n"
    )


def silhouettes(kept: Mapping[str, Json]) -> str:
    """What the shares of words leave out."""
    renders = mapping(kept, "details").get("renders")
    if not isinstance(renders, dict):
        return ""
    shares = ((name, mapping(mapping(renders, name), "word of a silhouette")["share"]) for name in ("plain", "decoded"))
    plain, decoded = (f"{float(str(share)):.1%} of {name} ones" for name, share in shares)
    return f"`plain_word` and `decoded_word` leave out silhouettes: of these it names {plain} and {decoded}.\n"


def compared(blind: Mapping[str, Json] | None) -> str:
    """What is known of the oracle beyond renders, in a sentence."""
    if blind is None:
        return "Renders are the easy half: on pictures of these weights it was not compared with blind readers.\n"
    agreed = figures_of(blind)[0]
    value, target = (f"{json.dumps(agreed[key])}{agreed['unit']}" for key in ("value", "target"))
    return (
        f"Renders are the easy half: on pictures of these weights it agreed with blind readers in {value}, where "
        f"{agreed['bound']} {target} was the target{'' if agreed['ok'] else ': short'} (the next section).\n"
    )


def labelled_by(kept: Mapping[str, Json]) -> str:
    """How many pictures were compared, and who read them."""
    details = mapping(kept, "details")
    low, high = (f"{float(str(end)):.1%}" for end in listed(details, "interval"))
    return (
        f"It agreed with them in {details['agreed']} of the {details['given']} pictures that it gave a word to (95% "
        f"interval {low} to {high}); to {details['refused']} it gave none. They were named by {details['reader']}.\n"
    )


def machine(kept: Mapping[str, Json]) -> str:
    told = mapping(kept, "machine")
    cores = told["cores"]
    return f"On {cores} core{'' if cores == 1 else 's'} ({told['processor']}).\n"


WORDS = {
    "oracle": silhouettes,
    "labels": labelled_by,
    "reading": read_by,
    "unpicked-named": read_by,
    "speed": machine,
}


def found(name: str, figures: Path, identity: str) -> Mapping[str, Json] | None:
    """An analysis' JSON, if it is there and says something of these weights."""
    if name == "oracle":
        return certified(figures, identity)
    return labelled(figures, identity) if name == "labels" else measured(figures / f"{name}.json", identity)


def certified(figures: Path, identity: str) -> Mapping[str, Json] | None:
    """The oracle's certificate, unless another oracle judged these weights: who is certified stands in its details."""
    file = figures / "oracle.json"
    kept = read_json(file) if file.exists() else None
    judged = (measured(figures / f"{each.name}.json", identity) for each in ANALYSES if each.name != "oracle")
    asked = {oracle for each in judged if each and (oracle := mapping(each, "details").get("oracle"))}
    return kept if kept and (not asked or mapping(kept, "details").get("oracle") in asked) else None


def labelled(figures: Path, identity: str) -> Mapping[str, Json] | None:
    """What blind readers said of these weights' pictures, if it was held against the oracle that is certified.

    Its own `model` is the oracle; who drew the pictures stands in its details.
    """
    file, certificate = figures / "labels.json", certified(figures, identity)
    kept = read_json(file) if file.exists() and certificate else None
    if not kept or not certificate or mapping(kept, "details").get("model") != identity:
        return None
    return kept if kept.get("model") == mapping(certificate, "details").get("oracle") else None


def measured(file: Path, identity: str) -> Mapping[str, Json] | None:
    """The JSON, if it is there and of these weights."""
    kept = read_json(file) if file.exists() else {}
    return kept if kept.get("model") == identity else None


def faults(file: Path, text: str, figures: Path) -> list[str]:
    """What is wrong with the card that stands in `file`, a line each: it ought to be `text`.

    Its tables are read back and compared with the JSON number by number; then the whole with what would be written.
    """
    there = file.read_text(encoding="utf-8") if file.exists() else ""
    wrong = list(mistaken(there, figures))
    stale = [f"{file} is not what limner.json and the figures say: limner measure card"] if there != text else []
    return [*wrong, *stale]


def mistaken(text: str, figures: Path) -> Iterator[str]:
    """The numbers in a card's tables that their JSON does not have."""
    name = ""
    for line in text.splitlines():
        if heading := HEADING.match(line):
            name = heading["file"]
        if not (row := ROW.match(line)):
            continue
        file = figures / f"{name}.json"
        kept = figures_of(read_json(file)) if file.exists() else []
        true = next((figure for figure in kept if figure["name"] == row["name"]), {})
        for part in ("value", "target"):
            if row[part] != json.dumps(true.get(part)):
                yield f"{row['name']}: the card's {part} is {row[part]}, {file} has {json.dumps(true.get(part))}"


def figures_of(kept: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    return [figure for figure in listed(kept, "figures") if isinstance(figure, dict)]


def listed(value: Mapping[str, Json], key: str) -> list[Json]:
    inner = value[key]
    assert isinstance(inner, list), f"{key} is no list"
    return inner


def mapping(value: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    inner = value[key]
    assert isinstance(inner, dict), f"{key} is no object"
    return inner
