"""Choosing a CUDA device pins its kernels, and a picture says how they are pinned."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from limner.bundle import Bundle
from limner.engine import backends, device
from limner.engine.backends import circumstances
from limner.errors import LimnerError

SWITCHES = ("flash", "mem_efficient", "math", "cudnn")


@pytest.fixture(autouse=True)
def faked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One CUDA device that can be asked its name and no more; all switches are put back afterwards."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Abacus 9000")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    before = [getattr(cuda, f"{name}_sdp_enabled")() for name in SWITCHES]
    with cudnn.flags(enabled=True, benchmark=True, deterministic=False, allow_tf32=True):
        torch.set_float32_matmul_precision("high")
        yield
    torch.set_float32_matmul_precision("highest")
    for name, was in zip(SWITCHES, before, strict=True):
        getattr(cuda, f"enable_{name}_sdp")(was)


PINNED = "TF32 off, autotuning off, deterministic on, attention flash/efficient/math"


@pytest.mark.tiny
@pytest.mark.parametrize("asked", [None, "cuda", "cuda:0"])
def test_choosing_a_cuda_device_pins_it(asked: str | None) -> None:
    assert device.pins(torch.device("cuda")).endswith(
        "TF32 on, autotuning on, deterministic off, attention flash/efficient/math/cudnn"
    )
    assert device.choose(asked).device.type == "cuda"
    assert device.pins(torch.device("cuda")).startswith("Abacus 9000, CUDA ")
    assert device.pins(torch.device("cuda")).endswith(PINNED)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.tiny
def test_choosing_another_device_or_none_pins_nothing() -> None:
    device.choose("cpu")
    with pytest.raises(LimnerError, match="device 'cuda:1' is not here"):
        device.choose("cuda:1")
    assert torch.backends.cudnn.benchmark


@pytest.mark.parametrize("name", ["eager", "compiled"])
def test_a_picture_says_how_its_kernels_were_pinned(name: str, bundle: Bundle) -> None:
    there = replace(bundle, device=device.choose("cuda").device)
    said = circumstances(there, backends.build(there, name))["Kernels"]
    assert said.startswith(f"torch {torch.__version__}")
    assert "Abacus 9000 CUDA" in said
    assert "cuDNN" in said
    assert said.endswith(PINNED.replace(", ", " "))


def test_a_verdict_is_true_of_one_graphics_card(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    there = replace(bundle, device=device.choose("cuda").device)
    here = backends.machine(there)
    assert backends.machine(there) == here
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Abacus 9001")
    assert backends.machine(there) != here


def test_a_captured_network_can_be_neither_watched_nor_differentiated(bundle: Bundle) -> None:
    from limner.taps import Routed

    ask = backends.captured(bundle.unet)
    x, t, said = torch.zeros(1, 4, 8, 8), torch.ones(1), bundle.context([""])
    with pytest.raises(ValueError, match="neither be watched"):
        ask(x, t, said, Routed([]))
    with pytest.raises(ValueError, match="neither be watched"):
        ask(x.requires_grad_(), t, said)
