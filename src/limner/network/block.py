"""The bricks of both networks: a residual block, and the halving and doubling of a feature map."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

Map = Float[Tensor, "b c h w"]


class Residual(nn.Module):
    """Norm, SiLU, convolution, twice, added to the input; the noise level enters between.

    He et al. 2016 (arXiv:1603.05027) in the form of Ho et al. 2020 (arXiv:2006.11239), appendix B.
    """

    def __init__(self, dim_in: int, dim_out: int, time_dim: int | None, groups: int, eps: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, dim_in, eps=eps)
        self.conv1 = nn.Conv2d(dim_in, dim_out, 3, padding=1)
        if time_dim is not None:
            self.time_emb_proj = nn.Linear(time_dim, dim_out)
        self.norm2 = nn.GroupNorm(groups, dim_out, eps=eps)
        self.conv2 = nn.Conv2d(dim_out, dim_out, 3, padding=1)
        if dim_in != dim_out:
            self.conv_shortcut = nn.Conv2d(dim_in, dim_out, 1)
        self.changes_width = dim_in != dim_out

    def forward(self, x: Map, time: Float[Tensor, "b t"] | None = None) -> Float[Tensor, "b c2 h w"]:
        h = self.conv1(F.silu(self.norm1(x)))
        if time is not None:
            h = h + self.time_emb_proj(F.silu(time))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        out: Tensor = h + (self.conv_shortcut(x) if self.changes_width else x)
        return out


class Halve(nn.Module):
    """A convolution with stride two.  The U-Net pads all around, the autoencoder at the right and bottom only."""

    def __init__(self, dim: int, padding: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim, 3, stride=2)
        self.padding = padding

    def forward(self, x: Map) -> Float[Tensor, "b c h2 w2"]:
        out: Tensor = self.conv(F.pad(x, self.padding))
        return out


class Double(nn.Module):
    """Nearest neighbours, then a convolution."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Map, size: torch.Size | None = None) -> Float[Tensor, "b c h2 w2"]:
        """To `size`, where the way down met an odd side, else to twice the side."""
        larger = F.interpolate(x, scale_factor=2.0) if size is None else F.interpolate(x, size=tuple(size))
        out: Tensor = self.conv(larger)
        return out
