"""Where the seconds of `limner make` go: the same work, piece by piece, by the clock on the wall.

Run in a fresh process: `python -m limner.evaluation.pieces MODEL BACKEND FOLDER BEGAN`; it was called when it BEGAN.
"""

import gc
import json
import sys
import time
from pathlib import Path


def main() -> None:
    model, name, folder, began = sys.argv[1:5]
    spent, last = dict[str, float](), float(began)

    def until(what: str) -> None:
        nonlocal last
        now = time.time()
        spent[what], last = now - last, now

    until("Python itself")
    gc.set_threshold(100_000, 20, 20)  # as `limner` does
    import torch

    until("import torch")
    from limner.engine.graphs import installed, runtime

    if installed() and name.startswith("openvino"):
        runtime()
        until("import OpenVINO")
    from limner.bundle import open_bundle
    from limner.engine import backends, run
    from limner.engine.backends import circumstances
    from limner.metadata import deposit, encode
    from limner.network.vae import without_rest
    from limner.recipe import Wish, resolve
    from limner.types import Context

    until("import limner")
    bundle = open_bundle(model)
    until("open and hash the model")
    backend = backends.choose(bundle, name)
    recipe = resolve(Wish(model=bundle.identity, prompt="a red apple", steps=20), bundle.defaults)
    said = Context.cat([backend.context([prompt]) for prompt in (recipe.prompt, recipe.negative)])
    until("text tower, compiled from the cache")
    x = torch.zeros(2, *bundle.latent_shape(recipe.width, recipe.height))
    backend.denoiser(x, torch.ones(2), said)
    until("U-Net, compiled from the cache")
    without_rest(backend.decoding(x[:1]))
    until("decoder, compiled from the cache")
    ((_, picture),) = run([recipe], bundle, backend=backend)
    until("20 steps and the picture")
    data = encode(picture, "png", recipe, {"Model": bundle.name, **circumstances(bundle, backend)})
    deposit(data, Path(folder), "-pieces.png")
    until("the file")
    sys.stdout.write(json.dumps(spent) + "\n")


if __name__ == "__main__":
    main()
