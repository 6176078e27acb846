"""The noise that a model was trained with, from diffusers' `scheduler_config.json`; who draws it is another matter."""

from collections.abc import Mapping

from limner.errors import LimnerError
from limner.network.config import Json, one, real, refuse
from limner.process.schedule import SCHEDULES, NoiseSchedule, zero_terminal_snr
from limner.score.precondition import PREDICTIONS

KINDS = (
    "DDIM", "DDPM", "DEISMultistep", "DPMSolverMultistep", "DPMSolverSDE", "DPMSolverSinglestep",
    "EulerAncestralDiscrete", "EulerDiscrete", "HeunDiscrete", "KDPM2AncestralDiscrete", "KDPM2Discrete", "LCM",
    "LMSDiscrete", "PNDM", "SASolver", "TCD", "UniPCMultistep",
)  # fmt: skip
"""diffusers' samplers whose settings describe whole times and betas: of them only the noise is read."""
MUST_BE: dict[str, tuple[Json, ...]] = {
    "_class_name": tuple(f"{kind}Scheduler" for kind in KINDS),
    "timestep_type": ("discrete",),
    "trained_betas": (None,),
    "use_flow_sigmas": (None, False),
}


def read_schedule(config: Mapping[str, Json]) -> tuple[NoiseSchedule, str]:
    """The noise schedule and what the network predicts, from diffusers' `scheduler_config.json`."""
    kind, prediction = str(config.get("beta_schedule", "linear")), str(config.get("prediction_type", "epsilon"))
    refuse(config, MUST_BE)
    if kind not in SCHEDULES:
        raise LimnerError(f"beta_schedule {kind!r}", f"known are {', '.join(SCHEDULES)}")
    if prediction not in PREDICTIONS:
        raise LimnerError(f"prediction_type {prediction!r}", f"known are {', '.join(PREDICTIONS)}")
    betas = real(config, "beta_start", 0.0001), real(config, "beta_end", 0.02)
    if not all(0 <= beta < 1 for beta in betas):
        raise LimnerError(f"beta_start {betas[0]} and beta_end {betas[1]}", "betas lie between 0 and 1")
    schedule = SCHEDULES[kind](one(config, "num_train_timesteps", 1000), *betas)
    if config.get("rescale_betas_zero_snr", False):
        if prediction == "epsilon":
            raise LimnerError(
                "noise prediction with zero terminal SNR", "such a model predicts v: set prediction_type, if it does"
            )
        schedule = zero_terminal_snr(schedule)
    return schedule, prediction


def scheduler(prediction: str, zero_snr: bool = False) -> dict[str, Json]:
    """diffusers' `scheduler_config.json` of the noise that Stable Diffusion 1, 2 and SDXL were trained with."""
    said: dict[str, Json] = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"}
    said |= {"beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000, "prediction_type": prediction}
    said |= {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
    return said | ({"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} if zero_snr else {})


def written(schedule: NoiseSchedule, prediction: str) -> dict[str, Json]:
    """The config of noise that is Stable Diffusion's, with or without zero terminal SNR; LimnerError of any other."""
    for zero_snr in (False, True):
        if (prediction != "epsilon" or not zero_snr) and read_schedule(scheduler(prediction, zero_snr))[0] == schedule:
            return scheduler(prediction, zero_snr)
    raise LimnerError("this noise is not Stable Diffusion's", "keep the model as the folder that says its noise")
