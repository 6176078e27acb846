"""ComfyUI's graphs lead to the picture's own sampler, prompts, size and weights, however they are wired."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import international, png, text, with_tags

from limner.metadata import Reading, read
from limner.metadata.comfy import comfy
from limner.metadata.graph import MOST
from limner.recipe import Wish

# The workflow that ComfyUI opens with, as it saves it; numbers and order as they come.
DEFAULT = """{
  "3": {"inputs": {"seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "euler_ancestral",
        "scheduler": "karras", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
        "latent_image": ["5", 0]}, "class_type": "KSampler", "_meta": {"title": "KSampler"}},
  "4": {"inputs": {"ckpt_name": "SD1.5/v1-5-pruned-emaonly.safetensors"}, "class_type": "CheckpointLoaderSimple"},
  "5": {"inputs": {"width": 768, "height": 512, "batch_size": 1}, "class_type": "EmptyLatentImage"},
  "6": {"inputs": {"text": "a glass bottle, (galaxy:1.2) [inside]", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
  "7": {"inputs": {"text": "text, watermark", "clip": ["4", 1]}, "class_type": "CLIPTextEncode"},
  "8": {"inputs": {"samples": ["3", 0], "vae": ["4", 2]}, "class_type": "VAEDecode"},
  "9": {"inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}, "class_type": "SaveImage"}
}"""
MEANT = Wish(
    prompt=r"a glass bottle, (galaxy:1.2) \[inside\]",
    negative="text, watermark",
    seed=156680208700286 % 2**32,
    steps=20,
    sampler="ancestral",
    ladder="karras",
    guidance=8.0,
    width=768,
    height=512,
)


def changed(**nodes: dict[str, object] | None) -> str:
    """The default graph with some inputs of `n3` changed, or with `n20` beside its nodes."""
    graph = json.loads(DEFAULT)
    for name, change in nodes.items():
        number = name.removeprefix("n")
        if change is None:
            del graph[number]
        elif "class_type" in change:
            graph[number] = change
        else:
            graph[number]["inputs"] |= change
    return json.dumps(graph)


def node(kind: str, **inputs: object) -> dict[str, object]:
    return {"class_type": kind, "inputs": inputs}


def found(graph: str) -> Reading:
    reading = comfy(graph)
    assert reading is not None
    return reading


def test_the_default_workflow() -> None:
    reading = found(DEFAULT)
    assert reading.wish == MEANT
    assert (reading.maker, reading.model) == ("ComfyUI", "SD1.5/v1-5-pruned-emaonly.safetensors")
    assert (reading.unmet, reading.recipe, reading.text) == ((), None, DEFAULT)
    assert reading.settings["seed"] == "156680208700286"


def test_its_seed_of_64_bits_is_the_same_noise() -> None:
    from limner.process.noise import initial, normal

    assert initial(MEANT.seed or 0, (4,)).equal(normal(156680208700286, (4,)))


def test_loras_and_clip_skip_on_the_way() -> None:
    reading = found(
        changed(
            n20=node("LoraLoader", lora_name="ink.safetensors", strength_model=0.8, model=["4", 0], clip=["4", 1]),
            n21=node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["20", 1]),
            n22=node("RescaleCFG", multiplier=0.7, model=["20", 0]),
            n3={"model": ["22", 0]},
            n6={"clip": ["21", 0]},
        )
    )
    assert (reading.wish.clip_skip, reading.wish.rescale) == (2, 0.7)
    assert reading.unmet == ("LoRA ink.safetensors at 0.8",)
    assert reading.model.endswith("emaonly.safetensors")


def test_a_second_pass_does_not_hide_the_first() -> None:
    reading = found(
        changed(
            n20=node("LatentUpscale", samples=["3", 0], width=1536, height=1024, crop="disabled"),
            n21=node(
                "KSampler", seed=1, steps=9, cfg=3.0, sampler_name="heun", scheduler="simple", denoise=0.5,
                model=["4", 0], positive=["6", 0], negative=["7", 0], latent_image=["20", 0],
            ),
            n8={"samples": ["21", 0]},
        )
    )  # fmt: skip
    assert reading.wish == MEANT
    assert set(reading.unmet) == {"another pass: KSampler, denoise 0.5", "the node LatentUpscale"}


def test_a_sampler_that_leads_to_no_saved_picture_is_not_meant() -> None:
    other = node(
        "KSampler", seed=1, steps=9, cfg=3.0, sampler_name="heun", scheduler="simple", denoise=1.0,
        model=["4", 0], positive=["7", 0], negative=["6", 0], latent_image=["5", 0],
    )  # fmt: skip
    graph = {"1": other, "2": node("PreviewImage", images=["1", 0]), **json.loads(DEFAULT)}
    assert found(json.dumps(graph)).wish == MEANT


def test_of_several_saved_pictures_the_first_is_taken_and_that_is_said() -> None:
    reading = found(changed(n20=node("SaveImage", images=["21", 0]), n21=node("LoadImage", image="cat.png")))
    assert reading.wish == MEANT
    assert reading.unmet == ("one of 2 pictures that the graph saved: it does not say which",)


def test_a_sampler_that_cannot_be_known_is_not_made_up() -> None:
    reading = found(changed(n3={"sampler_name": ["20", 0], "scheduler": ["20", 1]}, n20=node("Chooser", a=1, b=2)))
    assert (reading.wish.sampler, reading.wish.ladder) == (None, None)
    assert reading.unmet == ("the node Chooser",)


def test_the_sampler_of_many_parts() -> None:
    reading = found(
        changed(
            n3=node(
                "SamplerCustomAdvanced", noise=["20", 0], guider=["21", 0], sampler=["22", 0], sigmas=["23", 0],
                latent_image=["5", 0],
            ),
            n20=node("RandomNoise", noise_seed=7),
            n21=node("CFGGuider", model=["4", 0], positive=["6", 0], negative=["7", 0], cfg=5),
            n22=node("KSamplerSelect", sampler_name="dpmpp_2m"),
            n23=node("BasicScheduler", model=["4", 0], scheduler="exponential", steps=12, denoise=1),
        )
    )  # fmt: skip
    assert (reading.wish.prompt, reading.wish.negative) == (MEANT.prompt, MEANT.negative)
    assert (reading.wish.seed, reading.wish.steps, reading.wish.guidance) == (7, 12, 5.0)
    assert (reading.wish.sampler, reading.wish.ladder) == ("dpmpp_2m", "exponential")
    assert reading.unmet == ()


def test_samplers_and_schedules_that_are_nodes_themselves() -> None:
    reading = found(
        changed(
            n3=node(
                "SamplerCustom", model=["4", 0], add_noise=True, noise_seed=7, cfg=5, positive=["6", 0],
                negative=["7", 0], sampler=["22", 0], sigmas=["24", 0], latent_image=["5", 0],
            ),
            n22=node("SamplerEulerAncestral", eta=0.5, s_noise=1.0),
            n23=node("KarrasScheduler", steps=12, sigma_max=14.6, sigma_min=0.03, rho=7.0),
            n24=node("SplitSigmas", sigmas=["23", 0], step=4),
        )
    )  # fmt: skip
    assert (reading.wish.sampler, reading.wish.ladder, reading.wish.eta) == ("ancestral", "karras", 0.5)
    assert (reading.wish.seed, reading.wish.steps) == (7, 12)
    assert set(reading.unmet) == {"noise levels from 14.6 to 0.03", "the node SplitSigmas"}


def test_a_walk_that_is_not_whole_is_said() -> None:
    advanced = json.loads(DEFAULT)["3"]["inputs"] | {"start_at_step": 2, "end_at_step": 15, "add_noise": "disable"}
    seed = advanced.pop("seed")
    del advanced["denoise"]
    reading = found(changed(n3=node("KSamplerAdvanced", noise_seed=seed, **advanced)))
    assert reading.wish == MEANT
    assert reading.unmet == ("started at step 2", "stopped at step 15 of 20", "no noise added")


def test_a_picture_from_a_picture_is_said() -> None:
    reading = found(
        changed(
            n5=node("VAEEncode", pixels=["20", 0], vae=["4", 2]),
            n20=node("LoadImage", image="cat.png", upload="image"),
            n3={"denoise": 0.6},
        )
    )
    assert (reading.wish.width, reading.wish.prompt) == (None, MEANT.prompt)
    assert set(reading.unmet) == {
        "denoise 0.6: it did not start from pure noise",
        "no empty latent: it started from a picture",
        "the node VAEEncode",
        "the node LoadImage",
    }


@pytest.mark.parametrize(
    ("nodes", "prompt", "unmet"),
    [
        (
            {"n20": node("ConditioningConcat", conditioning_to=["6", 0], conditioning_from=["7", 0])},
            rf"{MEANT.prompt} BREAK text, watermark",
            (),
        ),
        (
            {"n20": node("ConditioningCombine", conditioning_1=["7", 0], conditioning_2=["6", 0])},
            rf"text, watermark :0.5 AND {MEANT.prompt} :0.5",
            (),
        ),
        (
            {"n20": node("ConditioningSetArea", conditioning=["6", 0], width=64, height=64, x=0, y=0, strength=1.0)},
            MEANT.prompt,
            ("the node ConditioningSetArea",),
        ),
        (
            {
                "n20": node("ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], control_net=["21", 0]),
                "n21": node("ControlNetLoader", control_net_name="canny.safetensors"),
            },
            MEANT.prompt,
            ("the node ControlNetApplyAdvanced", "the node ControlNetLoader canny.safetensors"),
        ),
        ({"n20": node("Reroute", **{"": ["6", 0]})}, MEANT.prompt, ()),
        ({"n20": node("ConditioningZeroOut", conditioning=["6", 0])}, "", ()),
        (
            {"n20": node("CLIPTextEncodeSDXL", clip=["4", 1], text_g="a fox", text_l="ink", width=1024, height=1024)},
            "a fox",
            ("the second text tower's own words 'ink'",),
        ),
        (
            {
                "n20": node("CLIPTextEncode", clip=["4", 1], text=["21", 0]),
                "n21": node("StringConcatenate", string_a=["22", 0], string_b="fox", delimiter=" "),
                "n22": node("PrimitiveString", value="a"),
            },
            "a fox",
            (),
        ),
        (
            {"n20": node("CLIPTextEncode", clip=["4", 1], text=["21", 0]), "n21": node("Oracle", mood=["4", 0])},
            None,
            ("the text of CLIPTextEncode, which is not in the graph", "a positive prompt that no node says in words"),
        ),
        (
            {"n20": node("CLIPTextEncode", clip=["4", 1], text="a AND b embedding:mood:1.1 (c")},
            "a AND b embedding:mood:1.1 (c",
            (
                "embedding mood:1.1",
                "the plain word AND, which divides a prompt here",
                "the weights in 'a AND b embedding:mood:1.1 (c': taken as they stand",
            ),
        ),
    ],
    ids=lambda value: next(iter(value.values()))["class_type"] if isinstance(value, dict) else None,
)
def test_where_the_prompt_comes_from(
    nodes: dict[str, dict[str, object]], prompt: str | None, unmet: tuple[str, ...]
) -> None:
    reading = found(changed(**nodes, n3={"positive": ["20", 0]}))
    assert reading.wish.prompt == prompt
    assert set(unmet) <= set(reading.unmet)
    assert set(reading.unmet) <= {*unmet, "the node Oracle"}


def test_values_come_through_nodes_that_only_hold_them() -> None:
    reading = found(
        changed(
            n3={"seed": ["20", 0], "steps": ["21", 0], "cfg": ["22", 0]},
            n5={"width": ["23", 0]},
            n20=node("CR Seed", seed=11),
            n21=node("Reroute", **{"": ["24", 0]}),
            n22=node("PrimitiveFloat", value=4.5),
            n23=node("PrimitiveInt", value=640),
            n24=node("PrimitiveInt", value=33),
        )
    )
    assert (reading.wish.seed, reading.wish.steps, reading.wish.guidance, reading.wish.width) == (11, 33, 4.5, 640)
    assert reading.unmet == ()


def test_of_a_batch_only_the_first_has_a_seed() -> None:
    (unmet,) = found(changed(n5={"batch_size": 4})).unmet
    assert unmet.startswith("a batch of 4: ")


def test_numbers_that_are_none_and_names_that_are_unknown() -> None:
    reading = found(
        changed(n3={"cfg": float("nan"), "sampler_name": "restart", "scheduler": "kl_optimal", "steps": -1})
    )
    assert (reading.wish.guidance, reading.wish.sampler, reading.wish.ladder, reading.wish.steps) == (None,) * 4
    assert set(reading.unmet) == {"guidance nan", "sampler restart", "schedule kl_optimal", "steps -1"}


@pytest.mark.parametrize(
    "graph",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"3": 4}',
        '{"3": {"class_type": "KSampler", "inputs": []}}',
        '{"3": {"class_type": 4, "inputs": {}}}',
        changed(n3=None),
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_no_graph_is_left_alone(graph: str) -> None:
    assert comfy(graph) is None


def test_cycles_and_broken_links_end() -> None:
    reading = found(
        changed(
            n3={"model": ["20", 0], "positive": ["21", 0], "negative": ["99", 0], "latent_image": ["3", 0]},
            n20=node("Reroute", model=["20", 0]),
            n21=node("ConditioningConcat", conditioning_to=["21", 0], conditioning_from=["22", 0]),
            n22=node("CLIPTextEncode", text=["23", 0]),
            n23=node("StringConcatenate", string_a=["23", 0], string_b=["23", 0], delimiter=""),
        )
    )
    assert (reading.wish.prompt, reading.wish.negative, reading.wish.width) == (None, None, None)
    assert reading.model == ""
    assert reading.wish.steps == 20


def test_laughter_a_billion_times_is_cut_short() -> None:
    laughs = {
        f"n{100 + i}": node("StringConcatenate", string_a=[f"{101 + i}", 0], string_b=[f"{101 + i}", 0], delimiter="")
        for i in range(40)
    }
    combined = {
        f"n{200 + i}": node("ConditioningCombine", conditioning_1=[f"{201 + i}", 0], conditioning_2=[f"{201 + i}", 0])
        for i in range(40)
    }
    last = {"n140": node("PrimitiveString", value="ha"), "n240": node("CLIPTextEncode", text=["100", 0])}
    assert found(changed(**laughs, **combined, **last, n3={"positive": ["200", 0]})).wish.prompt is None


def test_a_long_chain_takes_no_long_time() -> None:
    chain = {f"n{i}": node("Hop", value=[str(i + 1), 0], text=[str(i + 1), 0]) for i in range(100, 5_000)}
    reading = found(changed(**chain, n6={"text": ["100", 0]}, n3={"seed": ["100", 0]}))
    assert (reading.wish.prompt, reading.wish.seed) == (None, None)
    assert len(reading.unmet) < 50


def test_more_nodes_than_anybody_draws_are_none() -> None:
    assert comfy(json.dumps(json.loads(DEFAULT) | {f"n{i}": node("Hop") for i in range(MOST)})) is None


keys = st.sampled_from(
    ["class_type", "inputs", "text", "positive", "negative", "latent_image", "sigmas", "images", "model"]
)
leaves = st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["KSampler", "SaveImage", "1", "2"])
links = st.tuples(st.sampled_from("123"), st.integers(0, 2)).map(list)
junk = st.recursive(leaves | links, lambda more: st.lists(more) | st.dictionaries(keys | st.sampled_from("123"), more))
kinds = st.sampled_from(["KSampler", "SaveImage", "CLIPTextEncode", "StringConcatenate", "EmptyLatentImage", "X"])
nearly = st.dictionaries(
    st.sampled_from("123"),
    st.fixed_dictionaries({"class_type": kinds, "inputs": st.dictionaries(keys, links | leaves)}),
)


@settings(max_examples=60)
@given(junk | nearly, junk | nearly)
def test_no_graph_raises(prompt: object, workflow: object) -> None:
    comfy(json.dumps(prompt), json.dumps({"nodes": workflow, "links": prompt}))
    comfy(json.dumps(prompt), json.dumps(workflow))


# The same workflow as the page keeps it: widgets by position, links by number; the LoRA is bypassed, the note is mute.
PAGE = {
    "nodes": [
        {"id": 4, "type": "CheckpointLoaderSimple", "mode": 0, "widgets_values": ["v1-5-pruned-emaonly.safetensors"]},
        {
            "id": 10, "type": "LoraLoader", "mode": 4, "widgets_values": ["ink.safetensors", 0.8, 1],
            "inputs": [{"name": "model", "type": "MODEL", "link": 1}, {"name": "clip", "type": "CLIP", "link": 2}],
        },
        {"id": 5, "type": "EmptyLatentImage", "mode": 0, "widgets_values": [768, 512, 1]},
        {
            "id": 6, "type": "CLIPTextEncode", "mode": 0, "widgets_values": ["a glass bottle, (galaxy:1.2) [inside]"],
            "inputs": [
                {"name": "clip", "type": "CLIP", "link": 4},
                {"name": "text", "type": "STRING", "link": None, "widget": {"name": "text"}},
            ],
        },
        {
            "id": 7, "type": "CLIPTextEncode", "mode": 0, "widgets_values": ["text, watermark"],
            "inputs": [{"name": "clip", "type": "CLIP", "link": 5}],
        },
        {
            "id": 3, "type": "KSampler", "mode": 0,
            "widgets_values": [156680208700286, "randomize", 20, 8, "euler_ancestral", "karras", 1],
            "inputs": [
                {"name": "model", "type": "MODEL", "link": 3},
                {"name": "positive", "type": "CONDITIONING", "link": 6},
                {"name": "negative", "type": "CONDITIONING", "link": 7},
                {"name": "latent_image", "type": "LATENT", "link": 8},
            ],
        },
        {"id": 8, "type": "VAEDecode", "mode": 0, "inputs": [{"name": "samples", "type": "LATENT", "link": 9}]},
        {"id": 9, "type": "SaveImage", "mode": 0, "inputs": [{"name": "images", "type": "IMAGE", "link": 10}]},
        {"id": 11, "type": "Note", "mode": 2, "widgets_values": ["nothing"]},
    ],
    "links": [
        [1, 4, 0, 10, 0, "MODEL"], [2, 4, 1, 10, 1, "CLIP"], [3, 10, 0, 3, 0, "MODEL"], [4, 10, 1, 6, 0, "CLIP"],
        [5, 10, 1, 7, 0, "CLIP"], [6, 6, 0, 3, 1, "CONDITIONING"], [7, 7, 0, 3, 2, "CONDITIONING"],
        {"id": 8, "origin_id": 5, "origin_slot": 0, "target_id": 3, "target_slot": 3, "type": "LATENT"},
        [9, 3, 0, 8, 0, "LATENT"], [10, 8, 0, 9, 0, "IMAGE"],
    ],
    "version": 0.4,
}  # fmt: skip


def test_the_page_alone_says_as_much() -> None:
    reading = comfy("", json.dumps(PAGE))
    assert reading is not None
    assert (reading.wish, reading.unmet, reading.model) == (MEANT, (), "v1-5-pruned-emaonly.safetensors")


def test_pngs_carry_the_graph(tmp_path: Path) -> None:
    workflow = json.dumps(PAGE)
    assert read(png(tmp_path / "a.png", text("prompt", DEFAULT), text("workflow", workflow))).wish == MEANT
    assert read(png(tmp_path / "b.png", text("workflow", workflow))).wish == MEANT
    squeezed = international("prompt", DEFAULT.replace("bottle", "瓶"), squeezed=True)
    assert read(png(tmp_path / "c.png", squeezed)).wish.prompt == r"a glass 瓶, (galaxy:1.2) \[inside\]"


@pytest.mark.parametrize("suffix", ["webp", "jpg"])
@pytest.mark.parametrize("tag", [0x0110, 0x010F, 0x010E])
def test_webp_and_jpeg_carry_the_graph_in_exif(suffix: str, tag: int, tmp_path: Path) -> None:
    """Model in ComfyUI's own animated WebP, Make and ImageDescription in what its extensions write."""
    label = "Prompt" if tag == 0x010E else "prompt"
    path = with_tags(tmp_path / f"a.{suffix}", {tag: f"{label}:{json.dumps(json.loads(DEFAULT))}"})
    assert read(path).wish == MEANT
    path = with_tags(tmp_path / f"b.{suffix}", {0x010F: f"workflow:{json.dumps(PAGE)}"})
    assert read(path).wish == MEANT


def test_a_graph_that_leads_nowhere_leaves_the_text_beside_it(tmp_path: Path) -> None:
    lines = "a fox\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 8x8, Version: ComfyUI"
    reading = read(png(tmp_path / "a.png", text("prompt", '{"1": {}}'), text("parameters", lines)))
    assert (reading.wish.prompt, reading.wish.seed) == ("a fox", 5)
    reading = read(png(tmp_path / "b.png", text("prompt", '{"1": {}}')))
    assert (reading.maker, reading.text) == ("", '{"1": {}}')
    assert reading.unmet == ("what it says is in no form that limner knows",)
