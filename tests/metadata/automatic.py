"""AUTOMATIC1111's two sides of its text, written anew from its published rules: what it writes, and what it reads.

modules/processing.py, `create_infotext`; modules/infotext_utils.py, `parse_generation_parameters`; the wiki's page on
attention.
"""

import json
import re
from contextlib import suppress


def written(prompt: str, negative: str, settings: dict[str, str]) -> str:
    last = []
    for key, value in settings.items():
        plain = "," not in value and ":" not in value and "\n" not in value
        last.append(f"{key}: {value if plain else json.dumps(value, ensure_ascii=False)}")
    second = [f"Negative prompt: {negative}"] if negative else []
    return "\n".join([prompt, *second, ", ".join(last)]).strip()


def understood(text: str) -> dict[str, str]:
    """`Prompt`, `Negative prompt` and the settings, as the web UI fills its page with them."""
    pair = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
    above, _, below = ("\n" + text.strip()).rpartition("\n")
    pairs = pair.findall(below)
    lines = above.split("\n")[1:]
    if len(pairs) < 3:
        lines, pairs = [*lines, below], []
    sides: dict[str, list[str]] = {"Prompt": [], "Negative prompt": []}
    side = "Prompt"
    for line in (each.strip() for each in lines):
        if line.startswith("Negative prompt:"):
            side, line = "Negative prompt", line[len("Negative prompt:") :].strip()
        if line or any(sides[side]):
            sides[side].append(line)
    found = {name: "\n".join(said) for name, said in sides.items()}
    for key, value in pairs:
        if value[:1] == '"' and value[-1:] == '"':
            with suppress(ValueError):
                value = json.loads(value)
        size = re.fullmatch(r"(\d+)x(\d+)", value)
        found |= {f"{key}-1": size[1], f"{key}-2": size[2]} if size else {key: value}
    return found


def weighted(prompt: str) -> list[tuple[str, float]]:
    """The words and their weights: brackets multiply by 1.1 and divide by it, a number in parentheses multiplies."""
    runs: list[tuple[str, float]] = []
    opened: list[tuple[str, int]] = []

    def multiply(start: int, factor: float) -> None:
        runs[start:] = [(words, weight * factor) for words, weight in runs[start:]]

    at = 0
    while at < len(prompt):
        sign = prompt[at]
        number = re.match(r":\s*([+-]?[.\d]+)\s*\)", prompt[at:])
        if sign == "\\":
            runs.append((prompt[at + 1 : at + 2], 1.0))
            at += 1
        elif sign in "([":
            opened.append((sign, len(runs)))
        elif number and opened and opened[-1][0] == "(":
            multiply(opened.pop()[1], float(number[1]))
            at += len(number[0]) - 1
        elif sign in ")]" and opened and opened[-1][0] == {")": "(", "]": "["}[sign]:
            multiply(opened.pop()[1], 1.1 if sign == ")" else 1 / 1.1)
        else:
            runs.append((sign, 1.0))
        at += 1
    for bracket, start in reversed(opened):
        multiply(start, 1.1 if bracket == "(" else 1 / 1.1)
    return runs
