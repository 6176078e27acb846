"""A LoRA in whatever names it came, merged or beside: always W + scale (alpha / r) B A, worked out here by hand."""

from pathlib import Path

import families
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.bundle.adapters import Lora, adapted, beside, read_lora, write_lora
from limner.bundle.adapters.lora import networks
from limner.bundle.adapters.names import layers
from limner.network.lowrank import LowRank

FAMILIES = sorted(families.UNETS)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Bundle:
    return families.bundle(request.param)


@pytest.fixture(scope="module")
def lora(model: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Lora:
    """Every layer changed, convolutions with three factors, alpha 1 of rank 2."""
    file = tmp_path_factory.mktemp("loras") / "all.safetensors"
    write_lora(file, families.changes(model, mid=True), model, dtype=torch.float32)
    return read_lora(file, model)


def by_hand(change: LowRank) -> Tensor:
    """B A from the change's meaning: what it does to each unit vector of its input."""
    kernel = change.shape[2:]
    if change.mid is not None:
        return torch.einsum("or,rskl,si->oikl", change.up[..., 0, 0], change.mid, change.down[..., 0, 0])
    return torch.tensordot(change.up.reshape(change.up.shape[:2]), change.down, 1).reshape(*change.shape[:2], *kernel)


def weights(model: Bundle) -> dict[tuple[str, str], Tensor]:
    return {place: layer.weight for place, layer in layers(networks(model)).items()}


def test_merged_weights_are_w_plus_ba(model: Bundle, lora: Lora) -> None:
    before, after = weights(model), weights(adapted(model, [(lora, 0.7)]))
    assert before.keys() == after.keys() == lora.changes.keys()
    for place, change in lora.changes.items():
        assert_close(after[place], before[place] + 0.7 * 1 / 2 * by_hand(change), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("mid", [False, True])
def test_beside_equals_merged(model: Bundle, mid: bool, tmp_path: Path) -> None:
    """To 1e-5 of the answer's spread, two at once; and far from the model without."""
    pair = []
    for seed in (1, 2):
        write_lora(tmp_path / "one.safetensors", families.changes(model, seed, mid=mid), model, dtype=torch.float32)
        pair.append((read_lora(tmp_path / "one.safetensors", model), 0.3 * seed))
    plain, merged, run = (families.answer(each) for each in (model, adapted(model, pair), beside(model, pair)))
    assert_close(run / merged.std(), merged / merged.std(), atol=1e-5, rtol=0)
    assert (merged - plain).std() > 0.05 * plain.std()


def test_scale_0_is_none(model: Bundle, lora: Lora) -> None:
    """Bit-equal, and the very same model: nothing was changed, so nothing is new."""
    for apply in (adapted, beside):
        silent = apply(model, [(lora, 0.0)])
        assert silent is model
        assert torch.equal(families.answer(silent), families.answer(model))
