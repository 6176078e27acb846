"""What other programs call our samplers and ladders, and by which of our names we understand theirs."""

from collections.abc import Mapping

# Our name, then everybody else's (AUTOMATIC1111 first: it is the one printed; ComfyUI, InvokeAI, diffusers).
SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "ancestral": ("Euler a", "euler_ancestral", "euler_a", "EulerAncestralDiscreteScheduler", "DDPMScheduler", "ddpm"),
    "euler": ("Euler", "EulerDiscreteScheduler", "DDIM", "DDIMScheduler"),
    "heun": ("Heun", "HeunDiscreteScheduler"),
    "dpmpp_2m": ("DPM++ 2M", "DPMSolverMultistepScheduler"),
}
LADDERS: Mapping[str, tuple[str, ...]] = {
    "karras": ("Karras", "k"),
    "exponential": ("Exponential",),
    "leading": ("DDIM", "ddim_uniform"),
    "linspace": ("Uniform", "Normal"),
    "trailing": ("Simple", "SGM Uniform"),
}


def named(sampler: str, schedule: str = "") -> tuple[str, str]:
    """Our names for a sampler and a ladder, empty where there is none; older names of samplers end in the ladder's."""
    stem, _, last = sampler.replace("_", " ").rpartition(" ")
    ending = "" if _alias(SAMPLERS, sampler) else _alias(LADDERS, last)
    return _alias(SAMPLERS, stem if ending else sampler), _alias(LADDERS, schedule) or ending


def _alias(table: Mapping[str, tuple[str, ...]], name: str) -> str:
    plain = name.strip().replace(" ", "_").casefold().removeprefix("k_")
    for ours, others in table.items():
        if plain in (ours, *(other.replace(" ", "_").casefold() for other in others)):
            return ours
    return ""
