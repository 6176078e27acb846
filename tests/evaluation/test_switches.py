"""Fifty changes of model leave the memory as it was; a planted leak does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from limner.evaluation.switches import growth

BOUND = 3.0  # megabytes in thirty changes; one model that stays behind each time makes more, as is shown below
PROGRAM = """
import sys, torch
from limner.evaluation import switches
kept, open_bundle = [], switches.open_bundle
def hoarding(*asked):
    kept.append(open_bundle(*asked))
    return kept[-1]
if sys.argv[1] == "leak":
    switches.open_bundle = hoarding
torch.set_num_threads(1)
cpu = torch.device("cpu"), torch.float32
print(*switches.switches(sys.argv[2:], 50, *cpu, "eager"))
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [tiny.write(tmp_path_factory.mktemp("models") / f"model{seed}", seed=seed) for seed in range(3)]


def megabytes(models: list[Path], how: str) -> list[float]:
    words = [sys.executable, "-c", PROGRAM, how, *map(str, models)]
    environment = os.environ | {"LIMNER_HOME": str(models[0].parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def test_fifty_switches_leave_memory_flat(models: list[Path]) -> None:
    measured = megabytes(models, "plain")
    assert len(measured) == 50
    assert growth(measured) < BOUND


def test_a_model_that_stays_behind_is_found(models: list[Path]) -> None:
    assert growth(megabytes(models, "leak")) > 2 * BOUND
