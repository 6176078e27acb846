"""Pictures beside what is said of them: are they there, the same twice, and made as the entry says?"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from limner.coursework.finding import Finding, shown
from limner.coursework.handin import File
from limner.coursework.look import SUFFIXES, Look, UnseenError
from limner.coursework.spec import Kind, Spec
from limner.coursework.works import Entry, Shot, Work
from limner.metadata import Reading

NEAR_BITS, NEAR = 24, 0.995  # of 256 bits that differ, and correlation of 32 x 32 greys
PAIRS = 20_000  # that are compared: of 200 pictures, all


def looked(work: Work, eye: Callable[[File], Look]) -> tuple[Work, list[Finding]]:
    """The work with its pictures looked at, and what is wrong with those that cannot be."""
    findings, entries = list[Finding](), list[Entry]()
    for entry in work.entries:
        shots = list[Shot]()
        for shot in entry.shots:
            seen, finding = _look(work, shot, eye)
            shots.append(replace(shot, look=seen))
            findings += [finding] if finding else []
        entries.append(replace(entry, shots=tuple(shots)))
    return replace(work, entries=tuple(entries)), findings


def _look(work: Work, shot: Shot, eye: Callable[[File], Look]) -> tuple[Look | None, Finding | None]:
    if shot.file is None:
        return None, None
    try:
        return eye(shot.file), None
    except UnseenError as fault:
        sentence = f"the picture {shown(shot.file.name)!r} {fault.what}"
        return None, Finding(work.file.name, shot.place, fault.rule, sentence, fault.remedy)


def seen(spec: Spec, work: Work) -> Iterator[Finding]:
    """What is to be said of the pictures that could be looked at."""
    file, shots = work.file.name, [(e, s, s.look) for e in work.entries for s in e.shots if s.look]
    for entry, shot, look in shots:
        yield from _form(spec, file, shot, look)
        if look.reading:
            yield from _recipe(spec, work, entry, shot, look.reading)
    yield from _alike(file, [(shot, look) for _, shot, look in shots])
    bare = [shot for entry, shot, look in shots if "receipt" not in entry.extra and not _vouched(look)]
    if bare:
        what = f"{len(bare)} of {len(shots)} pictures carry no receipt: nobody can tell where they were made"
        yield Finding(file, bare[0].place, "picture.receipt", what, "hand in the files as the studio gave them")


def _vouched(look: Look) -> bool:
    return look.reading is not None and bool(look.reading.receipt)


def _form(spec: Spec, file: str, shot: Shot, look: Look) -> Iterator[Finding]:
    name = shown(shot.path)
    if look.form not in spec.formats:
        what = f"{name!r} is a {look.form.upper()} file, and the course reads {', '.join(spec.formats)}"
        yield Finding(file, shot.place, "picture.format", what, "save it as a JPEG file", look.form == "heic")
    elif not shot.path.lower().endswith(SUFFIXES[look.form]):
        what = f"{name!r} is a {look.form.upper()} file, whatever its name says"
        fix = f"let its name end in {SUFFIXES[look.form][0]}, in the JSON too"
        yield Finding(file, shot.place, "picture.suffix", what, fix)


def _alike(file: str, shots: list[tuple[Shot, Look]]) -> Iterator[Finding]:
    """The very same pixels, and what is nearly the same, each picture with the first like it."""
    first, left = dict[str, Shot](), PAIRS
    before = list[tuple[Shot, Look]]()
    for shot, look in shots:
        if (other := first.get(look.pixels)) is not None:
            what = f"{shown(shot.path)!r} is the very picture of line {other.place.line}, {shown(other.path)!r}"
            yield Finding(file, shot.place, "picture.twice", what, "hand in another one")
            continue
        first[look.pixels] = shot
        left -= len(before)
        near = next((each for each, theirs in before if left > 0 and alike(look, theirs)), None)
        if near:
            what = f"{shown(shot.path)!r} is nearly the picture of line {near.place.line}, {shown(near.path)!r}"
            yield Finding(file, shot.place, "picture.near", what, "see whether you meant to hand in both")
        before.append((shot, look))


def alike(one: Look, other: Look) -> bool:
    """Whether two pictures are the same from afar: a re-saved or smaller copy, or one that changed in a corner."""
    return (one.grain ^ other.grain).bit_count() <= NEAR_BITS and _correlation(one.far, other.far) >= NEAR


def _correlation(one: bytes, other: bytes) -> float:
    """Pearson's; 1 for two that are both of one grey."""
    n = len(one)
    mean, theirs = sum(one) / n, sum(other) / n
    across = sum(a * b for a, b in zip(one, other, strict=True)) / n - mean * theirs
    spread = (sum(a * a for a in one) / n - mean * mean) * (sum(b * b for b in other) / n - theirs * theirs)
    return across / spread**0.5 if spread > 1e-9 else 1.0


def _recipe(spec: Spec, work: Work, entry: Entry, shot: Shot, reading: Reading) -> Iterator[Finding]:
    """What the picture itself says of its seed, prompt and model, where the entry says otherwise."""
    model = reading.model if reading.model in spec.models else None
    for key in work.task.entries.keys:
        own = {Kind.SEED: reading.wish.seed, Kind.MODEL: model}.get(key.kind)
        own = reading.wish.prompt if key.name == "prompt" else own
        said = entry.fields.get(key.name)
        if own is None or said is None or own == (said.text.strip() if said.text else said.value):
            continue
        sentence = f"{shown(shot.path)!r} says of itself that its {key.name} is {shown(str(own))[:60]!r}"
        yield Finding(work.file.name, said.place, "picture.recipe", sentence, "write what made this picture")
