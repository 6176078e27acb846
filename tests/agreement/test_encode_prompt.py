"""What the network is told is what diffusers tells it: `encode_prompt` of both pipelines, other layers, and nothing."""

from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from test_pipeline import NEGATIVE, PROMPT, stable  # noqa: F401 - a fixture
from test_xl import xl  # noqa: F401 - a fixture
from torch import Tensor
from torch.testing import assert_close

from limner.bundle import Bundle, open_bundle
from limner.engine.backends import eager
from limner.engine.run import Reader, guidance
from limner.recipe import Wish, resolve
from limner.score.guidance import Guidance

SIZE = (96, 48)


def agree(ours: Tensor | None, theirs: Tensor) -> None:
    assert ours is not None
    # In units of the reference's spread: float32 rounding over a few layers.
    assert_close(ours / theirs.std(), theirs / theirs.std(), rtol=0, atol=1e-5)


def lanes(bundle: Bundle, negative: str, clip_skip: int = 1) -> Guidance:
    wish = Wish(model=bundle.identity, prompt=PROMPT, negative=negative, clip_skip=clip_skip, guidance=3.0)
    recipe = resolve(wish, bundle.defaults | {"width": SIZE[0], "height": SIZE[1]})
    return guidance(recipe, Reader(bundle), eager(bundle))[:2]


@pytest.mark.parametrize(("clip_skip", "skipped"), [(1, None), (1, 0), (2, 1)])
def test_stable_diffusion(stable: Path, clip_skip: int, skipped: int | None) -> None:  # noqa: F811
    """diffusers counts the layers that are left out, A1111 and limner the layer that is read."""
    pipe = StableDiffusionPipeline.from_pretrained(stable)
    # transformers 5 took away the layer of names in which diffusers 0.42 looks for the final norm
    object.__setattr__(pipe.text_encoder, "text_model", pipe.text_encoder)
    prompt, _ = pipe.encode_prompt(PROMPT, "cpu", 1, False, clip_skip=skipped)
    _, negative = pipe.encode_prompt(PROMPT, "cpu", 1, True, NEGATIVE)
    said, unsaid = lanes(open_bundle(stable), NEGATIVE, clip_skip)
    agree(said.context.states, prompt)
    if clip_skip == 1:  # diffusers skips no layer where it reads a negative prompt; A1111 does
        agree(unsaid.context.states, negative)


def test_another_layer_is_noticed(stable: Path) -> None:  # noqa: F811
    prompt, _ = StableDiffusionPipeline.from_pretrained(stable).encode_prompt(PROMPT, "cpu", 1, False)
    with pytest.raises(AssertionError, match="not close"):
        agree(lanes(open_bundle(stable), NEGATIVE, 2)[0].context.states, prompt)


@pytest.mark.parametrize("negative", [NEGATIVE, None])
@pytest.mark.parametrize("clip_skip", [1, 2])
def test_xl(xl: Path, negative: str | None, clip_skip: int) -> None:  # noqa: F811
    """Both towers before their last layer, whatever clip_skip says; no negative prompt is zeros, not an empty text."""
    pipe = StableDiffusionXLPipeline.from_pretrained(xl, add_watermarker=False)
    states, unstates, pooled, unpooled = pipe.encode_prompt(PROMPT, device="cpu", negative_prompt=negative)
    sizes = pipe._get_add_time_ids(
        SIZE[::-1], (0, 0), SIZE[::-1], torch.float32, pipe.text_encoder_2.config.projection_dim
    )
    said, unsaid = (lane.context for lane in lanes(open_bundle(xl), negative or "", clip_skip))
    agree(said.states, states)
    agree(said.pooled, pooled)
    assert said.sizes is not None
    assert unsaid.sizes is not None
    assert said.sizes.tolist() == unsaid.sizes.tolist() == sizes.tolist()
    if negative is None:
        assert not unstates.any()
        assert torch.equal(unsaid.states, unstates)
        assert unsaid.pooled is not None
        assert torch.equal(unsaid.pooled, unpooled)
    else:
        agree(unsaid.states, unstates)
        agree(unsaid.pooled, unpooled)


def test_an_empty_prompt_is_read_where_the_folder_says_so(xl: Path, tmp_path: Path) -> None:  # noqa: F811
    pipe = StableDiffusionXLPipeline.from_pretrained(xl, add_watermarker=False, force_zeros_for_empty_prompt=False)
    pipe.save_pretrained(tmp_path)
    _, states, _, pooled = pipe.encode_prompt(PROMPT, device="cpu")
    unsaid = lanes(open_bundle(tmp_path), "")[1].context
    agree(unsaid.states, states)
    agree(unsaid.pooled, pooled)
