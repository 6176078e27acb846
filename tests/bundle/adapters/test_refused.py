"""What cannot be laid over a model is refused in one line that names the file, and the tensor."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import families
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from limner.bundle import Bundle
from limner.bundle.adapters import adapted, beside, read_embedding, read_lora, write_lora
from limner.errors import LimnerError
from limner.evaluation.large import SD15
from limner.network.lowrank import LowRank
from limner.network.unet import UNet

DOWN = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight"
UP, ALPHA = (DOWN.replace("lora_down.weight", each) for each in ("lora_up.weight", "alpha"))
LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.fixture(scope="module")
def model() -> Bundle:
    return families.bundle("SD 1")


@pytest.fixture
def file(model: Bundle, tmp_path: Path) -> Path:
    write_lora(tmp_path / "style.safetensors", families.changes(model), model)
    return tmp_path / "style.safetensors"


def retensor(file: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def unsaid(file: Path) -> dict[str, Tensor]:
    """The tensors without alphas."""
    return {name: tensor for name, tensor in load_file(file).items() if not name.endswith("alpha")}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def pickled(file: Path) -> None:
    file.write_bytes(pickle.dumps({"a": 1}))


def zipped(file: Path) -> None:
    torch.save({"a": torch.zeros(1)}, file)


LORAS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (cut, "is not a whole safetensors file"),
    "a pickle": (pickled, "is a pickle"),
    "torch's pickle": (zipped, "is a pickle"),
    "gone": (Path.unlink, "no file"),
    "empty": (lambda f: save_file({}, f), "holds no tensors"),
    "nan": (lambda f: retensor(f, lambda t: t[DOWN][0].fill_(torch.nan)), f"{DOWN} holds nan or infinity"),
    "whole numbers": (lambda f: retensor(f, lambda t: t.update({DOWN: t[DOWN].int()})), f"{DOWN} holds torch.int32"),
    "a layer nobody has": (
        lambda f: retensor(f, lambda t: t.update({"lora_unet_nose.lora_up.weight": torch.ones(2, 2)})),
        "tensor lora_unet_nose.lora_up.weight fits no layer of this model",
    ),
    "no LoRA's tensor": (
        lambda f: retensor(f, lambda t: t.update({"conv_in.weight": torch.ones(2)})),
        "tensor conv_in.weight is no part of a LoRA",
    ),
    "half a pair": (
        lambda f: retensor(f, lambda t: t.pop(DOWN)),
        f"{LAYER} has no down",
    ),
    "a tensor twice": (
        lambda f: retensor(f, lambda t: t.update({"unet.conv_in.lora_A.weight": torch.ones(2, 4, 3, 3)})),
        "tensor unet.conv_in.lora_A.weight is there under two names",
    ),
    "ranks that differ": (lambda f: retensor(f, lambda t: t.update({DOWN: torch.ones(3, 16)})), "whose ranks differ"),
    "another shape": (
        lambda f: retensor(f, lambda t: t.update({"lora_unet_conv_in.lora_up.weight": torch.ones(17, 2, 1, 1)})),
        "unet.conv_in is [17, 4, 3, 3], the model's is [16, 4, 3, 3]",
    ),
    "SDXL's, by width": (
        lambda f: save_file({DOWN: torch.ones(2, 2048)}, f),
        "this LoRA was made for SDXL (context 2048), the model is of another family (context 16)",
    ),
    "SDXL's, by name": (
        lambda f: save_file({"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": torch.ones(2, 2)}, f),
        "this LoRA was made for SDXL (context 2048)",
    ),
    "Flux's": (
        lambda f: save_file({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": torch.ones(2, 2)}, f),
        "this LoRA was made for a transformer, such as SD 3 or Flux, the model is",
    ),
    "DoRA": (lambda f: retensor(f, lambda t: t.update({"lora_unet_conv_in.dora_scale": torch.ones(2)})), "is DoRA"),
    "LoHa": (lambda f: save_file({"lora_unet_conv_in.hada_w1_a": torch.ones(2, 2)}, f), "is LoHa"),
    "LoKr": (lambda f: save_file({"lora_unet_conv_in.lokr_w1": torch.ones(2, 2)}, f), "is LoKr"),
    "a factor without axes": (
        lambda f: retensor(f, lambda t: t.update({DOWN: torch.tensor(1.0)})),
        "[], which is no matrix",
    ),
    "a factor of one axis": (lambda f: retensor(f, lambda t: t.update({UP: torch.ones(2)})), "[2], which is no matrix"),
    "rank 0": (
        lambda f: retensor(f, lambda t: t.update({DOWN: torch.ones(0, 16), UP: torch.ones(16, 0)})),
        ", which is no matrix",
    ),
    "three factors of a matrix": (
        lambda f: retensor(f, lambda t: t.update({DOWN.replace("down", "mid"): torch.ones(2, 2)})),
        "has three factors, as only convolutions may",
    ),
    "two alphas": (
        lambda f: retensor(f, lambda t: t.update({ALPHA: torch.ones(2)})),
        f"{LAYER} has an alpha of [2], which is no number",
    ),
    "an endless alpha": (
        lambda f: save_file(unsaid(f), f, {"lora_adapter_metadata": '{"unet.lora_alpha": 1e999}'}),
        "unet.conv_in has alpha inf",
    ),
    "a pattern of nobody's": (
        lambda f: save_file(unsaid(f), f, {"lora_adapter_metadata": '{"unet.alpha_pattern": {"(": 1}}'}),
        "unet.conv_in has an alpha_pattern that is no regular expression",
    ),
    "alphas without end": (
        lambda f: save_file(load_file(f), f, {"lora_adapter_metadata": "[" * 100_000}),
        "its lora_adapter_metadata is not JSON",
    ),
    "alphas of nobody's": (
        lambda f: save_file(load_file(f), f, {"lora_adapter_metadata": "{"}),
        "its lora_adapter_metadata is not JSON",
    ),
}
EMBEDDINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda f: (save_file({"emb_params": torch.ones(2, 16)}, f), cut(f)), "not a whole safetensors file"),
    "a pickle": (zipped, "is a pickle"),
    "nan": (lambda f: save_file({"<cat>": torch.full((2, 16), torch.nan)}, f), "tensor <cat> holds nan or infinity"),
    "a LoRA": (lambda f: None, "is no embedding: its tensors are "),
    "of three axes": (lambda f: save_file({"emb_params": torch.ones(1, 2, 16)}, f), "is no embedding"),
    "of SD 2": (
        lambda f: save_file({"emb_params": torch.ones(2, 1024)}, f),
        "this embedding was made for SD 2.x (1024 numbers a token), the model is another model (16 numbers a token)",
    ),
    "of SDXL": (
        lambda f: save_file({"clip_l": torch.ones(2, 768), "clip_g": torch.ones(2, 1280)}, f),
        "this embedding was made for SDXL (768 and 1280 numbers a token), the model is",
    ),
    "of two lengths": (
        lambda f: save_file({"clip_l": torch.ones(2, 768), "clip_g": torch.ones(3, 1280)}, f),
        "its 2 and 3 vectors are of two words",
    ),
}
ALL = [(read_lora, *each) for each in LORAS.values()] + [(read_embedding, *each) for each in EMBEDDINGS.values()]


@pytest.mark.parametrize(("read", "spoil", "said"), ALL, ids=[*LORAS, *(f"embedding: {key}" for key in EMBEDDINGS)])
def test_what_is_wrong_is_named_in_one_line(
    read: Callable[[Path, Bundle], object], spoil: Callable[[Path], object], said: str, file: Path, model: Bundle
) -> None:
    spoil(file)
    with pytest.raises(LimnerError) as error:
        read(file, model)
    assert said in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_what_tools_write_otherwise_is_read(model: Bundle, file: Path) -> None:
    """An alpha that is a whole number, as trainers save their default; and weights of eight bits."""
    before = read_lora(file, model)
    retensor(file, lambda t: t.update({name: t[name].to(torch.int64) for name in t if name.endswith("alpha")}))
    assert read_lora(file, model).sha256 == before.sha256
    half = {name: tensor.to(torch.float8_e4m3fn) if tensor.ndim else tensor for name, tensor in load_file(file).items()}
    save_file(half, file)
    assert read_lora(file, model).changes.keys() == before.changes.keys()
    half[DOWN].view(torch.uint8)[0, 0] = 0x7F  # nan
    save_file(half, file)
    with pytest.raises(LimnerError, match="holds nan or infinity"):
        read_lora(file, model)


def test_the_families_are_called_by_their_names(model: Bundle, tmp_path: Path) -> None:
    with torch.device("meta"):
        full = replace(model, denoiser=replace(model.denoiser, network=UNet(SD15.unet)))
    save_file({DOWN: torch.ones(2, 2048)}, tmp_path / "a.safetensors")
    with pytest.raises(LimnerError) as error:
        read_lora(tmp_path / "a.safetensors", full)
    said = "this LoRA was made for SDXL (context 2048), the model is SD 1.x (context 768)"
    assert error.value.what == f"{tmp_path / 'a.safetensors'}: {said}"


def test_an_embedding_of_sd1_is_not_for_sdxl(tmp_path: Path) -> None:
    save_file({"emb_params": torch.ones(2, 768)}, tmp_path / "a.safetensors")
    with pytest.raises(LimnerError, match=r"made for SD 1.x \(768 numbers a token\), the model is SDXL \(16 and 24"):
        read_embedding(tmp_path / "a.safetensors", families.bundle("SDXL"))


def test_nothing_is_written_that_could_not_be_read(model: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    change = LowRank(torch.ones(2, 3), torch.ones(4, 2), None, 1.0)
    with pytest.raises(LimnerError, match=r"SD 1 has no layer unet.nose of \[4, 3\]"):
        write_lora(file, {("unet", "nose"): change}, model)
    with pytest.raises(LimnerError, match=r"has no layer unet.conv_in of \[4, 3\]"):
        write_lora(file, {("unet", "conv_in"): change}, model)
    with pytest.raises(LimnerError, match="peft has no name for the third factor"):
        write_lora(file, families.changes(model, mid=True), model, "peft")
    with pytest.raises(LimnerError, match="one of kohya, peft"):
        write_lora(file, {}, model, "lycoris")
    assert not list(tmp_path.iterdir())


def test_what_is_beside_a_bundle_is_not_changed_again(model: Bundle, file: Path) -> None:
    run = beside(model, [(read_lora(file, model), 1.0)])
    with pytest.raises(ValueError, match="begin with the bundle it came from"):
        adapted(run, [(read_lora(file, model), 1.0)])
