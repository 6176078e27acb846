"""`make receipts`: what is said of pictures that were forged, replayed, edited and saved anew; and of innocent ones.

PYTHONPATH=tests python tests/audit/receipts.py [--drawn FOLDER] [--out FILE] [--plot FILE]
"""

import argparse
import json
import platform
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from random import Random

import imagehash
from forgeries import HER, HERS, ME, PIXELS, SURVIVING, WORDS, Made, file, fresh, known, replayed, saved
from PIL import Image

from limner.audit import likeness
from limner.audit.keys import Key
from limner.audit.receipt import Entry
from limner.coursework.books import FileBook
from limner.coursework.verify import ALIKE, NEAR, Judged, verify
from limner.recipe import Recipe, Wish, digest, resolve

STEPS, TRIED, PAIRS = 5, 50, 1000
CALIBRATED, REPORTED = (slice(0, 20), range(1000, 1003)), (slice(20, 40), range(2000, 2006))  # prompts, seeds
UNDRAWN = 2003  # from this seed on nobody has drawn them, as the ledger has it
HASHES: Mapping[str, Callable[[Image.Image], imagehash.ImageHash]] = {
    "pHash, 256 bits": partial(imagehash.phash, hash_size=16), "pHash, 64 bits": imagehash.phash,
    "dHash, 256 bits": partial(imagehash.dhash, hash_size=16), "dHash, 64 bits": imagehash.dhash,
    "wHash, 256 bits": partial(imagehash.whash, hash_size=16), "wHash, 64 bits": imagehash.whash,
    "aHash, 64 bits": imagehash.average_hash,
}  # fmt: skip


def drawn(folder: Path, key: Key) -> tuple[list[Made], list[Made], list[Image.Image]]:
    """Pictures of limner-mini for calibration, others to report on; the first of those drawn a second time."""
    import torch

    from limner.bundle import open_bundle
    from limner.engine import run
    from limner.evaluation.reading import taught
    from limner.evaluation.unpicked import cards

    torch.set_num_threads(1)
    bundle = open_bundle()
    prompts = [card.prompt for card in sorted(cards(*taught(bundle.folder)), key=lambda card: card.file)]
    folder.mkdir(parents=True, exist_ok=True)

    def pictures(recipes: Sequence[Recipe], again: str = "") -> list[Image.Image]:
        todo = [each for each in recipes if not (folder / f"{digest(each)}{again}.png").exists()]
        for place, picture in run(todo, bundle):
            Image.fromarray(picture).save(folder / f"{digest(todo[place])}{again}.png")
        return [Image.open(folder / f"{digest(each)}{again}.png").convert("RGB") for each in recipes]

    sets = []
    for which, seeds in (CALIBRATED, REPORTED):
        wishes = [Wish(model=bundle.identity, prompt=prompt, seed=seed, steps=STEPS)
                  for prompt in prompts[which] for seed in seeds]  # fmt: skip
        recipes = [resolve(wish, bundle.defaults) for wish in wishes]
        sets.append([Made(recipe, image, key) for recipe, image in zip(recipes, pictures(recipes), strict=True)])
    again = pictures([each.recipe for each in tried(sets[1])], "-again")
    return sets[0], sets[1], again


def tried(reported: Sequence[Made]) -> list[Made]:
    """Those whose way is followed."""
    return [each for each in reported if each.recipe.seed < UNDRAWN][:TRIED]


def kin(pictures: Sequence[Made]) -> Iterator[tuple[Made, Made]]:
    """Pairs of one prompt and two seeds."""
    return ((a, b) for a, b in combinations(pictures, 2) if a.recipe.prompt == b.recipe.prompt)


def strangers(pictures: Sequence[Made], number: int, chance: Random) -> Iterator[tuple[Made, Made]]:
    """Pairs of two prompts, drawn by lot."""
    found = set[tuple[int, int]]()
    while len(found) < number:
        a, b = chance.sample(range(len(pictures)), 2)
        if pictures[a].recipe.prompt != pictures[b].recipe.prompt and (a, b) not in found:
            found.add((a, b))
            yield pictures[a], pictures[b]


