"""Fooocus's pictures in both of its schemes and all of its formats."""

import json
from pathlib import Path

import automatic
import pytest
from pictures import png, text, with_tags

from limner.metadata import read
from limner.metadata.fooocus import fooocus
from limner.recipe import Wish

# Keys and values as modules/meta_parser.py and modules/async_worker.py of version 2.5 put them together.
RECORD = {
    "adm_guidance": "(1.5, 0.8, 0.3)",
    "base_model": "juggernautXL_v8Rundiffusion",
    "base_model_hash": "aeb7e9e689",
    "clip_skip": 2,
    "full_negative_prompt": ["(worst quality:1.5), blurry", "low"],
    "full_prompt": ["cinematic still a [red] fox . emotional", "a red fox, intricate"],
    "guidance_scale": 4,
    "lora_combined_1": "sd_xl_offset_example-lora_1.0 : 0.1",
    "loras": [["sd_xl_offset_example-lora_1.0", 0.1, "4852686128"]],
    "metadata_scheme": "fooocus",
    "negative_prompt": "low",
    "performance": "Speed",
    "prompt": "a [red] fox",
    "refiner_model": "None",
    "refiner_switch": 0.5,
    "resolution": "(1152, 896)",
    "sampler": "dpmpp_2m",
    "scheduler": "karras",
    "seed": "7041945512344466331",
    "sharpness": 2,
    "steps": 30,
    "styles": "['Fooocus V2', 'SAI Cinematic']",
    "vae": "Default (model)",
    "version": "Fooocus v2.5.5",
}
MEANT = Wish(
    prompt=r"cinematic still a \[red\] fox . emotional, a red fox, intricate",
    negative="(worst quality:1.5), blurry, low",
    seed=7041945512344466331 % 2**32,
    steps=30,
    sampler="dpmpp_2m",
    ladder="karras",
    guidance=4.0,
    clip_skip=2,
    width=1152,
    height=896,
)
UNMET = {
    "adm guidance (1.5, 0.8, 0.3)",
    "LoRA sd_xl_offset_example-lora_1.0 at 0.1",
    "sharpness 2",
    "styles ['Fooocus V2', 'SAI Cinematic']: written out in the prompt",
}


def test_its_own_scheme() -> None:
    found = fooocus(json.dumps(RECORD))
    assert found is not None
    assert (found.maker, found.model, found.wish) == ("Fooocus", "juggernautXL_v8Rundiffusion", MEANT)
    assert set(found.unmet) == UNMET


def test_without_the_full_prompts_the_typed_one_is_taken() -> None:
    found = fooocus(json.dumps({key: value for key, value in RECORD.items() if not key.startswith("full")}))
    assert found is not None
    assert (found.wish.prompt, found.wish.negative) == (r"a \[red\] fox", "low")
    assert "styles ['Fooocus V2', 'SAI Cinematic']" in found.unmet


def test_a_refiner_is_named() -> None:
    found = fooocus(json.dumps(RECORD | {"refiner_model": "sd_xl_refiner_1.0"}))
    assert found is not None
    assert set(found.unmet) == UNMET | {"refiner model sd_xl_refiner_1.0", "refiner switch 0.5"}


def test_its_other_scheme_is_automatic1111s_text(tmp_path: Path) -> None:
    raw = automatic.written(
        "cinematic still a fox",
        "blurry",
        {"Steps": "30", "Sampler": "DPM++ 2M", "Seed": "5", "Size": "1152x896", "CFG scale": "4", "Sharpness": "2"}
        | {
            "ADM Guidance": "(1.5, 0.8, 0.3)",
            "Model": "juggernautXL",
            "Model hash": "aeb7e9e689",
            "Scheduler": "karras",
        }
        | {"Performance": "Speed", "Raw prompt": "a fox", "Version": "Fooocus v2.5.5"},
    )
    found = read(png(tmp_path / "a.png", text("parameters", raw), text("fooocus_scheme", "a1111")))
    assert (found.maker, found.model) == ("Fooocus", "juggernautXL")
    assert (found.wish.sampler, found.wish.ladder, found.wish.width) == ("dpmpp_2m", "karras", 1152)
    assert {"Sharpness: 2", "ADM Guidance: (1.5, 0.8, 0.3)"} <= set(found.unmet)
    assert not [each for each in found.unmet if "cheduler" in each or "Raw" in each]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_it_is_found_in_every_format(name: str, tmp_path: Path) -> None:
    """In JPEG and WebP it lies in the first folder of the EXIF, where others have their second."""
    raw, path = json.dumps(RECORD), tmp_path / name
    if name == "a.png":
        png(path, text("parameters", raw), text("fooocus_scheme", "fooocus"))
    else:
        with_tags(path, {0x9286: raw, 0x0131: "Fooocus v2.5.5", 0x927C: "fooocus"})
    assert read(path).wish == MEANT


@pytest.mark.parametrize("raw", ["", "{}", "[]", '{"prompt": "a"}', "a cat\nSteps: 5, Sampler: Euler, Seed: 1"])
def test_what_is_none_of_its_records_is_left_alone(raw: str) -> None:
    assert fooocus(raw) is None


def test_values_of_other_kinds_are_no_harm() -> None:
    for value in (None, 3, "x", [], {}, [["a"]], {"a": [1]}, float("nan"), "(1, 2, 3)"):
        assert fooocus(json.dumps(dict.fromkeys(RECORD, value))) is not None
