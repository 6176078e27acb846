"""diffusers, alone in a process, draws golden prompts: `theirs.py FOLDER DEVICE ASKED.json OUT.npz`."""

import json
import sys
from pathlib import Path
from typing import Any

LAST = {"timestep_spacing": "trailing", "clip_sample": False, "set_alpha_to_one": True}


def main() -> None:
    import diffusers
    import numpy as np
    import torch
    import transformers

    folder, device, asked, out = sys.argv[1:5]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    pipe: Any = diffusers.DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
    pipe.to(device)
    pipe.set_progress_bar_config(disable=True)
    if getattr(pipe, "safety_checker", None) is not None:
        pipe.safety_checker = None  # it blackens pictures: a verdict on taste, not on arithmetic
    schedulers = {
        "euler": diffusers.DDIMScheduler.from_config(pipe.scheduler.config, **LAST),
        "dpmpp_2m": diffusers.DPMSolverMultistepScheduler.from_config(
            pipe.scheduler.config, timestep_spacing="trailing", final_sigmas_type="zero", algorithm_type="dpmsolver++"
        ),
    }
    drawn = {
        str(number): _draw(pipe, schedulers, each) for number, each in enumerate(json.loads(Path(asked).read_text()))
    }
    np.savez(out, **drawn)
    versions = {
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
    }
    sys.stdout.write(json.dumps(versions) + "\n")


def _draw(pipe: Any, schedulers: dict[str, Any], asked: dict[str, Any]) -> Any:
    import numpy as np
    import torch

    pipe.scheduler = schedulers[asked["sampler"]]
    negative = {"negative_prompt": asked["negative"]} if asked["guidance"] != 1 else {}
    picture = pipe(
        asked["prompt"], num_inference_steps=asked["steps"], guidance_scale=asked["guidance"], width=asked["width"],
        height=asked["height"], generator=torch.Generator().manual_seed(asked["seed"]), output_type="np", **negative,
    ).images[0]  # fmt: skip
    return (np.asarray(picture) * 255).round().astype(np.uint8)


if __name__ == "__main__":
    main()
