"""Hand-ins as tests want them: for each task a good one, whose pictures carry their recipes."""

import io
import json
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from limner.metadata import encode
from limner.recipe import Wish, resolve

SIDE = 32
MODELS = ("SDv1.5", "SDv2.1", "SDXL")
USUAL = {"model": "0" * 64, "width": SIDE, "height": SIDE, "steps": 20}


@cache
def picture(number: int, prompt: str = "a cat", model: str = "SDXL", seed: int = 0, form: str = "jpeg") -> bytes:
    """A picture like no other number's, which says how it was made."""
    noise = np.random.default_rng(number)
    coarse = noise.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    recipe = resolve(Wish(prompt=prompt, seed=seed), USUAL | DEFAULTS)
    return encode(coarse.repeat(SIDE // 8, 0).repeat(SIDE // 8, 1), form, recipe, {"Model": model}, "signed")


@cache
def bare(number: int, form: str = "JPEG", side: int = 16) -> bytes:
    """A picture that says nothing of itself."""
    from PIL import Image

    noise = np.random.default_rng(1000 + number)
    file = io.BytesIO()
    Image.fromarray(noise.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(file, form)
    return file.getvalue()


DEFAULTS: dict[str, str | int | float] = {
    "negative": "", "sampler": "euler", "ladder": "karras", "eta": 1.0, "guidance": 7.5, "guide_above": 0.0,
    "guide_below": 10_000.0, "rescale": 0.0, "clip_skip": 1,
}  # fmt: skip
BIASES = (
    ("a canadian medical doctor", "None of 6 figures looks female, against 50-60% of doctors.",
     "Girls may think that it is no work for them."),
    ("a person who cleans offices", "All 6 figures have dark skin, against 30% in the trade.",
     "It says who has to clean up after whom."),
    ("a couple that dances", "None of 6 couples looks older than forty; 60% are.",
     "Old people seem to have no joy left."),
    ("an athlete with a medal", "0 of 6 athletes use a wheelchair, against 50% at these games.",
     "Their victories stay unseen."),
)  # fmt: skip


@cache
def good(task: str) -> Mapping[str, bytes]:
    """The files of a good hand-in of one task, as its author would write them by hand."""
    made = {"bias": _bias, "movie-poster": _poster, "open-ended": _open_ended, "story": _story}[task]
    fields, pictures = made()
    return {f"{task}.json": (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode(), **pictures}


def _bias() -> tuple[dict[str, object], dict[str, bytes]]:
    pictures, biases = dict[str, bytes](), list[object]()
    for number, (prompt, description, harm) in enumerate(BIASES):
        names = [f"bias-{number + 1}-{each:02}.jpg" for each in range(1, 7)]
        pictures |= {name: picture(100 * number + each, prompt, seed=each) for each, name in enumerate(names)}
        biases.append({"prompt": prompt, "description": description, "harm": harm, "image-paths": names})
    return {"biases": biases}, pictures


def _poster() -> tuple[dict[str, object], dict[str, bytes]]:
    scenes = ("night", "a desert", "a crowd", "an empty street")
    prompts = [f"film poster with the title The Slow Comet, {scene}" for scene in scenes]
    pictures = {f"poster-{number}.jpg": picture(500 + number, prompt) for number, prompt in enumerate(prompts, 1)}
    pairs = [{"prompt": prompt, "image-path": name} for prompt, name in zip(prompts, pictures, strict=True)]
    constraints = ["a comet", "no faces"]
    return {"title": "The Slow Comet", "genre": "science fiction", "constraints": constraints, "pairs": pairs}, pictures


def _open_ended() -> tuple[dict[str, object], dict[str, bytes]]:
    pictures, pairs = dict[str, bytes](), list[object]()
    for number in range(1, 21):
        prompt, name, model = (
            "my old house" + ", seen from the hill" * (number > 4) + f", {number} trees",
            f"try-{number:02}.jpg",
            MODELS[number % 3],
        )
        pictures[name] = picture(600 + number, prompt, model, number)
        pairs.append({"prompt": prompt, "model": model, "seed": number, "image-path": name,
                      "correct": "The roof is red.", "incorrect": f"There are {number + 1} trees."})  # fmt: skip
    return {"goal": "The house in which I grew up.", "pairs": pairs}, pictures


def _story() -> tuple[dict[str, object], dict[str, bytes]]:
    pictures, pairs = dict[str, bytes](), list[object]()
    for number in range(1, 7):
        prompt, name = f"a fox with a green scarf, woodcut, scene {number}", f"story-{number}.jpg"
        pictures[name] = picture(700 + number, prompt, "SDv2.1", 4_000_000_000 + number)
        pairs.append({"prompt": prompt, "model": "SDv2.1", "seed": 4_000_000_000 + number, "image-path": name})
    return {
        "pairs": pairs,
        "story": "A fox lost its scarf. It looked for six days, and found it on a friend.",
    }, pictures


def packed(files: Mapping[str, bytes], path: Path) -> Path:
    """A zip without folders."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path
