"""One contestant, alone in a process: it draws a picture whenever it reads a line, and says how long that took.

Run as a file, by any Python that has the library in question: `peer.py WHAT MODEL`.  It needs limner only to be limner.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Job = Callable[[int, int, Path | None], None]
"""(seed, steps, file or None): draw a picture, or ask a network once, and keep it in the file."""

PROMPT = "a red apple"
GUIDANCE = 3.0


def limner(model: str, backend: str | None) -> Job:
    """limner with the backend that its canary chose, or with a named one; DDIM's steps are Euler's here."""
    from PIL import Image

    from limner.bundle import open_bundle
    from limner.engine import backends, run
    from limner.recipe import Wish, resolve

    bundle = open_bundle(model)
    if backend is None and backends.verdict(bundle) is None:
        backends.prepare(bundle)
    chosen = backends.choose(bundle, backend)

    def draw(seed: int, steps: int, file: Path | None) -> None:
        wish = Wish(1, bundle.identity, PROMPT, "", seed, steps, "euler", "trailing", GUIDANCE)
        ((_, picture),) = run([resolve(wish, bundle.defaults)], bundle, denoiser=chosen.denoiser)
        if file:
            Image.fromarray(picture).save(file)

    return draw


def diffusers(model: str) -> Job:
    """diffusers' own pipeline: eager, float32, the model's own DDIM."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    pipe: Any = StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    return _pipeline(pipe)


def optimum(model: str) -> Job:
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

    pipe.set_progress_bar_config(disable=True)

    def draw(seed: int, steps: int, file: Path | None) -> None:
        generator = torch.Generator().manual_seed(seed)
        out = pipe(PROMPT, num_inference_steps=steps, guidance_scale=GUIDANCE, generator=generator)
        if file:
            out.images[0].save(file)

    return draw


CONTESTANTS: dict[str, Callable[[str], Job]] = {
    "limner": lambda model: limner(model, None),
    "limner-eager": lambda model: limner(model, "eager"),
    "diffusers": diffusers,
    "optimum": optimum,
}


def main() -> None:
    what, model = sys.argv[1:3]
    job = CONTESTANTS[what](model)
    sys.stdout.write(json.dumps({"ready": what}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        job(asked["seed"], asked["steps"], Path(asked["file"]) if asked.get("file") else None)
        sys.stdout.write(json.dumps({"seconds": time.perf_counter() - began}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
