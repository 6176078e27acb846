"""A ControlNet says what diffusers' says, and a U-Net that is told of it answers as diffusers' does."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from test_network import BOUND, FAMILIES, MINI, error, question, references, stir

from limner.bundle import Bundle
from limner.bundle.controlnet import open_controlnet, save_controlnet
from limner.errors import LimnerError
from limner.network.config import ControlConfig
from limner.network.controlnet import ControlNet, begin
from limner.process.noise import draw

UNKNOWN = ("up_block_types", "out_channels", "sample_size")


def control(family: dict[str, object]) -> ControlNetModel:
    config = {key: value for key, value in family.items() if key not in UNKNOWN}
    net = ControlNetModel(**config, conditioning_embedding_out_channels=(4, 8, 8, 12)).eval()
    stir(net)
    return net


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_controlnet(family: str) -> None:
    theirs = control(FAMILIES[family])
    config = ControlConfig.read(json.loads(theirs.to_json_string()))
    assert ControlConfig.read(config.write()) == config
    ours = ControlNet(config).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x, t, context = question(FAMILIES[family])
    hint = draw(5, "hint", 0, (2, 3, 128, 128)).sigmoid()
    added = {} if context.pooled is None else {"text_embeds": context.pooled, "time_ids": context.sizes}
    seen, middle = theirs(
        x, t, context.states, controlnet_cond=hint, conditioning_scale=0.7, added_cond_kwargs=added, return_dict=False
    )
    said = ours(x, t, context, hint, 0.7)
    assert len(said.seen) == len(seen)
    assert all(
        error(mine, other) < BOUND for mine, other in zip((*said.seen, said.middle), (*seen, middle), strict=True)
    )
    unet, _ = references(FAMILIES[family])
    plain = unet(x, t, context)
    assert (unet(x, t, context, residuals=said) - plain).abs().max() > 0.1 * plain.std()
    begin(ours)
    torch.testing.assert_close(unet(x, t, context, residuals=ours(x, t, context, hint)), plain, rtol=0, atol=0)


@torch.no_grad()
def test_a_unet_that_is_told() -> None:
    theirs, net = UNet2DConditionModel(**MINI).eval(), control(MINI)
    stir(theirs)
    ours, _ = references(MINI)
    ours.load_state_dict(theirs.state_dict())
    own = ControlNet(ControlConfig.read(json.loads(net.to_json_string()))).eval()
    own.load_state_dict(net.state_dict())
    x, t, context = question(MINI)
    hint = draw(5, "hint", 0, (2, 3, 128, 128)).sigmoid()
    seen, middle = net(x, t, context.states, controlnet_cond=hint, return_dict=False)
    wanted = theirs(
        x, t, context.states, down_block_additional_residuals=seen, mid_block_additional_residual=middle
    ).sample
    assert error(ours(x, t, context, residuals=own(x, t, context, hint)), wanted) < BOUND


def test_a_folder(bundle: Bundle, tmp_path: Path) -> None:
    """One of diffusers' opens strictly, is for one family, and what is saved is what was opened."""
    config = {
        "block_out_channels": [16, 32, 48], "layers_per_block": 1, "attention_head_dim": [1, 2, 3],
        "cross_attention_dim": 16, "norm_num_groups": 8, "down_block_types": ["CrossAttnDownBlock2D"] * 3,
    }  # fmt: skip
    theirs = control(config)
    theirs.save_pretrained(tmp_path / "theirs")
    net = open_controlnet(tmp_path / "theirs", bundle)
    save_controlnet(tmp_path / "ours", net, torch.float32)
    again = ControlNetModel.from_pretrained(tmp_path / "ours")
    assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in again.state_dict().items())
    file = tmp_path / "ours" / "diffusion_pytorch_model.safetensors"
    whole = load_file(file)
    for spoilt, said in (
        (whole | {"extra": torch.zeros(1)}, "tensor extra belongs to no part"),
        ({name: whole[name] for name in list(whole)[1:]}, f"tensor {next(iter(whole))} is missing"),
        (whole | {"conv_in.bias": torch.full((16,), torch.nan)}, "conv_in.bias holds numbers that are not finite"),
    ):
        save_file(spoilt, file)
        with pytest.raises(LimnerError, match=said):
            open_controlnet(tmp_path / "ours", bundle)
    said = json.loads((tmp_path / "ours/config.json").read_text()) | {"cross_attention_dim": 24}
    (tmp_path / "ours/config.json").write_text(json.dumps(said))
    with pytest.raises(LimnerError, match="reads states of 24 numbers"):
        open_controlnet(tmp_path / "ours", bundle)
