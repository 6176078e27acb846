"""A model card says what a model is for, what it was made from how well it does, and each number has its JSON."""

from collections.abc import Mapping
from pathlib import Path

from limner.bundle.layout import read_json
from limner.network.config import Json

CARD = """---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
---
# limner-mini

A small latent diffusion model of picture-book things, trained from the beginning by the project it ships with.
Identity (sha256 over tensor names and bytes): `{identity}`.

## Intended use
Teaching and study: how a picture comes out of noise, what a model can and cannot do, whom it leaves out.
Not intended for: photographs of the world, likenesses of real people, decisions about anybody.

## What it is
{sizes}

Trained nouns: {nouns}. Trained styles: {styles}. Native size: {width} x {height} pixels.
Predicts velocities on a scaled-linear schedule with zero terminal signal; classifier-free guidance with one caption in
ten dropped.

## How it was trained
{training}

Pictures: the openly licensed sets of `limner pictures`; authors and licences stand in `NOTICE` and, picture by picture,
in the corpus' manifest. No network trained elsewhere touched these weights.

## How well it does
{reading}
{speed}
## Limits
At best it draws what it has seen: single things on plain grounds, in the styles named above; how far it has come says
the reader. Relations, counts, several coloured things and anything outside its nouns fail often. It has few pictures
to learn from and remembers some of them.
Drawings of people come from emoji, with their choices of who is drawn at all.
"""


def card(folder: Path, figures: Path) -> str:
    """The card of the model in `folder`, from its own `limner.json` and the figures that commands left."""
    about = read_json(folder / "limner.json")
    trained, defaults = mapping(about, "training"), mapping(about, "defaults")
    sizes, nouns, styles = mapping(about, "parameters"), listed(about, "nouns"), listed(about, "styles")
    return CARD.format(
        identity=about["identity"],
        sizes="\n".join(f"- {part}: {count:,} parameters" for part, count in sizes.items()),
        nouns=len(nouns),
        styles=", ".join(map(str, styles)),
        width=defaults["width"],
        height=defaults["height"],
        training="\n".join(stage(name, mapping(trained, name)) for name in trained),
        reading=reading(figures / "reading.json", str(about["identity"])),
        speed=speed(figures / "speed.json", str(about["identity"])),
    )


def stage(name: str, done: Mapping[str, Json]) -> str:
    return f"- {name}: {done['steps']:,} steps, mean loss of the last hundred {done['loss']:.4g}"


def reading(file: Path, identity: str) -> str:
    """What a reader who was not told recognised, if it was these weights that were read."""
    kept = measured(file, identity)
    if kept is None:
        return "How many of its pictures a reader names was not measured for these weights.\n"
    value, details = values(kept)["named_rightly"], mapping(kept, "details")
    low, high = (f"{float(str(end)):.0%}" for end in listed(details, "interval"))
    return (
        f"{value:g} of 100 trained nouns were named rightly by a reader who saw shuffled files without names:\n"
        f"{details['reader']} (95% interval {low} to {high}; {kept['date']};\n"
        "every picture and answer: `docs/figures/reading.png`).\n"
    )


def speed(file: Path, identity: str) -> str:
    """What a picture costs a person, if it was these weights that were timed."""
    kept = measured(file, identity)
    if kept is None:
        return ""
    taken, machine = values(kept), mapping(kept, "machine")
    return (
        f"One picture in {taken['make_seconds']:g} s and {taken['make_megabytes']:g} MB from process start, 20 steps,\n"
        f"on {machine['cores']} cores ({machine['processor']}, {kept['date']}).\n"
    )


def measured(file: Path, identity: str) -> Mapping[str, Json] | None:
    kept = read_json(file) if file.exists() else {}
    return kept if kept.get("model") == identity else None


def values(kept: Mapping[str, Json]) -> dict[str, float]:
    figures = [figure for figure in listed(kept, "figures") if isinstance(figure, dict)]
    return {str(figure["name"]): float(str(figure["value"])) for figure in figures}


def listed(value: Mapping[str, Json], key: str) -> list[Json]:
    inner = value[key]
    assert isinstance(inner, list), f"{key} is no list"
    return inner


def mapping(value: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    inner = value[key]
    assert isinstance(inner, dict), f"{key} is no object"
    return inner
