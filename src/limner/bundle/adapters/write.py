"""A LoRA as a file that other programs read: in the names of kohya's trainer, or of peft and diffusers."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from limner.bundle.adapters.lora import FAMILIES, networks, outline
from limner.bundle.adapters.names import Place, kohya, peft
from limner.bundle.bundle import Bundle
from limner.errors import LimnerError
from limner.network.lowrank import LowRank

BASES: Mapping[str, str] = {"SD 1.x": "sd_v1", "SD 2.x": "sd_v2", "SDXL": "sdxl_base_v1-0"}
"""The families as kohya's trainer calls them, by which other programs sort their LoRAs."""
