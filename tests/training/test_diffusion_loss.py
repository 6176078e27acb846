"""What training minimises is what the lecture says, and its minimum is the denoiser."""

import pytest
import torch
from torch import Tensor, nn

from limner.process.noise import draw
from limner.process.schedule import scaled_linear, zero_terminal_snr
from limner.score.denoiser import from_v, v_of
from limner.score.exact import Mixture
from limner.training.autoencoder import centre
from limner.training.diffusion import Lessons, diffusion_loss, late
from limner.training.preset import SIZES
from limner.training.weights import initialise
from limner.types import Context

SCHEDULE = zero_terminal_snr(scaled_linear())


def lessons(n: int = 64) -> Lessons:
    points = draw(3, "points", 0, (2, 1, 2, 2))
    latents = torch.cat([points] * (n // 2))
    return Lessons(latents, torch.zeros(n, 3, 5), torch.ones(3, 5))


class Exact(nn.Module):
    """The network that has learnt everything: F(c_in x, t) = the velocity of E[x0 | x]."""

    def __init__(self, taught: Lessons, off: float) -> None:
        super().__init__()
        self.mixture, self.off = Mixture(taught.latents[:2], 0.0), off

    def forward(self, scaled: Tensor, t: Tensor, context: Context) -> Tensor:
        sigma = torch.tensor([SCHEDULE.sigma_of(float(each)) for each in t])
        x = scaled * (1 + sigma**2).sqrt()[:, None, None, None]
        nothing = Context(torch.zeros(len(x), 1, 1))
        return v_of(x, self.mixture(x, sigma, nothing), sigma) * self.off


def mean_loss(off: float) -> float:
    taught = lessons()
    losses = [diffusion_loss(Exact(taught, off), taught, SCHEDULE, 0, n, 64) for n in range(30)]
    return torch.stack(losses).mean().item()


def test_nothing_beats_the_exact_denoiser() -> None:
    least = mean_loss(1.0)
    assert least < min(mean_loss(off) for off in (0.9, 0.97, 1.03, 1.1))


def test_the_target_is_the_velocity_that_gives_the_picture_back() -> None:
    seen = list[tuple[Tensor, Tensor]]()

    class Spy(nn.Module):
        def forward(self, scaled: Tensor, t: Tensor, context: Context) -> Tensor:
            seen.append((scaled, t))
            return torch.zeros_like(scaled)

    taught = lessons()
    loss = diffusion_loss(Spy(), taught, SCHEDULE, 5, 1, 32)
    ((scaled, t),) = seen
    sigma = torch.tensor([SCHEDULE.sigma_of(float(each)) for each in t])
    x = scaled * (1 + sigma**2).sqrt()[:, None, None, None]
    eps = draw(5, "eps", 1, tuple(x.shape))
    x0 = x - sigma[:, None, None, None] * eps
    near = sigma < 10  # beyond, float32 has forgotten x0 next to sigma eps
    known = torch.cdist(x0.flatten(1)[near], taught.latents[:2].flatten(1)).amin(1)
    assert known.max() < 2e-3  # sigma came back from a float32 time
    v = v_of(x, x0, sigma)
    torch.testing.assert_close(
        loss, v.square().mean(), rtol=1e-3, atol=0
    )  # v of far x0 is eps to float32's last digits
    torch.testing.assert_close(
        from_v(x, v, sigma)[near], x0[near], rtol=1e-4, atol=1e-4
    )  # after dividing by sigma < 10


def test_a_tenth_of_the_captions_is_dropped_and_times_are_late() -> None:
    dropped, times = list[Tensor](), list[Tensor]()

    class Spy(nn.Module):
        def forward(self, scaled: Tensor, t: Tensor, context: Context) -> Tensor:
            dropped.append(context.states[:, 0, 0])
            times.append(t)
            return torch.zeros_like(scaled)

    for number in range(50):
        diffusion_loss(Spy(), lessons(), SCHEDULE, 0, number, 40)
    assert torch.cat(dropped).mean().item() == pytest.approx(0.1, abs=0.02)
    share = 1 - (1 - torch.stack(times).sort(1).values / 1000).sqrt()
    assert (share.diff(dim=1)[:, :28] - 1 / 40).abs().max() < 0.002  # evenly; later times are few and whole
    assert (torch.cat(times) > 600).float().mean().item() == pytest.approx(0.4**0.5, abs=0.01)


def test_the_latest_time_is_still_a_time() -> None:
    last = torch.tensor([1 - 2**-24])  # the largest number below 1 that a draw can give
    torch.testing.assert_close(SCHEDULE.draw(late(last)), torch.tensor([SCHEDULE.sigmas[-1]]))


@torch.no_grad()
def test_centring_latents_changes_no_picture() -> None:
    from dataclasses import replace

    from limner.network.vae import Autoencoder

    net = Autoencoder(replace(SIZES.autoencoder, widths=(8, 8, 8, 8)))
    initialise(net, "vae", 0)
    pictures = draw(0, "pictures", 0, (8, 3, 32, 32)).clamp(-1, 1)
    before = net.decode(net.encode(pictures)[0])
    spread = (net.encode(pictures)[1] / 2).exp() / net.encode(pictures)[0].std((0, 2, 3))[:, None, None]
    centre(net, pictures)
    latents, logvar = net.encode(pictures)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(8), rtol=0, atol=1e-5)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(8), rtol=1e-5, atol=0)
    torch.testing.assert_close((logvar / 2).exp(), spread, rtol=1e-4, atol=1e-6)  # through exp, log and a division
    torch.testing.assert_close(net.decode(latents), before, rtol=1e-4, atol=1e-5)  # the same map, associated otherwise
