"""A LoRA in whatever names it came, merged or beside: always W + scale (alpha / r) B A, worked out here by hand."""

import copy
import hashlib
import json
import struct
from dataclasses import replace
from pathlib import Path

import families
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
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


def test_unchanged_tensors_are_shared(model: Bundle, tmp_path: Path) -> None:
    """Two LoRAs of the attention: what they do not touch is there once, however many bundles there are."""
    only = families.changes(model, wanted=lambda place, _: "attn2.to_k" in place[1])
    write_lora(tmp_path / "k.safetensors", only, model)
    lora = read_lora(tmp_path / "k.safetensors", model)
    merged, run = adapted(model, [(lora, 1.0)]), beside(model, [(lora, 1.0)])
    assert merged.towers[0][1] is model.towers[0][1]
    before, after = model.unet.state_dict(), merged.unet.state_dict()
    moved = {name for name, each in after.items() if each.data_ptr() != before[name].data_ptr()}
    assert moved == {f"{layer}.weight" for _, layer in only}
    held = {name: each.data_ptr() for name, each in run.unet.state_dict().items() if "layer.weight" in name}
    assert held == {name: before[name.replace(".layer", "")].data_ptr() for name in held}
    assert len(held) == len(only)


def test_order_and_names_do_not_matter_but_scale_and_weights_do(model: Bundle, lora: Lora, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    write_lora(file, families.changes(model, seed=9), model)
    other = read_lora(file, model)
    one, two = adapted(model, [(lora, 1.0), (other, 0.5)]), adapted(model, [(other, 0.5), (lora, 1.0)])
    assert one.identity == two.identity == beside(model, [(lora, 1.0), (other, 0.5)]).identity
    assert torch.equal(families.answer(one), families.answer(two))
    several = [
        model, one, adapted(model, [(lora, 1.0)]), adapted(model, [(lora, 0.5)]), adapted(model, [(other, 1.0)]),
        adapted(families.bundle(model.name, seed=1), [(lora, 1.0)]),
    ]  # fmt: skip
    assert len({each.identity for each in several}) == len(several)
    file.rename(tmp_path / "renamed.safetensors")
    assert read_lora(tmp_path / "renamed.safetensors", model).sha256 == other.sha256


def as_peft_saved(name: str) -> str:
    return f"base_model.model.{name}"


def as_new_diffusers(name: str) -> str:
    ending = "lora" if name.startswith("unet") else "lora_linear_layer"
    return name.replace("lora_A", f"{ending}.down").replace("lora_B", f"{ending}.up")


def as_old_diffusers(name: str) -> str:
    """Its attention processors' own, to which it converts kohya's still."""
    name = name.replace("lora_A", "lora.down").replace("lora_B", "lora.up")
    for now, then in (("q_proj", "to_q"), ("k_proj", "to_k"), ("v_proj", "to_v"), ("out_proj", "to_out")):
        name = name.replace(f"self_attn.{now}.", f"self_attn.{then}_")
    for attention in ("attn1", "attn2"):
        for layer in ("to_q", "to_k", "to_v", "to_out.0"):
            then = layer.removesuffix(".0")
            name = name.replace(f"{attention}.{layer}.lora", f"{attention}.processor.{then}_lora")
    return name


def as_first_diffusers(name: str) -> str:
    return as_old_diffusers(name).removeprefix("unet.")


def as_transformers_5(name: str) -> str:
    return name.replace("text_model.", "")


SPELLINGS = (as_peft_saved, as_new_diffusers, as_old_diffusers, as_first_diffusers, as_transformers_5)


@pytest.mark.parametrize("spell", SPELLINGS)
def test_other_spellings_are_the_same_lora(model: Bundle, spell: object, tmp_path: Path) -> None:
    assert callable(spell)
    write_lora(tmp_path / "a.safetensors", families.changes(model, alpha=2.0), model, "peft")
    tensors = load_file(tmp_path / "a.safetensors")
    save_file({spell(name): tensor for name, tensor in tensors.items()}, tmp_path / "b.safetensors")
    same = read_lora(tmp_path / "b.safetensors", model)
    assert {spell(name) for name in tensors} != tensors.keys()
    assert same.sha256 == read_lora(tmp_path / "a.safetensors", model).sha256
    write_lora(tmp_path / "k.safetensors", families.changes(model, alpha=2.0), model, "kohya")
    assert read_lora(tmp_path / "k.safetensors", model).sha256 == same.sha256


def test_kernels_of_one_may_be_left_out(model: Bundle, tmp_path: Path) -> None:
    """Some tools write a linear layer's factors as 1 x 1 kernels, others those of a 1 x 1 convolution without them."""
    write_lora(tmp_path / "a.safetensors", families.changes(model), model)
    turned = dict[str, Tensor]()
    for name, tensor in load_file(tmp_path / "a.safetensors").items():
        plain = tensor.ndim == 4 and tensor.shape[2:].numel() == 1
        turned[name] = tensor.flatten(1) if plain else tensor[..., None, None] if tensor.ndim == 2 else tensor
    save_file(turned, tmp_path / "b.safetensors")
    assert read_lora(tmp_path / "b.safetensors", model).sha256 == read_lora(tmp_path / "a.safetensors", model).sha256


def test_alpha_left_out_is_the_rank(model: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    write_lora(file, families.changes(model, rank=3, alpha=5.0), model)
    assert {change.gain for change in read_lora(file, model).changes.values()} == {5 / 3}
    save_file({name: tensor for name, tensor in load_file(file).items() if "alpha" not in name}, file)
    assert {change.gain for change in read_lora(file, model).changes.values()} == {1.0}


@pytest.mark.parametrize(
    ("config", "gains"),
    [
        ({"unet.lora_alpha": 8}, {"unet": 4.0, "text_encoder": 1.0}),
        ({"unet.lora_alpha": 8, "unet.use_rslora": True}, {"unet": 8 / 2**0.5}),
        ({"unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 6}}, {"to_q": 3.0, "to_k": 4.0}),
    ],
)
def test_alpha_as_peft_was_configured(config: dict[str, object], gains: dict[str, float], tmp_path: Path) -> None:
    model, file = families.bundle("SD 1"), tmp_path / "a.safetensors"
    write_lora(file, families.changes(model, alpha=2.0), model, "peft")
    save_file(load_file(file), file, {"lora_adapter_metadata": json.dumps(config)})
    found = read_lora(file, model).changes
    for sign, gain in gains.items():
        here = {c.gain for (part, layer), c in found.items() if sign == part or f"attn1.{sign}" in layer}
        assert [*here] == pytest.approx([gain]), sign


def test_merging_into_half_precision_rounds_once(tmp_path: Path) -> None:
    model = families.bundle("SD 2")
    write_lora(tmp_path / "a.safetensors", families.changes(model), model)
    lora = read_lora(tmp_path / "a.safetensors", model)
    half = replace(model, denoiser=replace(model.denoiser, network=copy.deepcopy(model.unet).half(), dtype=torch.half))
    place = ("unet", "conv_in")
    expected = half.unet.conv_in.weight.float() + 0.3 * lora.changes[place].product()
    assert torch.equal(weights(adapted(half, [(lora, 0.3)]))[place], expected.half())


def test_what_is_written_says_for_whom_it_is(model: Bundle, tmp_path: Path) -> None:
    """The hash in the header is that of the tensors' bytes, by which A1111 knows the file."""
    file = tmp_path / "a.safetensors"
    write_lora(file, families.changes(model, rank=4, alpha=2.0), model, about={"limner": "a test"})
    with safe_open(file, "pt") as f:
        about = f.metadata()
    assert (about["ss_network_module"], about["ss_network_dim"], about["ss_network_alpha"]) == (
        "networks.lora",
        "4",
        "2",
    )
    assert about["limner"] == "a test"
    raw = file.read_bytes()
    data = raw[8 + struct.unpack("<Q", raw[:8])[0] :]
    assert about["sshs_model_hash"] == hashlib.sha256(data).hexdigest()
    assert about["sshs_model_hash"].startswith(read_lora(file, model).mark)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
