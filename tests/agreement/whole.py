"""The course's models from token ids to pixels, by diffusers and by limner, on the same random weights.

`python tests/agreement/whole.py FOLDER` does it at full size, every draughtsman in a process of its own, one after the
other; `make agreement-full` calls it and writes the table.  The tests do it in small.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tiny
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from limner.text.tokenizer import published

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
PROMPT, NEGATIVE = "a red apple and two cats", "a blue boat"
SEED, BOUND = 7, 1e-4
PARTS = ("words", "sentence", "latent", "picture")


@dataclass(frozen=True)
class Shape:
    """A model's numbers in diffusers' and transformers' own names."""

    unet: Mapping[str, object]
    towers: tuple[Mapping[str, object], ...]
    vae: Mapping[str, object]
    prediction: str


@dataclass(frozen=True)
class Case:
    """A picture: its size in pixels, how far it is guided, and whether it has a negative prompt."""

    width: int
    height: int
    guidance: float
    negative: str
    steps: int


DOWN, UP = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3
VAE = {
    "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4, "norm_num_groups": 32,
    "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
}  # fmt: skip
CLIP_L = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "hidden_act": "quick_gelu", "projection_dim": 768,
}  # fmt: skip
BIGG = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
    "hidden_act": "gelu", "projection_dim": 1280,
}  # fmt: skip
CLIP_H = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16,
    "hidden_act": "gelu", "projection_dim": 512,
}  # fmt: skip
SD15 = {
    "sample_size": 64, "block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2, "cross_attention_dim": 768,
    "attention_head_dim": 8, "down_block_types": DOWN, "up_block_types": UP,
}  # fmt: skip
SD21 = SD15 | {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": True}
SDXL = {
    "sample_size": 128, "block_out_channels": [320, 640, 1280], "layers_per_block": 2, "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20], "use_linear_projection": True, "transformer_layers_per_block": [1, 2, 10],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 1280 + 6 * 256,
}  # fmt: skip
FULL = {
    "SD 1.5": Shape(SD15, (CLIP_L,), VAE | {"scaling_factor": 0.18215, "sample_size": 512}, "epsilon"),
    "SD 2.1, 512": Shape(SD21, (CLIP_H,), VAE | {"scaling_factor": 0.18215, "sample_size": 512}, "epsilon"),
    "SD 2.1, 768": Shape(
        SD21 | {"sample_size": 96}, (CLIP_H,), VAE | {"scaling_factor": 0.18215, "sample_size": 768}, "v_prediction"
    ),
    "SDXL": Shape(
        SDXL, (CLIP_L, BIGG), VAE | {"scaling_factor": 0.13025, "sample_size": 1024, "force_upcast": True}, "epsilon"
    ),
}  # fmt: skip
FULL_CASES = {
    "SD 1.5": Case(512, 512, 7.5, NEGATIVE, 1),
    "SD 2.1, 512": Case(640, 448, 7.5, NEGATIVE, 1),
    "SD 2.1, 768": Case(640, 768, 7.5, "", 1),
    "SDXL": Case(768, 640, 7.5, NEGATIVE, 1),
}
NARROW = {"block_out_channels": [32, 64, 64, 64], "norm_num_groups": 8, "layers_per_block": 1}
SLIM = {"num_hidden_layers": 3, "num_attention_heads": 2}
TINY = {
    "SD 1.5": Shape(
        SD15 | NARROW | {"sample_size": 8, "cross_attention_dim": 32, "attention_head_dim": 2},
        (CLIP_L | SLIM | {"hidden_size": 32, "intermediate_size": 64},),
        VAE | NARROW | {"scaling_factor": 0.18215, "sample_size": 64}, "epsilon",
    ),
    "SD 2.1, 512": Shape(
        SD21 | NARROW | {"sample_size": 8, "cross_attention_dim": 32, "attention_head_dim": [1, 2, 2, 2]},
        (CLIP_H | SLIM | {"hidden_size": 32, "intermediate_size": 64},),
        VAE | NARROW | {"scaling_factor": 0.18215, "sample_size": 64}, "epsilon",
    ),
    "SD 2.1, 768": Shape(
        SD21 | NARROW | {"sample_size": 12, "cross_attention_dim": 32, "attention_head_dim": [1, 2, 2, 2]},
        (CLIP_H | SLIM | {"hidden_size": 32, "intermediate_size": 64},),
        VAE | NARROW | {"scaling_factor": 0.18215, "sample_size": 96}, "v_prediction",
    ),
    "SDXL": Shape(
        SDXL | NARROW | {
            "block_out_channels": [32, 64, 64], "sample_size": 16, "cross_attention_dim": 32 + 48,
            "attention_head_dim": [1, 2, 2], "transformer_layers_per_block": [1, 1, 2], "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 20 + 6 * 8,
        },
        (
            CLIP_L | SLIM | {"hidden_size": 32, "intermediate_size": 64},
            BIGG | SLIM | {"hidden_size": 48, "intermediate_size": 96, "projection_dim": 20},
        ),
        VAE | NARROW | {"scaling_factor": 0.13025, "sample_size": 128, "force_upcast": True}, "epsilon",
    ),
}  # fmt: skip


PAGE = """# Agreement with diffusers

The course's three models in their published shapes, with random weights: from the same sentence, seed and
settings diffusers and limner each draw a picture, in processes of their own, in float32 on a CPU, one DDIM
step at the last time. The figures are the largest difference anywhere in what the text towers say (words, and
SDXL's sentence in one vector), in the latent and in the picture, divided by the standard deviation of what
diffusers says; {bound:g} is the most that is allowed. `make agreement-full` measured them ({versions};
{date}).

| model | million parameters | pixels | guidance | negative prompt | words | sentence | latent | picture |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

The same is tested in small at every change, guided and not, with and without a negative prompt, at sizes that
are not square, and with planted errors that must be noticed (`tests/agreement/test_whole.py`); every sampler
that diffusers also has, from the same noise (`tests/agreement/test_samplers.py`); single files against
diffusers' converter (`tests/bundle/test_published.py`).

Where the two differ by intention:

- limner's last noise level is 0. diffusers' DDIM ends at the first level of the schedule where a model's
  `set_alpha_to_one` is false, as that of Stable Diffusion 1.5 is.
- Where the number of steps does not divide the schedule's times, diffusers' DDIM steps to a time (666 - 333 =
  333) other than the one it asks at next (332); limner steps to where it asks next.
"""


def make(shape: Shape, folder: Path, length: int, dtype: torch.dtype) -> Path:
    """A folder of random weights, written by diffusers and transformers themselves; a network at a time in memory."""
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    words = list[CLIPTokenizer]()
    for pad in ("<|endoftext|>", "!"):
        published(length, pad).save(folder / "words")
        words.append(CLIPTokenizer.from_pretrained(folder / "words"))
    if len(shape.towers) == 1:
        words = words[:1] if shape.towers[0]["hidden_act"] == "quick_gelu" else words[1:]
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        for number, (tokens, told) in enumerate(zip(words, shape.towers, strict=True)):
            ids = {"bos_token_id": tokens.bos_token_id, "eos_token_id": tokens.eos_token_id}
            ids |= {"pad_token_id": tokens.pad_token_id, "vocab_size": len(tokens)}
            kind = CLIPTextModelWithProjection if number else CLIPTextModel
            tower = kind(CLIPTextConfig(**told, **ids, max_position_embeddings=length))
            ending = "_2" if number else ""
            tiny.fill(tower, number).save_pretrained(folder / f"text_encoder{ending}")
            tokens.save_pretrained(folder / f"tokenizer{ending}")
        tiny.fill(AutoencoderKL(**shape.vae), 2).save_pretrained(folder / "vae")
        net = UNet2DConditionModel(**shape.unet, in_channels=4, out_channels=4)
        tiny.fill(net, 3).save_pretrained(folder / "unet")
    finally:
        torch.set_default_dtype(before)
    scheduler = DDIMScheduler(
        **SD, prediction_type=shape.prediction, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True
    )
    scheduler.save_pretrained(folder / "scheduler")
    twice = len(shape.towers) == 2
    whole = StableDiffusionXLPipeline if twice else StableDiffusionPipeline
    index: dict[str, object] = {
        "_class_name": whole.__name__, "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "scheduler": ["diffusers", "DDIMScheduler"],
        "feature_extractor": [None, None], "image_encoder": [None, None],
    }  # fmt: skip
    if twice:
        index |= {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"]}
        index |= {"tokenizer_2": ["transformers", "CLIPTokenizer"], "force_zeros_for_empty_prompt": True}
    else:
        index |= {"safety_checker": [None, None], "requires_safety_checker": False}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@torch.no_grad()
def theirs(folder: Path, case: Case) -> dict[str, Tensor]:
    """What diffusers tells the network, its latent and its picture in [0, 1]."""
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, **extras(folder))
    pipe.set_progress_bar_config(disable=True)
    if hasattr(pipe, "text_encoder_2"):
        states, _, pooled, _ = pipe.encode_prompt(PROMPT, device="cpu")
    else:
        states, pooled = pipe.encode_prompt(PROMPT, "cpu", 1, False)[0], None
    latent = pipe(
        PROMPT, negative_prompt=case.negative or None, num_inference_steps=case.steps, guidance_scale=case.guidance,
        width=case.width, height=case.height, generator=torch.Generator().manual_seed(SEED), output_type="latent",
    ).images  # fmt: skip
    picture = pipe.vae.decode(latent / pipe.vae.config.scaling_factor).sample
    out = {"words": states, "latent": latent, "picture": (picture / 2 + 0.5).clamp(0, 1)}
    return out | ({} if pooled is None else {"sentence": pooled})


def extras(folder: Path) -> dict[str, object]:
    return {"add_watermarker": False} if (folder / "text_encoder_2").is_dir() else {"safety_checker": None}


@torch.no_grad()
def ours(folder: Path, case: Case) -> dict[str, Tensor]:
    """The same of limner."""
    from limner.bundle import open_bundle
    from limner.engine import Engine
    from limner.engine.backends import eager
    from limner.engine.run import Reader, guidance, sampling
    from limner.recipe import Wish, resolve

    bundle = open_bundle(folder)
    wish = Wish(
        model=bundle.identity, prompt=PROMPT, negative=case.negative, seed=SEED, steps=case.steps, sampler="ddim",
        eta=0.0, ladder="trailing", guidance=case.guidance, width=case.width, height=case.height,
    )  # fmt: skip
    recipe, backend, engine = resolve(wish, bundle.defaults), eager(bundle), Engine(bundle.denoiser)
    told = bundle.context([PROMPT], (case.width, case.height))
    engine.add("", sampling(recipe, bundle), guidance(recipe, Reader(bundle), backend))
    while engine.busy:
        engine.tick()
    latent = engine.finished[""]
    out = {"words": told.states, "latent": latent, "picture": bundle.decode(latent)}
    return out | ({} if told.pooled is None else {"sentence": told.pooled})


def apart(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> dict[str, float]:
    """The largest difference of each part, in standard deviations of the reference; inf where shapes differ."""
    assert ours.keys() == theirs.keys()
    return {part: _apart(ours[part], theirs[part]) for part in PARTS if part in ours}


def _apart(ours: Tensor, theirs: Tensor) -> float:
    if ours.shape != theirs.shape:
        return float("inf")
    return float((ours.double() - theirs.double()).abs().max() / theirs.double().std())


def page(kept: Mapping[str, Any]) -> str:
    """docs/agreement.md, from what was found."""
    rows = list[str]()
    for name, found in kept["cases"].items():
        case, apart_ = found["case"], found["apart"]
        size, negative = f"{case['width']} x {case['height']}", "yes" if case["negative"] else "no"
        values = " | ".join(f"{apart_[part]:.1e}" if part in apart_ else "-" for part in PARTS)
        millions = f"{found['parameters'] / 1e6:,.0f}"
        rows.append(f"| {name} | {millions} | {size} | {case['guidance']} | {negative} | {values} |")
    versions = ", ".join(f"{each} {kept[each]}" for each in ("diffusers", "transformers", "torch"))
    return PAGE.format(rows="\n".join(rows), versions=versions, date=kept["date"], bound=kept["bound"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the models, of up to 7 GB, one after the other")
    parser.add_argument("--do", choices=("make", "theirs", "ours"), help="one part, in this process")
    parser.add_argument("--family", choices=list(FULL), nargs="+", default=list(FULL))
    parser.add_argument("--figures", type=Path, default=Path("docs/figures/agreement.json"))
    args = parser.parse_args()
    if args.do:
        (name,) = args.family
        alone(args.do, name, args.folder)
        return
    kept = json.loads(args.figures.read_text()) if args.figures.exists() else {"cases": {}}
    for name in args.family:
        kept["cases"][name] = compare(name, args.folder)
        kept |= {"command": "make agreement-full", "date": time.strftime("%Y-%m-%d"), "bound": BOUND}
        kept |= {each: version(each) for each in ("torch", "diffusers", "transformers")}
        args.figures.write_text(json.dumps(kept, indent=2) + "\n")
        (args.figures.parent.parent / "agreement.md").write_text(page(kept))
        sys.stdout.write(f"{name}: {kept['cases'][name]}\n")
    if any(value > BOUND for case in kept["cases"].values() for value in case["apart"].values()):
        sys.exit(f"further apart than {BOUND}")


def alone(part: str, name: str, folder: Path) -> None:
    if part == "make":
        make(FULL[name], folder / "model", 77, torch.float16)
    else:
        drawn = {"theirs": theirs, "ours": ours}[part](folder / "model", FULL_CASES[name])
        save_file({key: each.contiguous() for key, each in drawn.items()}, folder / f"{part}.safetensors")


def compare(name: str, folder: Path) -> dict[str, object]:
    """Make the model, have it drawn by both, each in a process of its own, and take it away again."""
    import shutil

    seconds = {}
    for part in ("make", "theirs", "ours"):
        began = time.perf_counter()
        subprocess.run([sys.executable, __file__, str(folder), "--do", part, "--family", name], check=True)
        seconds[part] = round(time.perf_counter() - began)
    found = apart(*(load_file(folder / f"{part}.safetensors") for part in ("ours", "theirs")))
    weights = sum(file.stat().st_size for file in (folder / "model").rglob("*.safetensors")) // 2
    shutil.rmtree(folder / "model")
    return {"apart": found, "case": asdict(FULL_CASES[name]), "seconds": seconds, "parameters": weights}


if __name__ == "__main__":
    main()
