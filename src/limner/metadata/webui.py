"""Pictures of AUTOMATIC1111's web UI and of those that write its text: Forge, SD.Next, and Fooocus if told to."""

import re
from collections.abc import Iterator, Mapping

from limner.metadata.parameters import Parameters, parse
from limner.metadata.reading import Reading, seeded, short, understood, walked

# What limner takes over, and what changes no pixel.
_TAKEN = {"Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size-1", "Size-2", "Guidance interval"}
_SILENT = {"Model", "Model hash", "Version", "App", "User", "Pipeline", "Lora hashes", "TI hashes", "VAE hash", "Backend"}
_SILENT |= {"Kernels", "Device", "Precision", "Performance", "Scheduler", "Raw prompt", "Raw negative prompt", "Index"}
_SILENT |= {"Lora weights", "Hashes", "Created Date", "Batch", "Operations", "Model identity", "Comment"}
# What the UI itself takes to be so where nothing is said; and what says the same.
_USUAL = {"Clip skip": {"1"}, "RNG": {"CPU"}, "Denoising strength": {"1", "1.0"}, "Variation seed strength": {"0"}}
_NETWORK = re.compile(r"<(lora|lyco|hypernet|hypernetwork):([^:<>\n]+)(?::([^<>\n]*))?>")
_MAKERS: Mapping[str, str] = {  # by how the version begins
    r"limner ": "limner",
    r"Fooocus": "Fooocus",
    r"f\d|neo|classic": "Forge",
    r"v\d": "AUTOMATIC1111",
}


def webui(text: str) -> Reading:
    """What the text says; extra networks leave the prompt, where only they themselves understand their names."""
    found = parse(text)
    prompt, negative = (_NETWORK.sub("", each).strip() for each in (found.prompt, found.negative))
    fields, strange = walked(found.settings.get("Sampler"), found.settings.get("Schedule type") or _scheduler(found))
    above, _, below = found.settings.get("Guidance interval", "").partition(" to ")
    said = fields | {
        "prompt": prompt,
        "negative": negative,
        "seed": seeded(found.settings.get("Seed")),
        "steps": found.settings.get("Steps"),
        "guidance": found.settings.get("CFG scale"),
        "guide_above": above or None,
        "guide_below": below or None,
        "width": found.settings.get("Size-1"),
        "height": found.settings.get("Size-2"),
    }
    wish, unmet = understood(said, [*strange, *_networks(found), *_others(found.settings)])
    return Reading(_maker(found.settings), text, wish, unmet, found.settings.get("Model", ""), found.settings)


def _maker(settings: Mapping[str, str]) -> str:
    version, app = settings.get("Version", ""), settings.get("App", "")
    named = next((maker for start, maker in _MAKERS.items() if re.match(start, version)), "")
    return app or named or ("AUTOMATIC1111 or one that writes as it does" if settings else "")


def _scheduler(found: Parameters) -> str:
    """Fooocus's own key, in ComfyUI's words."""
    return found.settings.get("Scheduler", "")


def _networks(found: Parameters) -> Iterator[str]:
    for kind, name, strength in _NETWORK.findall(f"{found.prompt}\n{found.negative}"):
        noun = "LoRA" if kind in ("lora", "lyco") else "hypernetwork"
        yield f"{noun} {short(name)}" + (f" at {short(strength)}" if strength else "")


def _others(settings: Mapping[str, str]) -> Iterator[str]:
    if settings and settings.get("RNG") != "CPU":
        yield f"noise of RNG {short(settings.get('RNG', 'GPU'))}: the same seed begins with other noise here"
    for key, value in settings.items():
        if key not in _TAKEN | _SILENT | {"RNG"} and value not in _USUAL.get(key, ()):
            yield f"{key}: {short(value)}"
