"""What other programs call our samplers and ladders, and by which of our names we understand theirs."""

from collections.abc import Mapping

# Our name, then everybody else's (AUTOMATIC1111 first: it is the one printed; ComfyUI, InvokeAI, diffusers).
SAMPLERS: Mapping[str, tuple[str, ...]] = {
    "ancestral": ("Euler a", "euler_ancestral", "euler_a", "EulerAncestralDiscreteScheduler", "DDPMScheduler", "ddpm"),
    "ddim": ("DDIM", "DDIMScheduler"),
    "dpm_2": ("DPM2", "kdpm_2", "KDPM2DiscreteScheduler"),
    "dpm_2_ancestral": ("DPM2 a", "dpm_2_a", "kdpm_2_a", "KDPM2AncestralDiscreteScheduler"),
    "dpmpp_2m": ("DPM++ 2M", "DPMSolverMultistepScheduler"),
    "dpmpp_2m_sde": ("DPM++ 2M SDE", "dpmpp_2m_sde_gpu"),
    "dpmpp_2s_ancestral": ("DPM++ 2S a", "dpmpp_2s_a"),
    "dpmpp_sde": ("DPM++ SDE", "dpmpp_sde_gpu", "DPMSolverSDEScheduler"),
    "euler": ("Euler", "EulerDiscreteScheduler"),
    "heun": ("Heun", "HeunDiscreteScheduler"),
    "lcm": ("LCM", "LCMScheduler"),
    "lms": ("LMS", "LMSDiscreteScheduler"),
    "unipc": ("UniPC", "uni_pc", "uni_pc_bh2", "UniPCMultistepScheduler"),
}
LADDERS: Mapping[str, tuple[str, ...]] = {
    "karras": ("Karras", "k", "ka"),
    "exponential": ("Exponential", "exp"),
    "leading": ("DDIM", "ddim_uniform"),
    "linspace": ("Normal", "Uniform"),
    "sgm_uniform": ("SGM Uniform", "SGMUniform"),
    "simple": ("Simple",),
    "trailing": ("Trailing",),
}


def named(sampler: str, schedule: str = "") -> tuple[str, str]:
    """Our names for a sampler and a ladder, empty where there is none; older names of samplers end in the ladder's."""
    words, ladder = sampler.replace("_", " ").split(" "), _alias(LADDERS, schedule)
    for cut in range(len(words), 0, -1):
        ours, ending = _alias(SAMPLERS, " ".join(words[:cut])), _alias(LADDERS, " ".join(words[cut:]))
        if ours and (ending or cut == len(words)):
            return ours, ladder or ending
    return "", ladder or _alias(LADDERS, words[-1])


def _alias(table: Mapping[str, tuple[str, ...]], name: str) -> str:
    plain = name.strip().replace(" ", "_").casefold().removeprefix("k_")
    for ours, others in table.items():
        if plain in (ours, *(other.replace(" ", "_").casefold() for other in others)):
            return ours
    return ""
