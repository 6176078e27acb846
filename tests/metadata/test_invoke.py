"""InvokeAI's pictures of all its versions; the records are those that users posted in its and others' issues."""

import json
from pathlib import Path

import pytest
from pictures import png, text

from limner.metadata import read
from limner.metadata.invoke import dream, invoke, invoke_2
from limner.recipe import Wish

# The shape of zanllp/infinite-image-browsing#771 (version 5) and of receyuki/stable-diffusion-prompt-reader#46 (3).
FIVE = """{"generation_mode":"sdxl_txt2img","positive_prompt":"dark abstract++ colored painting",
"negative_prompt":"image frame","width":832,"height":1216,"seed":1554095076,"rand_device":"cpu","cfg_scale":15.0,
"cfg_rescale_multiplier":0.0,"steps":50,"scheduler":"euler","seamless_x":false,"seamless_y":false,
"model":{"key":"9f583d2f-deab-4f43-aa68-8a4e356fc753","hash":"blake3:6a225d44","name":"duchaiten_v10","base":"sdxl",
"type":"main"},"positive_style_prompt":"dark abstract++ colored painting","negative_style_prompt":"image frame",
"regions":[],"app_version":"5.4.3"}"""
THREE = """{"app_version":"3.1.1","generation_mode":"sdxl_txt2img","positive_prompt":"flying, billowing cape",
"negative_prompt":"bad hands","width":1024,"height":1024,"seed":2507332253,"rand_device":"cpu","cfg_scale":7.5,
"steps":25,"scheduler":"ddpm","clip_skip":0,"model":{"model_name":"dreamshaperXL10","base_model":"sdxl",
"model_type":"main"},"controlnets":[],"loras":[],"positive_style_prompt":"Comic","negative_style_prompt":"Realistic"}"""


def test_version_5() -> None:
    found = invoke(FIVE)
    assert found is not None
    assert (found.maker, found.model, found.unmet) == ("InvokeAI 5.4.3", "duchaiten_v10", ())
    assert found.wish == Wish(
        prompt="dark (abstract:1.21) colored painting",
        negative="image frame",
        seed=1554095076,
        steps=50,
        sampler="euler",
        guidance=15.0,
        rescale=0.0,
        width=832,
        height=1216,
    )


def test_version_3() -> None:
    found = invoke(THREE)
    assert found is not None
    assert (found.maker, found.model) == ("InvokeAI 3.1.1", "dreamshaperXL10")
    assert (found.wish.sampler, found.wish.clip_skip, found.wish.seed) == ("ancestral", None, 2507332253)
    assert found.unmet == ("positive style prompt 'Comic'", "negative style prompt 'Realistic'")


def test_what_it_says_beyond_a_wish_is_named() -> None:
    ink = {"key": "1", "hash": "blake3:1", "name": "ink", "base": "sd-1", "type": "lora"}
    record = json.loads(FIVE) | {
        "generation_mode": "img2img",
        "strength": 0.6,
        "rand_device": "cuda",
        "scheduler": "tcd",
        "clip_skip": 1,
        "loras": [{"model": ink, "weight": 0.75}, {"lora": {"model_name": "old", "base_model": "sd-1"}, "weight": 1}],
        "controlnets": [{"control_model": {"name": "canny"}, "control_weight": 0.5, "image": {"image_name": "x.png"}}],
        "ipAdapters": [{"ip_adapter_model": {"name": "face"}, "weight": 1.0}],
        "vae": {"key": "2", "name": "vae-ft-mse", "base": "sd-1", "type": "vae"},
        "hrf_enabled": True,
        "seamless_x": True,
        "refiner_model": {"name": "xl-refiner"},
        "negative_prompt": '("a", "b").blend(1, 2)',
        "negative_style_prompt": "",
    }
    found = invoke(json.dumps(record))
    assert found is not None
    assert found.wish.clip_skip == 2
    assert found.wish.negative == '("a", "b").blend(1, 2)'
    assert set(found.unmet) == {
        "sampler tcd",
        "mode img2img",
        "strength 0.6",
        "noise of a cuda: the same seed begins with other noise here",
        "LoRA ink at 0.75",
        "LoRA old at 1",
        "ControlNet canny at 0.5",
        "IP-Adapter face at 1.0",
        "vae vae-ft-mse",
        "hrf enabled True",
        "seamless x True",
        "refiner model xl-refiner",
        """the weights in '("a", "b").blend(1, 2)': taken as they stand""",
    }


# Version 2, as invokeai's docs/features/OTHER.md and ldm/invoke/pngwriter.py have it.
TWO = {
    "model": "stable diffusion",
    "model_weights": "stable-diffusion-1.5",
    "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.3.5",
    "image": {
        "prompt": [{"prompt": "a fox, (snow)1.2 [blurry, low]", "weight": 1.0}],
        "steps": 50,
        "cfg_scale": 7.5,
        "threshold": 0.0,
        "perlin": 0.1,
        "height": 512,
        "width": 640,
        "seed": 42,
        "seamless": False,
        "hires_fix": False,
        "type": "txt2img",
        "postprocessing": None,
        "sampler": "k_euler_a",
        "variations": [],
    },
}
SAID = Wish(
    prompt="a fox, (snow:1.2)",
    negative="blurry, low",
    seed=42,
    steps=50,
    sampler="ancestral",
    guidance=7.5,
    width=640,
    height=512,
)


def test_version_2() -> None:
    found = invoke_2(json.dumps(TWO))
    assert found is not None
    assert (found.maker, found.wish, found.model) == ("InvokeAI 2", SAID, "stable-diffusion-1.5")
    assert found.unmet == ("perlin 0.1",)


def test_version_1() -> None:
    found = dream('"a fox, (snow)1.2 [blurry, low]" -s 50 -S 42 -W640 -H 512 -C 7.5 -A k_euler_a -G 0.8 --seamless')
    assert found is not None
    assert (found.maker, found.wish, found.unmet) == ("InvokeAI 1", SAID, ("-G 0.8",))


@pytest.mark.parametrize(
    "raw", ["", "[]", "3", "null", '{"image": 3}', '{"image": {"prompt": [3]}}', "[" * 10_000, '"']
)
def test_what_is_none_of_its_records_is_left_alone(raw: str) -> None:
    for reader in (invoke, invoke_2, dream):
        found = reader(raw)
        assert found is None or not found.wish.prompt


def test_pngs_carry_them(tmp_path: Path) -> None:
    newest = png(tmp_path / "5.png", text("invokeai_metadata", FIVE), text("invokeai_graph", '{"nodes": {}}'))
    assert read(newest).maker == "InvokeAI 5.4.3"
    both = png(tmp_path / "2.png", text("Dream", '"a" -s 5'), text("sd-metadata", json.dumps(TWO)))
    assert read(both).wish == SAID
    assert read(png(tmp_path / "1.png", text("Dream", '"a fox" -s 5'))).wish == Wish(
        prompt="a fox", negative="", steps=5
    )
