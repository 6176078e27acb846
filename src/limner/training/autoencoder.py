"""An autoencoder learns to say a picture in few numbers, and to say it so that near numbers mean near pictures."""

from collections.abc import Sequence
from random import Random

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from limner.network.tiny import TinyDecoder
from limner.network.vae import Autoencoder, Pixels
from limner.pictures.scenes import Mix, compose
from limner.pictures.sets import Corpus
from limner.process.noise import draw, generator, key

WINDOWS = 4  # of half the side, out of each scene
SCALES = 4  # at which two pictures are compared: 1, 2, 4 and 8 pixels


def windows(corpus: Corpus, mix: Mix, seed: int, number: int, rows: int, side: int) -> Pixels:
    """Windows of half a side into the scenes of one step, three in four where there is something to see.

    Some are mirrored, some change their colours about: what an autoencoder has to keep is no matter of words.
    """
    views = list[Tensor]()
    for row in range(-(-rows // WINDOWS)):
        rng = Random(key(seed, f"window {row}", number))
        scene = compose(corpus, rng, side, mix)
        solid = np.argwhere(np.logical_or.reduce(scene.masks))
        picture = torch.from_numpy(scene.image).movedim(-1, 0).float() / 127.5 - 1
        for _ in range(WINDOWS):
            where = (
                solid[rng.randrange(len(solid))] - side // 4
                if len(solid) and rng.random() < 0.75
                else rng.choices(range(side // 2 + 1), k=2)
            )
            top, left = (min(max(int(at), 0), side // 2) for at in where)
            view = picture[:, top : top + side // 2, left : left + side // 2]
            view = view.flip(-1) if rng.random() < 0.5 else view
            views.append(view[rng.sample(range(3), 3)] if rng.random() < 0.3 else view)
    return torch.stack(views[:rows])


def edges(x: Pixels) -> Sequence[Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def reconstruction(y: Pixels, x: Pixels) -> Float[Tensor, ""]:
    """Mean absolute error of the pictures, and half that of their edges, at several scales: a blurred edge costs twice.

    No network trained elsewhere judges here, as a perceptual loss would need.
    """
    total = x.new_zeros(())
    for _ in range(SCALES):
        total = total + (y - x).abs().mean()
        for a, b in zip(edges(y), edges(x), strict=True):
            total = total + (a - b).abs().mean() / 2
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return total


def divergence(mean: Tensor, logvar: Tensor) -> Float[Tensor, ""]:
    """KL(q(z|x) || N(0, I)) per latent number, in nats.  Kingma & Welling 2013 (arXiv:1312.6114), appendix B."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()


def autoencoder_loss(net: nn.Module, x: Pixels, seed: int, number: int, weight: float) -> Float[Tensor, ""]:
    """The evidence lower bound's two terms, the second weighed: Rombach et al. 2022 (arXiv:2112.10752), Eq. 25."""
    assert isinstance(net, Autoencoder)
    mean, logvar = net.encode(x)
    eps = draw(seed, "posterior", number, tuple(mean.shape)).to(mean)
    y = net.decode(mean + (logvar / 2).exp() * eps)
    return reconstruction(y.float(), x) + weight * divergence(mean.float(), logvar.float())


def tiny_loss(net: nn.Module, teacher: Autoencoder, x: Pixels, seed: int, number: int) -> Float[Tensor, ""]:
    """The tiny decoder against the large one's picture, made as small as the tiny one's.

    Half of the latents are means of two pictures' in a share of chance: what a denoiser guesses early is a mean.
    """
    assert isinstance(net, TinyDecoder)
    with torch.no_grad():
        z = teacher.encode(x)[0]
        share = torch.rand((len(z), 1, 1, 1), generator=generator(seed, "tiny", number)).to(z)
        share[::2] = 1
        z = share * z + (1 - share) * z.roll(1, 0)
        wanted = F.avg_pool2d(teacher.decode(z), teacher.config.factor // net.config.factor)
    return reconstruction(2 * net(z * teacher.config.scaling).float() - 1, wanted.float())


@torch.no_grad()
def centre(net: Autoencoder, pictures: Pixels) -> None:
    """Make every latent channel of mean 0 and variance 1 over these pictures, exactly undone on the way back.

    The affine change is folded into the 1x1 convolutions before and after the latent, so the file format needs no
    field for it and `scaling_factor` is 1.
    """
    latents = torch.cat([net.encode(few)[0] for few in torch.split(pictures, 32)])
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    c = len(mean)
    before, after = net.quant_conv, net.post_quant_conv
    assert before.bias is not None
    assert after.bias is not None
    before.weight[:c] /= std[:, None, None, None]
    before.bias[:c] = (before.bias[:c] - mean) / std
    before.bias[c:] -= 2 * std.log()
    after.bias += after.weight[:, :, 0, 0] @ mean
    after.weight *= std[None, :, None, None]