def calibration(pictures: Sequence[Made]) -> dict[str, object]:
    """How far apart, by each hash, are a picture and what became of it, and pictures that have nothing in common."""
    subjects = pictures[:: len(pictures) // 40][:40]
    told = dict[str, object]()
    for name, hash_of in HASHES.items():
        own = [int(hash_of(each.image) - hash_of(_opened(PIXELS[how](each)))) for each in subjects for how in SURVIVING]
        hashes = {id(each): hash_of(each.image) for each in pictures}
        near = [int(hashes[id(a)] - hashes[id(b)]) for a, b in kin(pictures)]
        far = [
            int(hashes[id(a)] - hashes[id(b)])
            for a, b in combinations(pictures, 2)
            if a.recipe.prompt != b.recipe.prompt
        ]
        told[name] = {
            "own": _spread(own), "same prompt": _spread(near), "unrelated": _spread(far),
            "kept at most, with none of others nearer": _kept(own, [*near, *far]),
        }  # fmt: skip
    told["crop-resistant"] = _resistant(subjects[::8])
    told["cells"] = _cells(subjects, pictures)
    return told


def _kept(own: Sequence[int], others: Sequence[int]) -> dict[str, object]:
    """The largest distance below all others', and the share of own ones within."""
    most = min(others) - 1
    return {"bits": most, "share": round(sum(each <= most for each in own) / len(own), 4)}


def _resistant(subjects: Sequence[Made]) -> dict[str, object]:
    """Of segments (Steinebach et al. 2014): how many of the pictures it says match, own ones and others'."""
    hashes = [imagehash.crop_resistant_hash(each.image, min_segment_size=50) for each in subjects]
    own = [mine.matches(imagehash.crop_resistant_hash(_opened(PIXELS[how](each)), min_segment_size=50))
           for mine, each in zip(hashes, subjects, strict=True) for how in SURVIVING]  # fmt: skip
    far = [a.matches(b) for a, b in combinations(hashes, 2)]
    return {"own": f"{sum(own)} of {len(own)}", "others": f"{sum(far)} of {len(far)}"}


def _cells(subjects: Sequence[Made], pictures: Sequence[Made]) -> dict[str, object]:
    """`likeness.difference`, in levels."""
    own = {how: [_apart(PIXELS[how](each), each) for each in subjects] for how in PIXELS}
    near = [likeness.difference(a.image, b.image) for a, b in kin(pictures)]
    far = [likeness.difference(a.image, b.image) for a, b in strangers(pictures, 2000, Random(1))]
    spread = {how: _spread([each for each in values if each is not None]) for how, values in own.items()}
    return {**spread, "same prompt": _spread(near), "unrelated": _spread(far)}


def _apart(data: bytes, made: Made) -> float | None:
    return likeness.difference(_opened(data), made.image)


def _opened(data: bytes) -> Image.Image:
    return likeness.opened(data)


def _spread(values: Sequence[float | None]) -> dict[str, float]:
    ordered = sorted(float(value) for value in values if value is not None)
    if not ordered:
        return {"count": 0}
    return {"count": len(ordered), "least": ordered[0], "median": ordered[len(ordered) // 2], "most": ordered[-1]}


def verdicts(
    made: Sequence[Made], reported: Sequence[Made], again: Sequence[Image.Image], key: Key
) -> dict[str, object]:
    """What is said of each manipulation, by what there is to go by."""
    originals = {each.receipt.statement.pixels: saved(each.image, "PNG") for each in reported}
    redrawn = {digest(each.recipe): image for each, image in zip(made, again, strict=True)}
    unseen = [each.image for each in reported if each.recipe.seed >= UNDRAWN][:TRIED]
    rows = dict[str, object]()
    for how, change in {**WORDS, **PIXELS, **HERS, "replayed on another picture": replayed}.items():
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {how}\n")
        rows[how] = {
            there: _counted([
                verify(how, _changed(change, each, other), _book(how, each, reported, key, keep, originals), {ME},
                       redrawn_by if draw else None)
                for each, other in zip(made, unseen, strict=True)
            ])
            for there, keep, draw, redrawn_by in (
                ("originals kept", True, False, None),
                ("originals gone", False, False, None),
                ("originals gone, re-made", False, True, lambda recipe: redrawn.get(digest(recipe))),
            )
        }  # fmt: skip
    return rows


def _changed(change: Callable[..., bytes], made: Made, unseen: Image.Image) -> bytes:
    return change(made, replace(made, image=unseen)) if change is replayed else change(made)


def _book(
    how: str, made: Made, reported: Sequence[Made], key: Key, keep: bool, originals: Mapping[str, bytes]
) -> FileBook:
    """A ledger of all pictures that are reported on: this one is whose it is, the others are hers."""
    there = [each for each in reported if each.recipe.seed < UNDRAWN]
    entries = [each.entry if each is made and how not in HERS else _hers(each) for each in there]
    return FileBook(entries, known(key), lambda entry: originals.get(entry.receipt.statement.pixels) if keep else None)


@cache
def _hers(made: Made) -> Entry:
    return made.by(HER).entry


def _counted(judged: Sequence[Judged]) -> dict[str, int]:
    counts = Counter(each.verdict.value for each in judged)
    flagged = sum(bool(each.look) for each in judged)
    return {**dict(counts.most_common()), **({"to be looked at": flagged} if flagged else {})}


def innocent(pairs: Sequence[tuple[Made, Made]], key: Key) -> dict[str, object]:
    """Somebody hands in a picture of their own that no ledger knows, and the ledger has another's."""
    judged = []
    for hers, mine in pairs:
        kept = saved(hers.image, "PNG")
        book = FileBook([hers.by(HER).entry], known(key), lambda entry, kept=kept: kept)
        judged.append(verify("mine", file(mine.image, mine.recipe, None), book, {ME}))
    bits = [likeness.distance(a.receipt.statement.likeness, b.receipt.statement.likeness) for a, b in pairs]
    apart = [likeness.difference(a.image, b.image) for a, b in pairs]
    return {
        "pairs": len(pairs),
        "accused": sum(each.grave for each in judged),
        "to be looked at": sum(bool(each.look) for each in judged),
        "verdicts": _counted(judged),
        "bits": _spread(bits),
        "levels": _spread(apart),
        "distances": dict(sorted(Counter(bits).items())),
    }


def every_pair(reported: Sequence[Made]) -> dict[str, int]:
    """How many of all pairs of two prompts are as near as what is shown to a person."""
    hashes = [(each.recipe.prompt, each.receipt.statement.likeness) for each in reported]
    bits = [likeness.distance(a, b) for (one, a), (two, b) in combinations(hashes, 2) if one != two]
    return {"pairs": len(bits), "within": sum(each <= ALIKE for each in bits), "bits": ALIKE, "nearest": min(bits)}


def survivors(made: Sequence[Made]) -> dict[str, list[int]]:
    """The distances of what became of a picture, to be drawn beside those of others."""
    return {how: [likeness.distance(likeness.perceptual(_opened(PIXELS[how](each))), each.receipt.statement.likeness)
                  for each in made] for how in PIXELS}  # fmt: skip


def costs(made: Sequence[Made]) -> dict[str, object]:
    """Milliseconds a picture, and bytes."""
    from tempfile import TemporaryDirectory

    from limner.audit import credentials

    told, some = dict[str, object](), made[:20]

    def timed(act: Callable[[Made], object]) -> float:
        act(some[0])
        start = time.perf_counter()
        for each in some:
            act(each)
        return round((time.perf_counter() - start) / len(some) * 1000, 2)

    told["pixels and likeness, ms"] = timed(lambda each: (likeness.pixels(each.image), likeness.perceptual(each.image)))
    told["signature, ms"] = timed(lambda each: replace(each).receipt)
    bare = [file(each.image, each.recipe, None) for each in some]
    told["bytes of a receipt"] = sum(len(each.file()) - len(b) for each, b in zip(some, bare, strict=True)) // len(some)
    with TemporaryDirectory() as name:
        mine = credentials.credentials(Path(name))
        for form in ("png", "jpeg", "webp"):
            data = some[0].file(form)
            told[f"content credentials in {form}, ms"] = timed(
                lambda each, d=data, f=form: mine.added(d, f, each.recipe, each.receipt)
            )
            told[f"content credentials in {form}, bytes"] = len(
                mine.added(data, form, some[0].recipe, some[0].receipt)
            ) - len(data)
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--drawn", type=Path, default=Path("outputs/receipts"), help="where the pictures are, or will be"
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    start, key = time.monotonic(), fresh()
    written = [word for name in ("out", "plot") if (file := getattr(args, name)) for word in (f"--{name}", str(file))]
    calibrated, reported, again = drawn(args.drawn, key)
    made = tried(reported)
    equal = sum(one.image.tobytes() == two.tobytes() for one, two in zip(made, again, strict=True))
    report = {
        "command": shlex.join(["tests/audit/receipts.py", *written]),
        "date": date.today().isoformat(),
        "system": f"{platform.system()}, Python {platform.python_version()}, Pillow {Image.__version__}",
        "model": made[0].recipe.model,
        "pictures": {"calibration": len(calibrated), "reported": len(reported), "steps": STEPS,
                     "size": list(made[0].image.size), "seeds": [list(CALIBRATED[1]), list(REPORTED[1])]},
        "thresholds": {f"alike, bits of {likeness.BITS}": ALIKE, "saved anew, levels of 255": NEAR},
        "re-made equal to the last bit": f"{equal} of {len(made)}",
        "calibration": calibration(calibrated),
        "verdicts": verdicts(made, reported, again, key),
        "unrelated": innocent(list(strangers(reported, PAIRS, Random(2))), key),
        "same prompt, other seed": innocent(list(kin(reported)), key),
        "every pair of two prompts": every_pair(reported),
        "surviving": list(SURVIVING),
        "survivors": survivors(made),
        "costs": costs(made),
        "seconds": round(time.monotonic() - start),
    }  # fmt: skip
    text = json.dumps(report, indent=1)
    if args.out:
        args.out.write_text(text + "\n")
    if args.plot:
        from receipts_plot import plot

        plot(report, args.plot)
    sys.stdout.write((text if not args.out else _summary(report)) + "\n")
    guilty = report["unrelated"]["accused"] + report["same prompt, other seed"]["accused"]
    return int(bool(guilty) or equal < len(made))


def _summary(report: Mapping[str, object]) -> str:
    lines = [
        f"{how:40} {there:24} {counts}" for how, row in report["verdicts"].items() for there, counts in row.items()
    ]
    for name in ("unrelated", "same prompt, other seed"):
        found = report[name]
        lines.append(
            f"{name}: {found['accused']} accused, {found['to be looked at']} to be looked at, of {found['pairs']}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
