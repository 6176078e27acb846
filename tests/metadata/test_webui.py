"""AUTOMATIC1111 reads what limner writes, and limner reads what it, Forge and SD.Next write."""

from dataclasses import replace
from pathlib import Path

import automatic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pictures import international, png, text, with_tags
from plain import plain

from limner.metadata import parameters, read
from limner.metadata.webui import webui
from limner.recipe import VERSION, Wish

APPLE = plain(
    VERSION, "ab" * 32, "a red apple", "blurry", 42, 20, "euler", "karras", 1.0, 7.5, 0.0, 1e4, 0.0, 1, 512, 768
)
SETTINGS = {"Steps": "20", "Sampler": "Euler a", "Schedule type": "Karras", "CFG scale": "7", "Seed": "965400086"}
SETTINGS |= {"Size": "512x768", "Model hash": "45dee52b", "Model": "dreamshaper_8", "RNG": "CPU", "Version": "v1.9.4"}

words = st.text("ab ,:\"'\\()[]<>\t\r\n", max_size=40) | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
real = st.sampled_from(
    [
        "Steps: 20, Sampler: Euler a, CFG scale: 7",  # looks like settings, and is a prompt
        "a sign, that says: \"open\"\nand 'shut'",
        "a cat  \n  on a mat \n",
        "灯台の夜景、嵐",
        "منارة على صخرة",
        "👩‍🚀 on the 🌕",
        "a\r\nb\rc",
    ]
)


def kept(prompt: str) -> str:
    """What AUTOMATIC1111's rule leaves of a prompt: lines without their ends, none that is empty before the first."""
    lines = [line.strip() for line in prompt.split("\n")]
    while lines and not lines[0]:
        del lines[0]
    return "\n".join(lines)


def confused(prompt: str) -> bool:
    """Whether the rule takes a line of it for the beginning of the negative prompt: it has no way to write that."""
    return any(line.strip().startswith("Negative prompt:") for line in prompt.split("\n"))


@given(words | real, words | real, words)
@example("", "", "")
def test_automatic1111_reads_what_limner_writes(prompt: str, negative: str, model: str) -> None:
    if confused(prompt) or confused(f"x{negative}"):
        return
    recipe = replace(APPLE, prompt=prompt, negative=negative)
    found = automatic.understood(parameters(recipe, {"Model": model, "Model hash": "45dee52b"}))
    assert found["Prompt"] == kept(prompt)
    assert found["Negative prompt"] == kept(negative)
    assert found.get("Model", "") == model or "Model-1" in found
    expected = {"Steps": "20", "Sampler": "Euler", "Schedule type": "Karras", "CFG scale": "7.5", "Seed": "42"}
    expected |= {"Size-1": "512", "Size-2": "768", "RNG": "CPU", "Model hash": "45dee52b"}
    assert expected.items() <= found.items()


def test_what_its_text_cannot_carry_our_own_record_does(tmp_path: Path) -> None:
    from test_files import PICTURE

    from limner.metadata import write

    prompt = "a poster:\nNegative prompt: none\n  Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 8x8 \r"
    recipe = replace(APPLE, prompt=prompt)
    assert automatic.understood(parameters(recipe, {}))["Prompt"] == "a poster:"
    write(PICTURE, tmp_path / "a.png", recipe, {})
    assert read(tmp_path / "a.png").recipe == recipe


def test_no_identity_is_given_out_as_a_checkpoints_hash() -> None:
    """It would look for a file of that hash, and there is none."""
    found = automatic.understood(parameters(APPLE, {"Model": "limner-mini"}))
    assert "Model hash" not in found
    assert found["Model identity"] == "ab" * 5


@given(words | real, words | real, words)
def test_limner_reads_what_automatic1111_writes(prompt: str, negative: str, note: str) -> None:
    raw = automatic.written(prompt, negative, SETTINGS | {"Note": note})
    theirs, found = automatic.understood(raw), webui(raw)
    if confused(prompt) or confused(f"x{negative}") or "<" in prompt + negative or note[:1] + note[-1:] == '""':
        return
    assert found.maker == "AUTOMATIC1111"
    assert found.wish.prompt == "\n".join(prompt.strip().split("\n"))
    assert found.wish.negative == negative.strip()
    assert kept(found.wish.prompt).strip() == theirs["Prompt"].strip()
    assert found.wish == Wish(
        prompt=found.wish.prompt,
        negative=found.wish.negative,
        seed=965400086,
        steps=20,
        sampler="ancestral",
        ladder="karras",
        guidance=7.0,
        width=512,
        height=768,
    )


def test_a_seed_of_more_than_32_bits_is_the_one_that_the_generator_saw() -> None:
    found = webui(automatic.written("a fox", "", SETTINGS | {"Seed": str(2**32 + 42)}))
    assert (found.wish.seed, found.unmet) == (42, ())
    assert webui(automatic.written("a fox", "", SETTINGS | {"Seed": "-1"})).wish.seed is None


