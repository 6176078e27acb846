"""The course's models in small, from token ids to pixels: what diffusers draws on the same weights, limner draws."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from whole import BOUND, FULL, NEGATIVE, PARTS, TINY, Case, apart, make, ours, page, theirs

STEPS = 4  # which divide 1000: where they do not, DDIM of diffusers steps to other times than it asks at next
CASES = {
    "guided, negative prompt, wide": Case(96, 64, 7.5, NEGATIVE, STEPS),
    "guided, no negative prompt, high": Case(64, 128, 7.5, "", STEPS),
    "not guided": Case(64, 64, 1.0, "", STEPS),
}
FIGURES = Path(__file__).parents[2] / "docs" / "figures" / "agreement.json"
# Reading diffusers' own output, not limner's: NumPy 2's notices about it
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("whole")
    return {name: make(shape, place / name, 16, torch.float32) for name, shape in TINY.items()}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", TINY)
def test_the_same_words_latent_and_picture(folders: dict[str, Path], name: str, case: str) -> None:
    found = apart(ours(folders[name], CASES[case]), theirs(folders[name], CASES[case]))
    assert max(found.values()) <= BOUND, found
    assert len(found) == len(PARTS) - (name != "SDXL")


@pytest.mark.parametrize(
    ("name", "file", "tensor", "part"),
    [
        ("SD 1.5", "text_encoder/model", "encoder.layers.0.self_attn.q_proj.weight", "words"),
        ("SD 2.1, 768", "unet/diffusion_pytorch_model", "mid_block.attentions.0.proj_in.weight", "latent"),
        ("SDXL", "text_encoder_2/model", "text_projection.weight", "sentence"),
        ("SDXL", "unet/diffusion_pytorch_model", "add_embedding.linear_2.weight", "latent"),
        ("SD 2.1, 512", "vae/diffusion_pytorch_model", "decoder.mid_block.attentions.0.to_v.weight", "picture"),
    ],
)
def test_a_planted_error_is_noticed_where_it_is(
    folders: dict[str, Path], tmp_path: Path, name: str, file: str, tensor: str, part: str
) -> None:
    """One tensor's first row doubled; what comes before it in the picture's making is as it was."""
    for each in folders[name].rglob("*"):
        if each.is_file():
            (tmp_path / each.relative_to(folders[name])).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / each.relative_to(folders[name])).write_bytes(each.read_bytes())
    weights = load_file(tmp_path / f"{file}.safetensors")
    (key,) = (key for key in weights if key.endswith(tensor))
    weights[key][0] *= 2
    save_file(weights, tmp_path / f"{file}.safetensors", {"format": "pt"})
    case = CASES["guided, negative prompt, wide"]
    found = apart(ours(tmp_path, case), theirs(folders[name], case))
    assert found[part] > BOUND, found
    assert all(value <= BOUND for before, value in found.items() if PARTS.index(before) < PARTS.index(part)), found


def test_another_sampler_is_noticed(folders: dict[str, Path]) -> None:
    case = CASES["not guided"]
    assert (
        apart(ours(folders["SD 1.5"], replace(case, steps=STEPS + 1)), theirs(folders["SD 1.5"], case))["latent"]
        > BOUND
    )


def test_the_table_is_of_all_families_at_full_size() -> None:
    """As `make agreement-full` last wrote it."""
    kept = json.loads(FIGURES.read_text())
    assert kept["cases"].keys() == FULL.keys()
    assert kept["bound"] == BOUND
    assert all(value <= BOUND for case in kept["cases"].values() for value in case["apart"].values())
    assert (FIGURES.parents[1] / "agreement.md").read_text() == page(kept)
