"""Where training begins: normal weights, a last layer of zeros, and biases by which the network feels its border."""

import torch
from torch import nn

from limner.process.noise import draw

SILENT = "unet.conv_out.weight"
FELT = ("conv_in.bias", "conv1.bias")
BORDERED = "unet."


@torch.no_grad()
def initialise(net: nn.Module, name: str, seed: int) -> None:
    """Normal weights of variance 1 / fan-in, zero biases, and norms of one and zero; a function of (name, seed).

    He et al. 2015 (arXiv:1502.01852), Eq. 10, without the factor 2.  A U-Net's last layer begins at zero, and the
    biases of its first convolutions at a normal draw: noise is the same everywhere, so zero padding is all that tells
    a place, and against features whose mean is zero it would not be seen.
    """
    for k, (key, parameter) in enumerate(net.named_parameters()):
        full = f"{name}.{key}"
        if parameter.ndim > 1:
            scale = 0.0 if full == SILENT else parameter[0].numel() ** -0.5
        else:
            scale = 1.0 if full.startswith(BORDERED) and full.endswith(FELT) else 0.0
        if parameter.ndim > 1 or key.endswith("bias"):
            parameter.copy_(scale * draw(seed, f"{name} weights", k, tuple(parameter.shape)))
