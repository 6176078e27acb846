"""A model of random weights, small enough to draw in a blink, and the command line as somebody types it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from limner.bundle.layout import write_json, write_tensors
from limner.cli import main
from limner.network.config import AutoencoderConfig, UNetConfig
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.text.clip import TextConfig, TextTower
from limner.text.tokenizer import train

CAPTIONS = ["a red apple", "a blue boat", "a cat on a table", "a tree and a red boat"] * 3
LENGTH, CHANNELS, SIDE = 12, 16, 16


def _random(net: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Weights that no layer is silent with, drawn from a seed of their own."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.empty_like(tensor).normal_(0, 0.2, generator=generator) for name, tensor in net.state_dict().items()
    }


def write_model(folder: Path, seed: int) -> Path:
    tokenizer = train(CAPTIONS, 600, length=LENGTH)
    text = TextConfig(
        tokenizer.vocab_size, CHANNELS, 32, 2, 2, LENGTH, "quick_gelu", 1e-5, tokenizer.id_of("<|endoftext|>"), None
    )
    unet = UNetConfig(
        in_channels=4, out_channels=4, sample_size=SIDE // 2, widths=(8, 16), residuals=1, heads=(1, 2), depths=(1, 1),
        mid_depth=1, context_dim=CHANNELS, linear=False, groups=4, eps=1e-5,
    )  # fmt: skip
    vae = AutoencoderConfig(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        sample_size=SIDE,
        widths=(8, 8),
        residuals=1,
        groups=4,
        scaling=1.0,
    )
    tokenizer.save(folder / "tokenizer")
    (folder / "text_encoder").mkdir()
    (folder / "text_encoder" / "config.json").write_text(text.to_json())
    write_json(folder / "unet" / "config.json", unet.write())
    write_json(folder / "vae" / "config.json", vae.write())
    write_json(folder / "scheduler" / "scheduler_config.json", {"beta_schedule": "scaled_linear", "beta_end": 0.012})
    write_json(folder / "limner.json", {"licence": "Apache-2.0", "defaults": {"steps": 2, "seed": 7, "guidance": 2.0}})
    parts = ("tokenizer", "text_encoder", "vae", "unet", "scheduler")
    write_json(folder / "model_index.json", {part: ["diffusers", part] for part in parts})
    write_tensors(folder / "text_encoder" / "model.safetensors", _random(TextTower(text), seed))
    for part, net in (("unet", UNet(unet)), ("vae", Autoencoder(vae))):
        write_tensors(folder / part / "diffusion_pytorch_model.safetensors", _random(net, seed))
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """$LIMNER_HOME with one model, `tiny`."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "models" / "tiny").mkdir(parents=True)
    write_model(folder / "models" / "tiny", seed=1)
    return folder


@pytest.fixture(scope="session")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the same shape with other weights."""
    return write_model(tmp_path_factory.mktemp("other"), seed=2)


@pytest.fixture
def other(another: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, which a test may teach and write into."""
    return Path(shutil.copytree(another, tmp_path_factory.mktemp("other"), dirs_exist_ok=True))


@pytest.fixture(autouse=True)
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.setenv("LIMNER_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


Said = tuple[int, str, str]


@pytest.fixture
def limner(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Exit code, stdout, stderr of a command."""

    def call(*argv: object) -> Said:
        capsys.readouterr()
        code = main([str(each) for each in argv])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def refused(limner: Callable[..., Said]) -> Callable[..., str]:
    """The one line of a command that could not be done, and printed nothing else."""

    def call(*argv: object) -> str:
        code, out, err = limner(*argv)
        assert (code, out) == (2, ""), err
        assert err.startswith("limner: ")
        assert err.count("\n") == 1
        return err

    return call