def test_what_it_says_beyond_a_wish_is_named() -> None:
    raw = automatic.written(
        "a fox <lora:ink:0.7>, <hypernet:old:1>",
        "low <lyco:bad>",
        SETTINGS
        | {"Sampler": "DPM adaptive", "Schedule type": "Beta", "Clip skip": "2", "Denoising strength": "0.5"}
        | {"Hires upscale": "2", "Hires upscaler": "Latent", "ControlNet 0": "Module: canny, Weight: 1", "RNG": "NV"}
        | {"Refiner": "xl_refiner [7440042bbd]", "Lora hashes": "ink: 1f2e"},
    )
    found = webui(raw)
    assert found.wish.prompt == "a fox ,"
    assert found.wish.negative == "low"
    assert (found.wish.sampler, found.wish.ladder, found.wish.clip_skip) == (None, None, 2)
    assert set(found.unmet) == {
        "LoRA ink at 0.7",
        "hypernetwork old at 1",
        "LoRA bad",
        "noise by RNG NV: the same seed begins with other noise here",
        "Sampler: DPM adaptive",
        "Schedule type: Beta",
        "Denoising strength: 0.5",
        "Hires upscale: 2",
        "Hires upscaler: Latent",
        "ControlNet 0: Module: canny, Weight: 1",
        "Refiner: xl_refiner [7440042bbd]",
    }


def test_the_noise_of_a_gpu_is_the_silent_default() -> None:
    settings = {key: value for key, value in SETTINGS.items() if key != "RNG"}
    (unmet,) = webui(automatic.written("a fox", "", settings)).unmet
    assert unmet == "noise by RNG GPU: the same seed begins with other noise here"


@pytest.mark.parametrize(
    ("more", "maker"),
    [
        ({"Version": "v1.9.4"}, "AUTOMATIC1111"),
        ({"Version": "f2.0.1v1.10.1-previous-669-gdfdcbab6"}, "Forge"),
        ({"App": "SD.Next", "Version": "f0b34d4"}, "SD.Next"),
        ({"Version": "Fooocus v2.5.5"}, "Fooocus"),
        ({"Version": "limner 0.1.0"}, "limner"),
        ({"Version": "?"}, "AUTOMATIC1111 or one that writes as it does"),
    ],
)
def test_makers_are_told_apart_by_their_version(more: dict[str, str], maker: str) -> None:
    assert webui(automatic.written("a fox", "", SETTINGS | more)).maker == maker


def test_sd_next_is_read() -> None:
    raw = (
        "a fox\nNegative prompt: \nSteps: 20, Size: 1024x1024, Sampler: Euler a, Seed: 5, CFG scale: 6, "
        "CFG rescale: 0.7, App: SD.Next, Version: f0b34d4, Pipeline: StableDiffusionXLPipeline, "
        "Operations: txt2img, Model: juggernaut, Model hash: 33e58e8668"
    )
    found = webui(raw)
    assert (found.maker, found.model) == ("SD.Next", "juggernaut")
    assert found.wish == Wish(
        prompt="a fox",
        negative="",
        seed=5,
        steps=20,
        sampler="ancestral",
        guidance=6.0,
        rescale=0.7,
        width=1024,
        height=1024,
    )


def test_a_prompt_alone_is_a_prompt() -> None:
    found = webui("just a fox")
    assert (found.maker, found.wish, found.unmet) == ("", Wish(prompt="just a fox", negative=""), ())


def test_a_prompt_too_long_stays_open_and_is_named() -> None:
    found = webui(automatic.written("fox " * 600, "", SETTINGS))
    assert found.wish.prompt is None
    assert "a prompt of 2399 characters" in found.unmet


@pytest.mark.parametrize("name", ["a.png", "b.png", "a.jpg", "a.webp"])
def test_it_is_found_in_every_format(name: str, tmp_path: Path) -> None:
    raw, path = automatic.written("a fox café", "", SETTINGS), tmp_path / name
    if name == "a.png":
        png(path, text("parameters", raw))
    elif name == "b.png":
        raw = raw.replace("fox", "狐")
        png(path, behind=international("parameters", raw, squeezed=True))
    else:  # as piexif writes it: big-endian, whatever the block is
        with_tags(path, {}, {0x9286: b"UNICODE\0" + raw.encode("utf-16-be")})
    found = read(path)
    assert (found.maker, found.text, found.recipe) == ("AUTOMATIC1111", raw, None)
    assert found.wish.seed == 965400086


@given(st.text("一丁丂七", max_size=400))
def test_a_comment_in_chinese_is_read_in_its_own_order(prompt: str) -> None:
    from limner.metadata.exif import _utf16

    raw = automatic.written(prompt, "", SETTINGS)
    assert _utf16(raw.encode("utf-16-be"), "little") == raw
    assert _utf16(raw.encode("utf-16-le"), "big") == raw
