"""A head that is planted asleep is found and woken, and nobody notices."""

import tiny
import torch
from torch import Tensor
from torch.testing import assert_close

from limner.network.attention import TransformerBlock
from limner.network.unet import UNet
from limner.process.noise import draw
from limner.training.revival import asleep, revive
from limner.types import Context, Latent

HEAD = 1


def planted() -> tuple[UNet, TransformerBlock, Tensor]:
    """A network of which the middle's second head has keys that shout at the start token, whoever asks."""
    net = UNet(tiny.UNET)
    tiny.fill(net, 3)
    states = draw(0, "states", 0, (3, 8, tiny.UNET.context_dim))
    states[..., 0] = 0
    states[:, 0] = 0
    states[:, 0, 0] = 4
    (block,) = (each for each in net.modules() if isinstance(each, TransformerBlock) and each.attn2.name == "mid.cross")
    width = block.attn2.to_q.weight.shape[0] // block.attn2.heads
    rows = slice(HEAD * width, (HEAD + 1) * width)
    block.norm2.bias.add_(5)  # so that a sum over channels is above zero everywhere
    block.attn2.to_q.weight[rows] = 1.0
    block.attn2.to_k.weight[rows] = 0
    block.attn2.to_k.weight[rows, 0] = 1.0
    return net, block, states


def said(net: UNet, states: Tensor) -> Latent:
    x = draw(1, "x", 0, (3, 4, 8, 8))
    with torch.no_grad():
        return net(x, torch.tensor([10.0, 400.0, 900.0]), Context(states))


def test_only_the_planted_head_is_asleep() -> None:
    net, _, states = planted()
    assert {name: heads for name, heads in asleep(net, states).items() if heads} == {"mid.cross": [HEAD]}


def test_a_woken_head_says_what_it_said_and_can_learn() -> None:
    net, block, states = planted()
    before = said(net, states)
    kept = {name: weight.clone() for name, weight in net.state_dict().items()}
    assert revive(net, states) == 1
    # one sum of products became another: float32 rounding
    assert_close(said(net, states), before, rtol=1e-4, atol=1e-4)
    assert not any(asleep(net, states).values())
    changed = {name for name, weight in net.state_dict().items() if not torch.equal(weight, kept[name])}
    parts = ("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight", "to_out.0.bias")
    assert changed == {f"mid_block.attentions.0.transformer_blocks.0.attn2.{part}" for part in parts}
    width = block.attn2.to_q.weight.shape[0] // block.attn2.heads
    for part in ("to_q", "to_k", "to_v"):  # of this head alone
        weight, was = (
            table[f"mid_block.attentions.0.transformer_blocks.0.attn2.{part}.weight"]
            for table in (net.state_dict(), kept)
        )
        assert torch.equal(weight[:width], was[:width])
    net.requires_grad_(True)
    net(draw(1, "x", 0, (3, 4, 8, 8)), torch.full((3,), 400.0), Context(states)).square().sum().backward()
    out = block.attn2.to_out[0].weight.grad
    assert out[:, HEAD * width :].abs().max() > 0


def test_nobody_asleep_nothing_done() -> None:
    net = UNet(tiny.UNET)
    tiny.fill(net, 3)
    states = draw(0, "states", 0, (3, 8, tiny.UNET.context_dim))
    before = said(net, states)
    assert revive(net, states) == 0
    assert torch.equal(said(net, states), before)
