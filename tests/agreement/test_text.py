"""The towers compute what transformers computes, from the same files."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.testing import assert_close
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from limner.text.clip import ClipPair, ImageConfig, ImageTower, TextConfig, TextTower, initialise

VOCAB, BOS, EOS, LENGTH = 60, 56, 57, 16
TINY = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": LENGTH,
    "projection_dim": 24,
    "bos_token_id": BOS,
    "pad_token_id": None,
}
FAMILIES = {
    "stable-diffusion-1": (CLIPTextModel, {"hidden_act": "quick_gelu", "eos_token_id": 2}),
    "stable-diffusion-2": (CLIPTextModel, {"hidden_act": "gelu", "eos_token_id": 2}),
    "sdxl-second": (CLIPTextModelWithProjection, {"hidden_act": "gelu", "eos_token_id": 2}),
    "limner-mini": (
        CLIPTextModelWithProjection,
        {
            "hidden_act": "quick_gelu",
            "eos_token_id": EOS,
            "hidden_size": 256,
            "intermediate_size": 1024,
            "num_hidden_layers": 6,
            "projection_dim": 256,
        },
    ),
}


def randomise(model: nn.Module) -> None:
    """Weights large enough that attention is far from uniform and every activation is bent."""
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        nn.init.normal_(weight, std=3 * weight.shape[-1] ** -0.5 if weight.ndim > 1 else 0.5, generator=generator)


def published(model: nn.Module) -> dict[str, Tensor]:
    """A model's tensors under the names of the published files, whose prefix newer transformers drop in one class."""
    prefix = "text_model." if isinstance(model, CLIPTextModel) else ""
    return {prefix + name: tensor for name, tensor in model.state_dict().items()}


def prompts() -> Tensor:
    """Rows as tokenizers make them: EOS padding, "!" padding, no padding, and an id above EOS."""
    tokens = torch.randint(3, 50, (4, LENGTH), generator=torch.Generator().manual_seed(1))
    tokens[:, 0] = BOS
    tokens[0, 5:] = EOS
    tokens[1, 7:], tokens[1, 7] = 0, EOS
    tokens[2, -1] = EOS
    tokens[3, 9:], tokens[3, 4] = EOS, VOCAB - 1
    return tokens


def agree(ours: Tensor, theirs: Tensor) -> None:
    # In units of the reference's spread: float32 rounding over a few layers.
    assert_close(ours / theirs.std(), theirs / theirs.std(), rtol=0, atol=1e-5)


@pytest.fixture(params=FAMILIES)
def pair(request) -> tuple[TextTower, nn.Module]:
    kind, fields = FAMILIES[request.param]
    config = CLIPTextConfig(**TINY | fields, architectures=[kind.__name__])
    peer = kind(config).eval()
    randomise(peer)
    tower = TextTower(TextConfig.from_json(config.to_json_string(use_diff=False))).eval()
    tower.load_state_dict(published(peer), strict=True)
    return tower, peer


@torch.no_grad()
def readings(tower: TextTower, peer: nn.Module) -> list[tuple[Tensor, Tensor]]:
    ours, theirs = tower(prompts()), peer(prompts(), output_hidden_states=True)
    pooled = theirs.text_embeds if isinstance(peer, CLIPTextModelWithProjection) else theirs.pooler_output
    return [
        (ours.states, theirs.last_hidden_state),
        (ours.penultimate, theirs.hidden_states[-2]),
        (ours.pooled, pooled),
    ]


def test_text_tower_agrees(pair):
    for ours, theirs in readings(*pair):
        agree(ours, theirs)


@pytest.mark.parametrize("part", ["self_attn.q_proj", "self_attn.out_proj"])
def test_a_transposed_weight_is_noticed(pair, part):
    """The agreement above is no accident of shapes: a transposed square matrix still loads but does not agree."""
    tower, peer = pair
    weights = published(peer)
    name = f"text_model.encoder.layers.1.{part}.weight"
    tower.load_state_dict(weights | {name: weights[name].T}, strict=True)
    with pytest.raises(AssertionError, match="not close"):
        agree(*readings(tower, peer)[0])


@pytest.mark.parametrize("change", ["missing", "left over"])
def test_loading_is_strict(pair, change):
    tower, peer = pair
    weights = published(peer)
    if change == "missing":
        del weights["text_model.final_layer_norm.bias"]
    else:
        weights["text_model.encoder.layers.9.layer_norm1.bias"] = torch.zeros(32)
    with pytest.raises(RuntimeError, match=r"final_layer_norm\.bias|layers\.9"):
        tower.load_state_dict(weights, strict=True)


@pytest.mark.parametrize("kind", [CLIPTextModel, CLIPTextModelWithProjection])
def test_transformers_reads_what_limner_writes(tmp_path: Path, kind):
    """A folder of a state dict and a config loads whole: nothing missing, unexpected or of another shape."""
    fields = TINY | {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "eos_token_id": EOS}
    fields = {name: fields[name] for name in TextConfig.__slots__}
    tower = TextTower(TextConfig(**fields | ({"projection_dim": None} if kind is CLIPTextModel else {}))).eval()
    randomise(tower)
    save_file(tower.state_dict(), tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_text(tower.config.to_json())
    peer, report = kind.from_pretrained(str(tmp_path), output_loading_info=True)
    assert not any(report.values()), report
    for ours, theirs in readings(tower, peer.eval()):
        agree(ours, theirs)


VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "projection_dim": 24,
    "num_channels": 3,
    "image_size": 24,
    "patch_size": 8,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}


@torch.no_grad()
def test_image_tower_agrees(tmp_path: Path):
    """Through the file, so that the config and the names are those transformers writes."""
    peer = CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION)).eval()
    randomise(peer)
    peer.save_pretrained(tmp_path)
    tower = ImageTower(ImageConfig.from_json((tmp_path / "config.json").read_text())).eval()
    weights = load_file(tmp_path / "model.safetensors")
    tower.load_state_dict(weights, strict=True)
    # Neither symmetric nor constant: a flipped or transposed patch grid would show.
    pixels = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(2)) * 2 - 1
    expected = peer(pixels).image_embeds
    agree(tower(pixels), expected)
    with pytest.raises(AssertionError, match="not close"):
        agree(tower(pixels.mT), expected)


@torch.no_grad()
def test_a_pair_is_a_clip_model():
    """The two towers and the scale are the whole of transformers' CLIPModel."""
    text = TextConfig(**{name: (TINY | {"eos_token_id": EOS} | VISION)[name] for name in TextConfig.__slots__})
    ours = ClipPair(TextTower(text), ImageTower(ImageConfig(**VISION))).eval()
    initialise(ours.text, torch.Generator().manual_seed(3))
    initialise(ours.image, torch.Generator().manual_seed(4))
    config = CLIPConfig(
        text_config={**TINY, "hidden_size": 32, "intermediate_size": 64, "eos_token_id": EOS, "num_hidden_layers": 2},
        vision_config=VISION,
        projection_dim=24,
    )
    peer = CLIPModel(config).eval()
    whole = ours.text.state_dict() | ours.image.state_dict() | {"logit_scale": ours.logit_scale.data}
    peer.load_state_dict(whole, strict=True)
    pixels = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(5))
    agree(ours(pixels, prompts()), peer(input_ids=prompts(), pixel_values=pixels).logits_per_image)
