"""A ControlNet: a copy of the U-Net's way down that also looks at a picture, and whispers what it saw to the way up."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from limner.network.config import ControlConfig
from limner.network.embedding import Embedding
from limner.network.unet import Down, Middle, Residuals, codes
from limner.types import Context, Image, Latent


class HintEncoder(nn.Module):
    """The hint, a picture in [0, 1], in as many pixels as the latent has: eight convolutions, halved three times.

    Zhang et al. 2023 (arXiv:2302.05543), section 3.3, Eq. 4.  The last convolution begins at zero.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1)
        pairs = [pair for a, b in pairwise(widths) for pair in ((a, a, 1), (a, b, 2))]
        self.blocks = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1, stride=stride) for a, b, stride in pairs])
        self.conv_out = nn.Conv2d(widths[-1], width, 3, padding=1)

    def forward(self, hint: Image) -> Float[Tensor, "b c h w"]:
        for conv in (self.conv_in, *self.blocks):
            hint = F.silu(conv(hint))
        out: Tensor = self.conv_out(hint)
        return out


class ControlNet(nn.Module):
    """What to add to a U-Net's way up so that its picture follows a hint: edges, a pose, depth.

    Zhang et al. 2023 (arXiv:2302.05543), section 3.1, Eq. 2: y = F(x) + Z(F'(x + Z(c))), Z a convolution of side 1 that
    began at zero.  Parameters are named as diffusers' ControlNetModel names them; `t` and `context` are the U-Net's.
    """

    def __init__(self, config: ControlConfig) -> None:
        super().__init__()
        self.config = config
        net, levels = config.unet, range(len(config.unet.widths))
        widths = net.widths
        self.conv_in = nn.Conv2d(net.in_channels, widths[0], 3, padding=1)
        self.time_embedding = Embedding(widths[0], 4 * widths[0])
        if net.added_dim is not None:
            self.add_embedding = Embedding(net.added_dim, 4 * widths[0])
        self.controlnet_cond_embedding = HintEncoder(config.hint_channels, config.hint_widths, widths[0])
        self.down_blocks = nn.ModuleList([Down(net, level) for level in levels])
        self.mid_block = Middle(net)
        halves = [level < len(widths) - 1 for level in levels]
        seen = [widths[0], *(widths[level] for level in levels for _ in range(net.residuals + halves[level]))]
        self.controlnet_down_blocks = nn.ModuleList([nn.Conv2d(width, width, 1) for width in seen])
        self.controlnet_mid_block = nn.Conv2d(widths[-1], widths[-1], 1)

    def forward(
        self, x: Latent, t: Float[Tensor, " b"], context: Context, hint: Image, scale: float = 1.0
    ) -> Residuals:
        """What to add, times `scale`."""
        time, added = codes(self.config.unet, t, context)
        when = self.time_embedding(time.to(x.dtype))
        if added is not None:
            when = when + self.add_embedding(added.to(x.dtype))
        seen = [self.conv_in(x) + self.controlnet_cond_embedding(hint)]
        for down in self.down_blocks:
            seen += down(seen[-1], when, context, None)
        middle = self.mid_block(seen[-1], when, context, None)
        whispered = (zero(each) * scale for zero, each in zip(self.controlnet_down_blocks, seen, strict=True))
        return Residuals(tuple(whispered), self.controlnet_mid_block(middle) * scale)


@torch.no_grad()
def begin(net: ControlNet) -> None:
    """Set what must begin at zero, so that an untrained ControlNet adds nothing."""
    for conv in (*net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out):
        for weight in conv.parameters():
            weight.zero_()
