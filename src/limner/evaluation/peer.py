"""One contestant, alone in a process: it draws a picture whenever it reads a line, and says how long that took.

Run as a file, by any Python that has the library in question: `peer.py WHAT MODEL DEVICE`.  It needs limner only to be
limner.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """So many pictures in one call, the first of them kept in the file; limner's names for how they are drawn."""

    seed: int
    steps: int
    count: int
    file: str | None = None
    sampler: str = "euler"
    ladder: str = "trailing"
    guide_above: float = 0.0
    guide_below: float = 10000.0


Job = Callable[[Asked], None]

PROMPT = "a red apple"
GUIDANCE = 3.0


def limner(model: str, device: str, backend: str | None) -> Job:
    """limner with the backend that its canary chose, or with a named one; DDIM's steps are Euler's here."""
    from PIL import Image

    from limner.bundle import open_bundle
    from limner.engine import backends, run
    from limner.engine.device import choose
    from limner.recipe import Wish, resolve, series

    place = choose(device)
    bundle = open_bundle(model, place.device, place.dtype)
    if backend is None and backends.verdict(bundle) is None:
        backends.prepare(bundle)
    chosen = backends.choose(bundle, backend)

    def draw(asked: Asked) -> None:
        wish = Wish(
            model=bundle.identity, prompt=PROMPT, negative="", seed=asked.seed, steps=asked.steps, guidance=GUIDANCE,
            sampler=asked.sampler, ladder=asked.ladder, guide_above=asked.guide_above, guide_below=asked.guide_below,
        )  # fmt: skip
        recipes = series(resolve(wish, bundle.defaults), asked.count)
        pictures = [picture for _, picture in run(recipes, bundle, backend=chosen)]
        if asked.file:
            Image.fromarray(pictures[0]).save(asked.file)

    return draw


def diffusers(model: str, device: str, compiled: bool) -> Job:
    """diffusers' own pipeline: float32 on a CPU and float16 on a GPU, perhaps its U-Net compiled."""
    import torch
    from diffusers import StableDiffusionPipeline

    dtype = torch.float32 if device == "cpu" else torch.float16
    pipe: Any = StableDiffusionPipeline.from_pretrained(model, torch_dtype=dtype, safety_checker=None)
    pipe.to(device)
    if compiled:
        pipe.unet = _captured(pipe.unet, device)
    return _pipeline(pipe)


def _captured(net: Any, device: str) -> Any:
    """Fused kernels and a CUDA graph for each shape; on a CPU only the capture, to see that it can be done."""
    import torch

    if device == "cpu":
        return torch.compile(net, backend="aot_eager", fullgraph=True, dynamic=False)
    return torch.compile(net, mode="reduce-overhead", fullgraph=True, dynamic=False)


