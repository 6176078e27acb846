"""The schedules, the ladders and the first noise are diffusers' own, number for number."""

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from diffusers.utils.torch_utils import randn_tensor
from torch.testing import assert_close

from limner.process.ladder import LADDERS
from limner.process.noise import SEEDS, initial
from limner.process.schedule import SCHEDULES, NoiseSchedule, scaled_linear, zero_terminal_snr

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
# diffusers hands tensors to NumPy in a way that NumPy 2 will give up
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
COUNTS = [1, 2, 4, 7, 16, 20, 30, 50, 250]


def float32(numbers: list[float] | tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64).float()


@pytest.mark.parametrize("kind", SCHEDULES)
def test_schedules(kind: str) -> None:
    theirs = DDPMScheduler(beta_schedule=kind, beta_start=0.0005, beta_end=0.015).alphas_cumprod
    # they multiply a thousand times in float32
    assert_close(float32(SCHEDULES[kind](1000, 0.0005, 0.015).abar), theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_zero_terminal_snr(kind: str) -> None:
    theirs = DDPMScheduler(beta_schedule=kind, rescale_betas_zero_snr=True).alphas_cumprod
    ours = float32(zero_terminal_snr(SCHEDULES[kind](1000, 0.0001, 0.02)).abar)
    # on the root, as theirs cancels nearly equal roots in float32; and where they reach 0 we keep 2^-24
    assert_close(ours.sqrt(), theirs.sqrt(), rtol=1e-4, atol=4e-4)
    euler = EulerDiscreteScheduler(**SD, rescale_betas_zero_snr=True).alphas_cumprod
    assert zero_terminal_snr(scaled_linear()).abar[-1] == euler[-1] == 2**-24


EULER = {
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "trailing": {"timestep_spacing": "trailing"},
    "linspace": {"timestep_spacing": "linspace"},
}


@pytest.mark.parametrize("ladder", EULER)
@pytest.mark.parametrize("n", COUNTS[1:])  # in one step theirs would begin at the end
def test_ladders_of_euler(ladder: str, n: int) -> None:
    theirs = EulerDiscreteScheduler(**SD, **EULER[ladder])
    theirs.set_timesteps(n)
    # float32 throughout; between whole times theirs is linear in sigma and ours in log sigma
    rtol = 5e-3 if ladder == "linspace" and 999 % max(n - 1, 1) else 3e-5
    assert_close(float32(LADDERS[ladder](scaled_linear(), n)), theirs.sigmas, rtol=rtol, atol=0)


@pytest.mark.parametrize("kind", ["karras", "exponential", "trailing"])
@pytest.mark.parametrize("n", [2, 7, 20, 50])
def test_ladders_of_dpm_solver(kind: str, n: int) -> None:
    theirs = DPMSolverMultistepScheduler(**SD, **EULER[kind], final_sigmas_type="zero")
    theirs.set_timesteps(n)
    assert_close(float32(LADDERS[kind](scaled_linear(), n)), theirs.sigmas, rtol=3e-5, atol=0)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("schedule", [scaled_linear(), zero_terminal_snr(scaled_linear())])
@pytest.mark.parametrize("n", [*COUNTS, 3, 60, 999])
def test_ladders_of_ddim(spacing: str, schedule: NoiseSchedule, n: int) -> None:
    """Its whole times are the times of our noise levels."""
    theirs = DDIMScheduler(**SD, timestep_spacing=spacing, steps_offset=1)
    theirs.set_timesteps(n)
    ours = schedule.t_of(float32(LADDERS[spacing](schedule, n)[:-1]))
    assert ours.round().long().tolist() == theirs.timesteps.tolist()


@pytest.mark.parametrize("seed", [0, 42, SEEDS - 1])
def test_a_picture_starts_from_diffusers_noise(seed: int) -> None:
    theirs = randn_tensor((1, 4, 8, 8), generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float32)
    assert torch.equal(initial(seed, (1, 4, 8, 8)), theirs)
