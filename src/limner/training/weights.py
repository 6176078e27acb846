"""Where training begins: weights small enough to be stable and blocks that at first add almost nothing."""

import torch
from torch import nn

from limner.process.noise import draw

QUIET = ("conv2.weight", "to_out.0.weight", "ff.net.2.weight", "proj_out.weight")  # ends of residual branches
SILENT = "unet.conv_out.weight"


@torch.no_grad()
def initialise(net: nn.Module, name: str, seed: int) -> None:
    """Normal weights of variance 1 / fan-in, a tenth as large where a branch joins the trunk, zero biases.

    He et al. 2015 (arXiv:1502.01852), Eq. 10, without the factor 2; Zhang et al. 2019 (arXiv:1901.09321) for the
    branches.  A function of (name, seed); norms stay one and zero, and a U-Net's last layer begins at zero.
    """
    for k, (key, parameter) in enumerate(net.named_parameters()):
        if parameter.ndim > 1:
            fan_in = parameter[0].numel()
            scale = 0.0 if f"{name}.{key}" == SILENT else 0.1 if key.endswith(QUIET) else 1.0
            parameter.copy_(scale * fan_in**-0.5 * draw(seed, f"{name} weights", k, tuple(parameter.shape)))
        elif key.endswith("bias"):
            parameter.zero_()