def unet(model: str, device: str, compiled: bool) -> Job:
    """diffusers' U-Net alone, of random weights, in a loop with its scheduler: guided latents, and no picture."""
    import torch
    from diffusers import DDIMScheduler, UNet2DConditionModel

    dtype, whole = torch.float32 if device == "cpu" else torch.float16, UNet2DConditionModel
    torch.set_default_dtype(dtype)  # four bytes a weight might find no room
    with torch.device(device):
        made: Any = whole.from_config(whole.load_config(model, subfolder="unet"))
    torch.set_default_dtype(torch.float32)
    net, steps_of = made.eval(), DDIMScheduler.from_pretrained(model, subfolder="scheduler")
    config = net.config
    size = config.in_channels, config.sample_size, config.sample_size
    words = json.loads((Path(model) / "tokenizer" / "tokenizer_config.json").read_text())["model_max_length"]
    said = torch.linspace(-2, 2, words * config.cross_attention_dim).sin().reshape(1, words, -1).to(device, dtype)
    kinds = config.projection_class_embeddings_input_dim, config.addition_time_embed_dim
    pooled = None if kinds[0] is None else torch.zeros(1, kinds[0] - 6 * kinds[1], device=device, dtype=dtype)
    net = _captured(net, device) if compiled else net

    @torch.no_grad()
    def draw(asked: Asked) -> None:
        seeds = range(asked.seed, asked.seed + asked.count)
        x = torch.cat([torch.empty(1, *size).normal_(generator=torch.Generator().manual_seed(seed)) for seed in seeds])
        x, steps_of_this = x.to(device, dtype), DDIMScheduler.from_config(steps_of.config)
        steps_of_this.set_timesteps(asked.steps, device=device)
        rows = 2 * asked.count
        told: dict[str, Any] = {"encoder_hidden_states": said.expand(rows, -1, -1).contiguous()}
        if pooled is not None:
            sizes = torch.full((rows, 6), 8.0 * config.sample_size, device=device, dtype=dtype)
            told["added_cond_kwargs"] = {"text_embeds": pooled.expand(rows, -1).contiguous(), "time_ids": sizes}
        for t in steps_of_this.timesteps:
            with_, without = net(torch.cat([x, x]), t, **told, return_dict=False)[0].chunk(2)
            x = steps_of_this.step(without + GUIDANCE * (with_ - without), t, x, return_dict=False)[0]
        if not bool(x.isfinite().all()):
            raise SystemExit("its latents are not finite")

    return draw


def optimum(model: str, device: str) -> Job:
    """The same pipeline through optimum-intel: OpenVINO, static shapes, the precision that OpenVINO itself prefers."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # else every import is told its maker
    from optimum.intel import OVStableDiffusionPipeline

    pipe: Any = OVStableDiffusionPipeline.from_pretrained(model, export=True, compile=False, safety_checker=None)
    side = pipe.unet.config.sample_size * pipe.vae_scale_factor
    pipe.reshape(batch_size=1, height=side, width=side, num_images_per_prompt=1)
    pipe.compile()
    return _pipeline(pipe)


def _pipeline(pipe: Any) -> Job:
    import torch
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

    class Karras(DPMSolverMultistepScheduler):  # type: ignore[misc]
        """Begins at its first step: left alone it looks for the first time, finds the second of two equal ones, and
        runs over its end, as Karras' levels have several at t = 999 where the last signal is zero (diffusers 0.42)."""

        def set_timesteps(self, steps: int, device: Any = None) -> None:
            super().set_timesteps(steps, device)
            self.set_begin_index(0)

    pipe.set_progress_bar_config(disable=True)
    schedulers: dict[tuple[str, str], Any] = {
        ("euler", "trailing"): DDIMScheduler.from_config(pipe.scheduler.config),
        ("dpmpp_2m", "karras"): Karras.from_config(pipe.scheduler.config, use_karras_sigmas=True),
    }

    def draw(asked: Asked) -> None:
        pipe.scheduler = schedulers[asked.sampler, asked.ladder]
        generator = [torch.Generator().manual_seed(asked.seed + k) for k in range(asked.count)]
        told = {"num_inference_steps": asked.steps, "guidance_scale": GUIDANCE, "num_images_per_prompt": asked.count}
        out = pipe(PROMPT, generator=generator, **told)
        if asked.file:
            out.images[0].save(asked.file)

    return draw


CONTESTANTS: dict[str, Callable[[str, str], Job]] = {
    "limner": lambda model, device: limner(model, device, None),
    "limner-eager": lambda model, device: limner(model, device, "eager"),
    "diffusers": lambda model, device: diffusers(model, device, False),
    "diffusers-compiled": lambda model, device: diffusers(model, device, True),
    "unet": lambda model, device: unet(model, device, False),
    "unet-compiled": lambda model, device: unet(model, device, True),
    "optimum": optimum,
}


def main() -> None:
    what, model, device = sys.argv[1:4]
    job = CONTESTANTS[what](model, device)
    sys.stdout.write(json.dumps({"ready": what}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = Asked(**json.loads(line))
        began = time.perf_counter()
        job(asked)
        sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
