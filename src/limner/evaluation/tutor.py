"""diffusers, alone in a process, teaches its own U-Net what ours is taught: `tutor.py ASKED.json`.

Run as a file, by any Python that has diffusers.  It does what diffusers' examples/text_to_image/train_text_to_image.py
does, on latents and text states that are there already: AdamW at a constant rate, whole times drawn uniformly, the
noise as what is predicted, no caption dropped, gradients clipped at 1, and an average of the weights as `--use_ema`
has it.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limner.home import beside

EVERY = 60.0  # seconds between checkpoints


@dataclass(frozen=True)
class Asked:
    """`config` is the U-Net's `config.json`; `gamma` that of min-SNR weighting (arXiv:2303.09556), 0 for none."""

    latents: str
    chunks: int
    config: dict[str, Any]
    out: str
    steps: int
    rows: int
    rate: float
    gamma: float
    seed: int
    device: str
    half: bool
    seconds: float | None


class Pupil:
    """diffusers' network, its average and its optimiser, with their file: safetensors, as a pickle may be anything."""

    def __init__(self, asked: Asked) -> None:
        import torch
        from diffusers import UNet2DConditionModel
        from diffusers.training_utils import EMAModel, set_seed

        set_seed(asked.seed)
        whole: Any = UNet2DConditionModel
        self.net = whole.from_config(asked.config).to(asked.device).train()
        self.ema: Any = EMAModel(self.net.parameters(), model_cls=whole, model_config=self.net.config)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), lr=asked.rate, betas=(0.9, 0.999), weight_decay=1e-2, eps=1e-8
        )
        self.out, self.number, self.seconds = Path(asked.out), 0, 0.0
        if (self.out / "state.safetensors").exists():
            self.resume()

    def step(self, loss: Any) -> None:
        import torch

        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.ema.step(self.net.parameters())
        self.number += 1

    def save(self) -> None:
        from safetensors.torch import save_file

        tensors = {f"net.{name}": each.detach() for name, each in self.net.named_parameters()}
        for (name, parameter), shadow in zip(self.net.named_parameters(), self.ema.shadow_params, strict=True):
            tensors[f"ema.{name}"] = shadow
            tensors |= {f"memory.{key}.{name}": each for key, each in self.optimiser.state.get(parameter, {}).items()}
        self.out.mkdir(parents=True, exist_ok=True)
        told = {"number": str(self.number), "seconds": str(self.seconds), "averaged": str(self.ema.optimization_step)}
        with beside(self.out / "state.safetensors") as part:
            save_file({name: each.contiguous() for name, each in tensors.items()}, part, told)

    def resume(self) -> None:
        import torch
        from safetensors import safe_open

        with safe_open(self.out / "state.safetensors", "pt") as f:
            told, kept = f.metadata(), {name: f.get_tensor(name) for name in f.keys()}  # noqa: SIM118
        self.number, self.seconds = int(told["number"]), float(told["seconds"])
        self.ema.optimization_step = int(told["averaged"])
        with torch.no_grad():
            for (name, parameter), shadow in zip(self.net.named_parameters(), self.ema.shadow_params, strict=True):
                parameter.copy_(kept[f"net.{name}"])
                shadow.copy_(kept[f"ema.{name}"])
                state = {key: kept.get(f"memory.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
                self.optimiser.state[parameter] = {
                    key: each if key == "step" else each.to(parameter.device)
                    for key, each in state.items()
                    if each is not None
                }

    def write(self) -> None:
        """The averaged weights, in diffusers' layout."""
        self.ema.store(self.net.parameters())
        self.ema.copy_to(self.net.parameters())
        self.net.save_pretrained(self.out / "unet")
        self.ema.restore(self.net.parameters())


def lessons(asked: Asked) -> tuple[Any, Any]:
    """All latents and all text states."""
    import torch
    from safetensors.torch import load_file

    kept = [load_file(Path(asked.latents) / f"{number:05}.safetensors") for number in range(asked.chunks)]
    latents, states = (torch.cat([each[name] for each in kept]).to(asked.device) for name in ("latents", "states"))
    return latents, states


def chosen(asked: Asked, number: int, count: int) -> Any:
    """The rows of a step: every epoch goes through all pictures in an order of its own, and drops what is left over."""
    import torch

    rows = min(asked.rows, count)
    epoch, place = divmod(number, count // rows)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(asked.seed + epoch))
    return order[rows * place : rows * (place + 1)].to(asked.device)


def loss_of(asked: Asked, pupil: Pupil, scheduler: Any, latents: Any, states: Any) -> Any:
    import torch
    from diffusers.training_utils import compute_snr

    which = chosen(asked, pupil.number, len(latents))
    g = torch.Generator().manual_seed(1_000_003 * (asked.seed + 1) + pupil.number)
    x0 = latents[which].float()
    eps = torch.empty(x0.shape).normal_(generator=g).to(x0)
    times = torch.randint(0, scheduler.config.num_train_timesteps, (len(x0),), generator=g).to(asked.device)
    noisy = scheduler.add_noise(x0, eps, times)
    with torch.autocast(torch.device(asked.device).type, torch.bfloat16, enabled=asked.half):
        said = pupil.net(noisy, times, states[which].float()).sample
    each = (said.float() - eps).square().mean((1, 2, 3))
    if asked.gamma:
        snr = compute_snr(scheduler, times)
        each = each * snr.clamp(max=asked.gamma) / snr
    return each.mean()


def main() -> None:
    from diffusers import DDPMScheduler

    asked = Asked(**json.loads(Path(sys.argv[1]).read_text()))
    scheduler: Any = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    latents, states = lessons(asked)
    pupil = Pupil(asked)
    begun = saved = time.monotonic()
    before = pupil.seconds
    while pupil.number < asked.steps and (asked.seconds is None or time.monotonic() - begun < asked.seconds):
        loss = loss_of(asked, pupil, scheduler, latents, states)
        pupil.step(loss)
        pupil.seconds = before + time.monotonic() - begun
        say(pupil, float(loss.detach()))
        if time.monotonic() - saved > EVERY:
            pupil.save()
            saved = time.monotonic()
    pupil.save()
    pupil.write()
    say(pupil, None)


def say(pupil: Pupil, loss: float | None) -> None:
    sys.stdout.write(json.dumps({"step": pupil.number, "seconds": pupil.seconds, "loss": loss}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
