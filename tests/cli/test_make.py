"""A sentence becomes pictures that say what they are; nothing is overwritten, and what is finished stays."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from plain import plain
from safetensors.torch import load_file, save_file
from torch import Tensor

from limner import metadata
from limner.bundle import open_bundle
from limner.bundle.pixels import NO_ROOM
from limner.cli import asked
from limner.metadata import read
from limner.network.vae import Autoencoder
from limner.process.ladder import LADDERS
from limner.recipe import FIELDS, GROUPS, VERSION, Recipe
from limner.sampler import SAMPLERS

Limner = Callable[..., tuple[int, str, str]]
Refused = Callable[..., str]
TINY = ("--model", "tiny")


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def _recipe(path: Path) -> Recipe:
    recipe = read(path).recipe
    assert recipe is not None
    return recipe


def test_pictures_carry_their_recipes(limner: Limner, home: Path) -> None:
    code, out, err = limner(
        "make", "a red apple", *TINY, "--count", 3, "--seed", 40, "--sampler", "Euler a", "--size", "16x8"
    )
    assert (code, err) == (0, "")
    paths = [Path(line) for line in out.splitlines()]
    assert sorted(paths) == sorted(Path("outputs").iterdir())
    assert sorted(path.name.partition("-")[2] for path in paths) == ["40.png", "41.png", "42.png"]
    identity = open_bundle(home / "models" / "tiny").identity
    for path in paths:
        seed = int(path.stem.partition("-")[2])
        expected = plain(
            VERSION, identity, "a red apple", "", seed, 2, "ancestral", "trailing", 1, 2.0, 0.0, 1e4, 0, 1, 16, 8
        )
        assert _recipe(path) == expected
        assert "Model: tiny, Device: cpu, Precision: float32" in read(path).text
        assert _pixels(path).shape == (8, 16, 3)


def test_a_picture_is_made_again_bit_for_bit_and_never_over_another(limner: Limner) -> None:
    limner("make", "a cat", *TINY, "--seed", 5, "--guidance", 3, "--negative", "boat")
    (first,) = Path("outputs").iterdir()
    before = first.read_bytes()
    code, out, _ = limner("make", "--from", first, *TINY)
    second = Path(out.strip())
    assert code == 0
    assert second != first
    assert first.read_bytes() == before == second.read_bytes()


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_every_format_can_be_made_again(form: str, limner: Limner) -> None:
    limner("make", "a cat", *TINY, "--format", form, "--out", form)
    (first,) = Path(form).iterdir()
    limner("make", "--from", first, *TINY, "--format", form, "--out", "again")
    (second,) = Path("again").iterdir()
    assert first.read_bytes() == second.read_bytes()


def test_other_circumstances_are_said(limner: Limner) -> None:
    limner("make", "a cat", *TINY, "--device", "cpu", "--dtype", "bfloat16")
    (first,) = Path("outputs").iterdir()
    code, _, err = limner("make", "--from", first, *TINY, "--device", "cpu", "--dtype", "float32")
    was, now = "cpu in bfloat16 by torch .*", "cpu in float32 by torch .*"
    assert code == 0
    assert re.fullmatch(rf"limner: {first} was made on {was}, this is {now}: pixels may differ a little\n", err)


def test_flags_override_the_source(limner: Limner) -> None:
    limner("make", "a cat", *TINY, "--seed", 5)
    (first,) = Path("outputs").iterdir()
    limner("make", "a boat", "--from", first, *TINY, "--steps", 3, "--out", "b")
    (second,) = Path("b").iterdir()
    assert _recipe(second) == replace(_recipe(first), prompt="a boat", steps=3)


def test_a_picture_of_another_model_says_which(limner: Limner, refused: Refused, other: Path) -> None:
    limner("make", "a cat", "--model", other, "--out", "outputs")
    (first,) = Path("outputs").iterdir()
    line = refused("make", "--from", first, *TINY)
    wanted, here = _recipe(first).model[:10], open_bundle("tiny").identity[:10]
    assert f"{first} was made by {other.name} ({wanted}), which is not tiny ({here})" in line
    assert limner("make", "--from", first, "--model", other)[0] == 0


def test_json_says_what_was_made(limner: Limner) -> None:
    code, out, err = limner("make", "", *TINY, "--count", 2, "--json")
    assert code == 0
    assert err == "limner: the prompt is empty: the model draws whatever comes\n"
    report = json.loads(out)
    assert report["notes"] == ["the prompt is empty: the model draws whatever comes"]
    assert [each["seed"] for each in report["pictures"]] == [7, 8]
    assert report["recipe"].keys() == FIELDS.keys()
    for each in report["pictures"]:
        assert _recipe(Path(each["path"])).seed == each["seed"]
        assert each["seconds"] > 0


def test_a_long_prompt_is_read_in_parts_which_is_said(limner: Limner) -> None:
    code, out, err = limner("make", "a red apple " * 4 + "BREAK a boat", *TINY)
    assert code == 0
    assert err == "limner: the prompt is longer than the model reads at once: it reads 3 parts, each by itself\n"
    _, other, err = limner("make", "a red apple " * 4 + "BREAK a cat", *TINY, "--negative", "a boat AND a cat")
    assert err.count("\n") == 1
    assert Path(out.strip()).read_bytes() != Path(other.strip()).read_bytes()


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a (red:1.5) apple", ["a", "red", "apple"]),
        ("a [[[[red]]]] apple", ["a", "red", "apple"]),
        ("a red AND apple :0.5", ["a", "red"]),
        ("a [apple:boat:0] BREAK red", ["a", "boat", "red"]),
    ],
)
def test_what_is_written_in_brackets_is_heard_and_is_no_word(limner: Limner, prompt: str, words: list[str]) -> None:
    pictures = [limner("make", each, *TINY)[1].strip() for each in (prompt, "a red apple")]
    one, other = (np.asarray(Image.open(path)).astype(int) for path in pictures)
    assert np.abs(one - other).max() > 0
    code, out, _ = limner("explain", pictures[0], *TINY, "--json")
    assert (code, json.loads(out)["words"]) == (0, words)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--steps", 0], "steps 0 is out of range; choose 1 to 1000 steps"),
        (["--steps", -3], "steps -3 is out of range"),
        (["--guidance", "nan"], "guidance nan is out of range"),
        (["--seed", 2**32], "seed 4294967296 is out of range; choose 0 to 4294967295"),
        (["--seed", 2**32 - 1, "--count", 2], "2 seeds from 4294967295 run past 4294967295"),
        (["--count", 0], "count 0 is out of range; choose 1 to 10000"),
        (["--size", "17x16"], "width 17 does not divide by 2; the nearest that do: 16 and 18"),
        (["--size", "big"], "argument --size: 'big' is not WIDTHxHEIGHT, such as 256x256"),
        (["--size", "16x16", "--width", 16], "--size says width and height already"),
        (["--sampler", "eular"], "unknown sampler 'eular'; did you mean euler"),
        (["--ladder", "karas"], "unknown ladder 'karas'; did you mean karras"),
        (["--device", "abacus"], "device 'abacus' is not here"),
        (["--dtype", "int1"], "precision 'int1' is not known"),
        (["--format", "gif"], "argument --format: invalid choice: 'gif'"),
        (["--model", "nobody"], "model 'nobody' is not known; known are tiny"),
        (["--model", "weights.ckpt"], "is a pickle"),
        (["--from", "missing.png"], "no file missing.png"),
        (["--negative", "\udcff"], "negative '\\udcff' holds bytes that are no text"),
    ],
)
def test_bad_input_is_one_line_and_no_picture(flags: list[object], says: str, refused: Refused) -> None:
    assert says in refused("make", "a cat", *TINY, *flags)
    assert not any(path.is_file() for path in Path("outputs").glob("*"))


def test_a_prompt_is_needed(refused: Refused) -> None:
    assert "no prompt" in refused("make", *TINY)


def test_a_picture_without_a_recipe_cannot_be_made_again(refused: Refused) -> None:
    Image.new("RGB", (8, 8)).save("plain.png")
    assert "plain.png does not say how it was made" in refused("make", "--from", "plain.png")


COMFY = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 2**32 + 5,
            "steps": 3,
            "cfg": 1.5,
            "sampler_name": "restart",
            "scheduler": "karras",
            "denoise": 1.0,
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
            "model": ["4", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dream.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 24, "height": 16, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "boat", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
}


def _foreign(**texts: str) -> None:
    chunks = PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    Image.new("RGB", (8, 8)).save("foreign.png", pnginfo=chunks)


def test_another_programs_picture_is_made_as_far_as_it_is_understood(limner: Limner, home: Path) -> None:
    _foreign(prompt=json.dumps(COMFY))
    code, out, err = limner("make", "--from", "foreign.png", *TINY, "--guidance", 2)
    assert code == 0
    recipe, defaults = _recipe(Path(out.strip())), open_bundle(home / "models" / "tiny").defaults
    assert (recipe.prompt, recipe.negative, recipe.seed, recipe.steps) == ("a cat", "boat", 5, 3)
    assert (recipe.width, recipe.height, recipe.guidance, recipe.ladder) == (24, 16, 2.0, "karras")
    assert recipe.sampler == defaults["sampler"]
    assert err.splitlines() == [
        "limner: foreign.png was made by ComfyUI with dream.safetensors, this is tiny: another picture",
        "limner: foreign.png asks for more than limner does: sampler restart",
        "limner: tiny is at its best at 16x16, this is 24x16 (--size)",
    ]


def test_another_programs_loras_are_not_laid_over_and_that_is_said(limner: Limner) -> None:
    _foreign(parameters="a cat <lora:ink:0.7>\nSteps: 2, Sampler: Euler, CFG scale: 2, Seed: 1, Size: 16x16, RNG: CPU")
    code, _, err = limner("make", "--from", "foreign.png", *TINY)
    assert code == 0
    said = "limner: foreign.png was made with LoRA ink at 0.7: nothing is laid over here (--lora NAME:SCALE does)"
    assert said in err.splitlines()
    assert "asks for more than limner does" not in err


def test_another_programs_picture_may_leave_the_prompt_to_be_said(limner: Limner, refused: Refused) -> None:
    del (silent := json.loads(json.dumps(COMFY)))["6"]
    _foreign(prompt=json.dumps(silent))
    assert "foreign.png says no prompt that limner understands" in refused("make", "--from", "foreign.png", *TINY)
    code, out, _ = limner("make", "a boat", "--from", "foreign.png", *TINY)
    assert (code, _recipe(Path(out.strip())).prompt) == (0, "a boat")


def test_no_control_sequence_of_a_picture_reaches_the_terminal(limner: Limner) -> None:
    _foreign(parameters="cat\nSteps: 2, Sampler: \x1b[31mX, CFG scale: 2, Seed: 1, Size: 16x16, Model: \x1b]0;x\x07")
    code, _, err = limner("make", "--from", "foreign.png", *TINY)
    assert code == 0
    assert "with  ]0;x , this is tiny" in err
    assert "Sampler:  [31mX" in err
    assert "\x1b" not in err


def test_a_size_of_another_program_may_not_fit(refused: Refused) -> None:
    _foreign(parameters="a cat\nSteps: 2, Sampler: Euler, CFG scale: 2, Seed: 1, Size: 17x16")
    assert "width 17 does not divide by 2" in refused("make", "--from", "foreign.png", *TINY)
    assert "foreign.png carries no recipe of limner's; say what it shows with --prompt" in refused(
        "explain", "foreign.png"
    )


def test_corrupt_weights_name_the_file(refused: Refused, home: Path) -> None:
    shutil.copytree(home / "models" / "tiny", "broken")
    weights = Path("broken", "unet", "diffusion_pytorch_model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-100])
    assert str(weights) in refused("make", "a cat", "--model", "broken")
    weights.rename(weights.with_suffix(".bin"))
    assert "is a pickle" in refused("make", "a cat", "--model", "broken")


def test_an_unwritable_folder_is_refused_before_the_model_is_read(refused: Refused) -> None:
    Path("file").touch()
    assert "choose a folder that you may write to" in refused("make", "a cat", "--model", "nobody", "--out", "file/x")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_locked_folder_is_refused(refused: Refused) -> None:
    Path("locked").mkdir(mode=0o500)
    assert "choose a folder that you may write to" in refused("make", "a cat", *TINY, "--out", "locked")


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is POSIX")
def test_a_full_disk_leaves_nothing_half_written(limner: Limner) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        code, out, err = limner("make", "a cat", *TINY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (code, out) == (2, "")
    assert err.startswith(f"limner: cannot write {Path('outputs', '00001-7.png')}: ")
    assert err.endswith("; free some space or choose another folder\n")
    assert list(Path("outputs").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_keeps_what_is_finished(here: Path) -> None:
    run = [sys.executable, "-m", "limner", "make", "a cat", *TINY, "--count", "9999"]
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite run in the background ignores Ctrl-C,
    try:  # and so would its children
        process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, ignored)
    with process:
        assert process.stdout
        first = process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finished = [first, *out.splitlines()]
    assert process.returncode == 130
    assert err.startswith("limner: stopped; ")
    assert err.endswith(" of 9999 pictures are finished, in outputs\n")
    assert err.count("\n") == 1
    left = sorted((here / "outputs").iterdir())
    assert {here / path for path in finished} <= set(left)
    for path in left:
        assert _recipe(path).prompt == "a cat"


def test_other_programs_names_lead_to_what_there_is() -> None:
    assert metadata.SAMPLERS.keys() <= SAMPLERS.keys()
    assert metadata.LADDERS.keys() == LADDERS.keys()


def test_flags_are_the_fields_of_a_recipe() -> None:
    """All of them, but what an edit is of and how, which limner edit asks for."""
    rest = {name for name in FIELDS if name.startswith("edit_")}
    assert {*asked.FLAGS, "version", "model", "prompt"} | rest == FIELDS.keys()
    assert len(rest) == 1 + len(GROUPS["edit_of"])


def test_there_is_nothing_to_offload_from_a_cpu(refused: Refused) -> None:
    assert "nothing to offload" in refused("make", "a cat", *TINY, "--device", "cpu", "--offload")


def test_what_had_to_be_done_for_want_of_memory_is_said_beside_the_picture_and_in_it(
    limner: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cramped(net: Autoencoder, z: Tensor) -> Generator[None, None, Tensor]:
        yield
        raise torch.OutOfMemoryError("planted")

    whole = Path(limner("make", "a cat", *TINY)[1].strip())
    monkeypatch.setattr(Autoencoder, "decoding", cramped)
    code, out, err = limner("make", "a cat", *TINY)
    assert code == 0
    assert err == f"limner: {out.strip()}: {NO_ROOM}\n"
    assert NO_ROOM in read(Path(out.strip())).text
    apart = _pixels(whole).astype(int) - _pixels(Path(out.strip())).astype(int)
    assert np.abs(apart).max() <= 1  # a value near a half may be rounded either way


def test_another_autoencoder_makes_another_picture_of_another_model(limner: Limner, home: Path, tmp_path: Path) -> None:
    vae = tmp_path / "vae"
    shutil.copytree(home / "models" / "tiny" / "vae", vae)
    (weights,) = vae.glob("*.safetensors")
    tensors = load_file(weights)
    save_file(tensors | {"decoder.conv_out.bias": tensors["decoder.conv_out.bias"] + 0.5}, weights)
    plain, other = (Path(limner("make", "a cat", *TINY, *more)[1].strip()) for more in ((), ("--vae", str(vae))))
    assert _pixels(other).mean() > _pixels(plain).mean() + 10
    assert _recipe(plain).model != _recipe(other).model
    assert limner("make", "--from", str(other), *TINY)[0] == 2
    again = limner("make", "--from", str(other), "--vae", str(vae), *TINY)[1].strip()
    assert Path(again).read_bytes() == other.read_bytes()
    code, out, err = limner("make", "a cat", *TINY, "--vae", str(tmp_path / "gone"))
    assert (code, out) == (2, "")
    assert err.startswith("limner: ")
    assert "gone" in err
