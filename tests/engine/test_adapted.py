"""Merged adapters are weights like others, to every backend; those beside the weights are computed by the eager one."""

from dataclasses import replace
from pathlib import Path

import families
import numpy as np
import pytest
from apart import said_by
from safetensors.torch import save_file

from limner.bundle import Bundle
from limner.bundle.adapters import Embedding, Lora, adapted, beside, read_embedding, read_lora, write_lora
from limner.control.heatmaps import Heatmaps
from limner.engine import backends, run
from limner.errors import LimnerError
from limner.process.noise import draw
from limner.recipe import Recipe, Wish, resolve


@pytest.fixture(scope="module")
def laid(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lora, Embedding]:
    folder = tmp_path_factory.mktemp("adapters")
    write_lora(folder / "ink.safetensors", families.changes(bundle), bundle)
    save_file({"emb_params": draw(1, "mood", 0, (2, bundle.text.config.hidden_size))}, folder / "mood.safetensors")
    return read_lora(folder / "ink.safetensors", bundle), read_embedding(folder / "mood.safetensors", bundle)


def wanted(model: Bundle) -> Recipe:
    wish = Wish(model=model.identity, prompt="a red mood", sampler="euler", width=64, height=64, steps=3)
    return resolve(wish, model.defaults)


def drawn(model: Bundle, name: str | None = "eager") -> np.ndarray:
    ((_, picture),) = run([wanted(model)], model, backend=backends.choose(model, name))
    return picture


EXPORTED = """
import sys
from pathlib import Path
from limner.bundle import open_bundle
from limner.bundle.adapters import adapted, read_embedding, read_lora
from limner.engine import backends
bundle = open_bundle(sys.argv[1])
lora, word = read_lora(Path(sys.argv[2]), bundle), read_embedding(Path(sys.argv[3]), bundle)
merged = adapted(bundle, [(lora, 0.5)], [word])
fast, plain, ask = backends.build(merged, "openvino-f32"), backends.eager(merged), backends.question(merged)
print(backends.distance(ask(fast), ask(plain)))
print(backends.distance(fast.context(["a mood"]).states, plain.context(["a mood"]).states))
print(merged.identity[:16], backends.choose(merged).name)
"""


def test_merged_runs_on_an_exported_graph(folder: Path, laid: tuple[Lora, Embedding], tmp_path: Path) -> None:
    """Exported under its own identity, and chosen only once somebody prepared it, as for any model."""
    pytest.importorskip("openvino")
    said = said_by(tmp_path, "-c", EXPORTED, str(folder), *(str(each.file) for each in laid)).splitlines()
    assert float(said[0]) < backends.TOLERANCE["openvino-f32"]
    assert float(said[1]) < backends.TOLERANCE["openvino-f32"]
    assert said[2] == f"{next(path.name for path in (tmp_path / 'compiled').iterdir())} eager"


def test_beside_is_eager(
    bundle: Bundle, laid: tuple[Lora, Embedding], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever won for the same identity, merged; and it can be watched."""
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path))
    lora, word = laid
    apart = beside(bundle, [(lora, 0.5)], [word])
    for name in backends.NAMES[1:]:
        with pytest.raises(LimnerError, match="not the adapters that run beside them; merge them"):
            backends.build(apart, name)
    won = replace(backends.canary(apart, []), chosen="openvino-f32")
    monkeypatch.setattr(backends, "verdict", lambda _: won)
    assert backends.choose(apart).name == "eager"
    plain, merged, run_beside = drawn(bundle), drawn(adapted(bundle, [(lora, 0.5)], [word])), drawn(apart)
    # one level of 255, where a value near a half is rounded otherwise
    assert np.abs(merged.astype(int) - run_beside.astype(int)).max() <= 1
    assert np.abs(merged.astype(int) - plain.astype(int)).mean() > 2
    seen = Heatmaps()
    ((_, watched),) = run([wanted(apart)], apart, [seen.control])
    assert np.array_equal(watched, run_beside)
    assert seen.sums
