"""The text about a picture that AUTOMATIC1111's web UI writes and most programs read: taken apart and put together."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from limner import __version__
from limner.errors import LimnerError
from limner.metadata.names import LADDERS, SAMPLERS, named
from limner.metadata.reading import seeded
from limner.metadata.tags import LORA_WEIGHTS, tagged
from limner.recipe import ETA, FIELDS, LOUDEST, Recipe, Value, Wish, checked

MANY = 1000  # settings of one picture; the longest list of hashes has some hundred
_SETTING = re.compile(r'\s*(\w[\w /-]+):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')


@dataclass(frozen=True, slots=True)
class Parameters:
    """AUTOMATIC1111's text about a picture, taken apart; `settings` keeps its names and is empty if there were none."""

    prompt: str
    negative: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def wish(self) -> Wish:
        """What limner understands of it; the rest stays open."""
        above, _, below = self.settings.get("Guidance interval", "").partition(" to ")
        sampler, ladder = named(self.settings.get("Sampler", ""), self.settings.get("Schedule type", ""))
        texts = {
            "prompt": self.prompt,
            "negative": self.negative,
            "seed": str(seeded(self.settings.get("Seed", ""))),
            "steps": self.settings.get("Steps", ""),
            "sampler": sampler,
            "ladder": ladder,
            "eta": self.settings.get("Eta DDIM" if sampler == "ddim" else "Eta", ""),
            "guidance": self.settings.get("CFG scale", ""),
            "guide_above": above,
            "guide_below": below,
            "rescale": self.settings.get("CFG rescale", ""),
            "clip_skip": self.settings.get("Clip skip", ""),
            "width": self.settings.get("Size-1", ""),
            "height": self.settings.get("Size-2", ""),
        }
        return Wish(**{name: _understood(name, text) for name, text in texts.items()})  # type: ignore[arg-type]


def parameters(recipe: Recipe, extras: Mapping[str, str]) -> str:
    """The text that AUTOMATIC1111's web UI writes for this recipe; `extras` are settings beside it (model, device).

    AUTOMATIC1111 looks for the checkpoint whose file has a sha256 that begins with `Model hash`.  Our identity is of
    names and numbers, whatever file they lie in: it has a key of its own, and `Model hash` is left to `extras`.
    """
    guidance = int(recipe.guidance) if recipe.guidance.is_integer() else recipe.guidance
    whole = recipe.guide_above == 0 and recipe.guide_below == LOUDEST
    interval = {} if whole else {"Guidance interval": f"{recipe.guide_above} to {recipe.guide_below}"}
    unusual = {
        key: str(value)
        for key, value, usual in (
            ("CFG rescale", recipe.rescale, 0),
            ("Eta DDIM" if recipe.sampler == "ddim" else "Eta", recipe.eta, ETA.get(recipe.sampler, 1)),
            ("Clip skip", recipe.clip_skip, 1),
        )
        if value != usual
    }
    settings = {
        "Steps": str(recipe.steps),
        "Sampler": SAMPLERS.get(recipe.sampler, (recipe.sampler,))[0],
        "Schedule type": LADDERS.get(recipe.ladder, (recipe.ladder,))[0],
        "CFG scale": str(guidance),
        **interval,
        **unusual,
        "Seed": str(recipe.seed),
        "Size": f"{recipe.width}x{recipe.height}",
        **extras,
        "Model identity": recipe.model[:10],
        "RNG": "CPU",
        "Version": f"limner {__version__}",
    }
    last = ", ".join(f"{key}: {_quoted(value)}" for key, value in settings.items())
    negative = f"\nNegative prompt: {recipe.negative}" if recipe.negative else ""
    return f"{tagged(recipe.prompt, extras.get(LORA_WEIGHTS, ''))}{negative}\n{last}"


def parse(text: str) -> Parameters:
    """The same text read back, whoever wrote it.

    The last line counts as settings only where it holds three or more; `Size` comes as `Size-1` and `Size-2`; what an
    old version left out has the meaning that it had then.
    """
    *lines, last = text.strip().split("\n")
    settings = _settings(last)
    if len(settings) < 3:
        lines, settings = [*lines, last], {}
    prompt, _, negative = "\n".join(["", *lines]).partition("\nNegative prompt:")
    if settings:
        settings = {"Clip skip": "1", "RNG": "GPU", "Schedule type": "Automatic", **settings}
    return Parameters(prompt.strip(), negative.strip(), settings)


def _understood(name: str, text: str) -> Value | None:
    try:
        return checked(name, FIELDS[name].kind(text))
    except (ValueError, LimnerError):
        return None


def _quoted(value: str) -> str:
    plain = value == value.strip() and not re.search('[,:\n"]', value)
    return value if plain else json.dumps(value, ensure_ascii=False)


def _settings(line: str) -> dict[str, str]:
    """The line's `key: value` pairs, read from left to right in linear time; the first MANY, where there are more."""
    settings, at = dict[str, str](), 0
    while 0 <= at < len(line) and len(settings) < MANY:
        if match := _SETTING.match(line, at):
            key, value = match[1], match[2].strip()
            if len(value) > 1 and value[0] == value[-1] == '"':
                with suppress(ValueError):
                    value = str(json.loads(value)).encode("utf-8", "replace").decode()  # no half surrogate pair
            if size := re.fullmatch(r"(\d+)x(\d+)", value):
                settings |= {f"{key}-1": size[1], f"{key}-2": size[2]}
            else:
                settings[key] = value
            at = match.end()
        else:
            at = line.find(",", at) + 1 or -1
    return settings
