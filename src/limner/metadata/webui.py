"""Pictures of AUTOMATIC1111's web UI and of those that write its text: Forge, SD.Next, and Fooocus if told to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from limner.metadata.names import named
from limner.metadata.parameters import Parameters, parse
from limner.metadata.reading import Reading, capped, short
from limner.metadata.tags import TAG
from limner.recipe import Wish

_TAKEN: Mapping[str, str] = {  # a setting, and the field of a wish that it becomes
    "Steps": "steps",
    "Sampler": "sampler",
    "Schedule type": "ladder",
    "CFG scale": "guidance",
    "CFG rescale": "rescale",
    "Guidance interval": "guide_above",
    "Eta": "eta",
    "Eta DDIM": "eta",
    "Clip skip": "clip_skip",
    "Seed": "seed",
    "Size-1": "width",
    "Size-2": "height",
}
_SILENT = {"Model", "Model hash", "Model identity", "VAE hash", "Version", "App", "User", "Pipeline", "Lora hashes"}
_SILENT |= {"Lora weights", "TI hashes", "Hashes", "Created Date", "Comment", "Batch", "Index", "Operations", "RNG"}
_SILENT |= {"Backend", "Kernels", "Device", "Precision", "Performance", "Raw prompt", "Raw negative prompt"}
_USUAL = {
    ("Clip skip", "1"),
    ("Schedule type", "Automatic"),
    ("Denoising strength", "1.0"),
    ("Denoising strength", "1"),
}
_MAKERS: Mapping[str, str] = {  # how the version begins
    r"limner ": "limner",
    r"Fooocus": "Fooocus",
    r"f\d|neo|classic": "Forge",
    r"v\d": "AUTOMATIC1111",
}


def webui(text: str) -> Reading:
    """What the text says; the names of LoRAs and hypernetworks leave the prompt, in which they are no words."""
    found = parse(text)
    wish = _wish(found)
    unmet = capped([*_long(found, wish), *_networks(found), *_noise(found.settings), *_others(found.settings, wish)])
    return Reading(_maker(found.settings), text, wish, unmet, found.settings.get("Model", ""), found.settings)


def _wish(found: Parameters) -> Wish:
    """Clip skip 1 means the model's own layer, and stays open; Fooocus says its schedule under a key of its own."""
    bare = replace(found, prompt=TAG.sub("", found.prompt).strip(), negative=TAG.sub("", found.negative).strip())
    wish = bare.wish()
    ladder = wish.ladder or named("", found.settings.get("Scheduler", ""))[1] or None
    return replace(wish, ladder=ladder, clip_skip=None if wish.clip_skip == 1 else wish.clip_skip)


def _maker(settings: Mapping[str, str]) -> str:
    version = settings.get("Version", "")
    known = next((maker for start, maker in _MAKERS.items() if re.match(start, version)), "")
    return settings.get("App", known) or ("AUTOMATIC1111 or one that writes as it does" if settings else "")


def _long(found: Parameters, wish: Wish) -> Iterator[str]:
    for name, text, taken in (
        ("prompt", found.prompt, wish.prompt),
        ("negative prompt", found.negative, wish.negative),
    ):
        if taken is None:
            yield f"a {name} of {len(text)} characters"


def _networks(found: Parameters) -> Iterator[str]:
    for kind, name, strength in TAG.findall(f"{found.prompt}\n{found.negative}"):
        noun = "hypernetwork" if kind.lower() == "hypernet" else "LoRA"
        yield f"{noun} {short(name)}" + (f" at {short(strength)}" if strength else "")


def _noise(settings: Mapping[str, str]) -> Iterator[str]:
    if settings and settings["RNG"] != "CPU":
        yield f"noise by RNG {short(settings['RNG'])}: the same seed begins with other noise here"


def _others(settings: Mapping[str, str], wish: Wish) -> Iterator[str]:
    """What is said and was not taken over, and changes pixels."""
    for key, value in settings.items():
        taken = key in _SILENT or (key in _TAKEN and getattr(wish, _TAKEN[key]) is not None)
        if not taken and (key, value) not in _USUAL and not (key == "Scheduler" and wish.ladder):
            yield f"{key}: {short(value)}"
