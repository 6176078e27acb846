"""diffusers, alone in a process, draws golden prompts: `theirs.py FOLDER DEVICE ASKED.json OUT.npz [SINGLE_FILE]`."""

import json
import sys
from pathlib import Path
from typing import Any

LAST = {"timestep_spacing": "trailing", "clip_sample": False, "set_alpha_to_one": True}


def main() -> None:
    import diffusers
    import numpy as np
    import torch

    folder, device, asked, out = sys.argv[1:5]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    pipe = _opened(folder, sys.argv[5:])
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


def _opened(folder: str, single: list[str]) -> Any:
    """The pipeline of a folder; or of a single file, whose names diffusers then reads by its own tables."""
    import diffusers
    import torch

    told = {"torch_dtype": torch.float32, "local_files_only": True}
    if not single:
        return diffusers.DiffusionPipeline.from_pretrained(folder, **told)
    kind = getattr(diffusers, json.loads((Path(folder) / "model_index.json").read_text())["_class_name"])
    return kind.from_single_file(single[0], config=folder, **told)


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
