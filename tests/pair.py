"""A picture tower of random weights beside a tiny model, in the layout that `limner train export` writes."""

from dataclasses import replace
from pathlib import Path

import tiny

from limner.bundle.layout import write_tensors
from limner.text.clip import ClipPair, ImageConfig, ImageTower, TextTower

IMAGE = ImageConfig(16, 32, 2, 2, 3, 16, 4, "quick_gelu", 1e-5, 12)


def write(folder: Path, seed: int = 0) -> Path:
    """`tiny.write` with `clip/`."""
    tiny.write(folder, seed)
    words = tiny.tokenizer()
    text = replace(tiny.text(words, tiny.UNET.context_dim), projection_dim=IMAGE.projection_dim)
    net = tiny.fill(ClipPair(TextTower(text), ImageTower(IMAGE)), seed)
    kept = {k: v for k, v in net.state_dict().items() if not k.startswith("text.text_model.")}
    write_tensors(folder / "clip" / "model.safetensors", kept)
    (folder / "clip" / "config.json").write_text(IMAGE.to_json())
    return folder
