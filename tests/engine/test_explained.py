"""Somebody watches while a picture is drawn, or while one that is given is looked at."""

from dataclasses import replace

import families
import numpy as np
import pytest
from test_run import recipe
from torch.testing import assert_close

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.control.record import Record
from limner.engine import explain, run
from limner.engine.explain import (
    LEVELS,
    NOISES,
    columns,
    drawn,
    heat,
    labels,
    layer_of,
    layers,
    looked_at,
    looks,
    sides,
    words_of,
)
from limner.engine.given import latent_of
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.process.noise import draw
from limner.recipe import Wish, resolve
from limner.sampler import Query
from limner.sampler.sampling import Asking


def picture(width: int = 64, height: int = 64) -> Picture:
    """A dark square on white."""
    out = np.full((height, width, 3), 255, np.uint8)
    out[height // 4 : height // 2, width // 4 : width // 2] = 30
    return out


class Log:
    """Whoever only writes down what was asked."""

    def __init__(self) -> None:
        self.asked = list[Query]()

    def control(self, query: Query) -> Asking:
        self.asked.append(query)
        return (yield query)


def test_a_given_picture_is_looked_at_under_noise(bundle: Bundle) -> None:
    """x = x0 + sigma eps at a fifth, two and three fifths of the schedule's times, one eps; it stays as it is."""
    asked, log, given = recipe(bundle, width=32), Log(), picture(32)
    assert looked_at(given, asked, bundle, "noise", log.control) is given
    x0, eps = latent_of(given, bundle), draw(asked.seed, "explain", 0, (1, 4, 8, 4))
    times = [bundle.schedule.time_of(query.sigma) / (len(bundle.schedule.abar) - 1) for query in log.asked]
    assert times == pytest.approx(NOISES)
    for query in log.asked:
        assert_close(query.x, x0 + query.sigma * eps)


def test_a_given_picture_is_looked_at_on_the_way_back(bundle: Bundle) -> None:
    """From the picture itself up the recipe's ladder."""
    asked, log = recipe(bundle, steps=4, ladder="karras"), Log()
    looked_at(picture(), asked, bundle, "inversion", log.control)
    assert [query.sigma for query in log.asked] == LEVELS["inversion"](bundle, asked)
    assert log.asked[0].sigma == log.asked[1].sigma < log.asked[-1].sigma
    assert_close(log.asked[0].x, latent_of(picture(), bundle))


@pytest.mark.parametrize("way", LEVELS)
@pytest.mark.parametrize("family", families.UNETS)
def test_every_family_says_what_it_looked_at_in_a_given_picture(family: str, way: str) -> None:
    """At any size; where a word is looked at depends on the picture, the word and the prompt."""
    model = families.bundle(family)
    asked = resolve(Wish(model=model.identity, prompt="a red apple", steps=3, width=32, height=64), model.defaults)

    def maps(given: Picture, prompt: str = "a red apple") -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        said = replace(asked, prompt=prompt)
        seen = Record(columns(words_of(said, model)))
        looked_at(given, said, model, way, seen.control)
        assert len(seen.looks) == len(LEVELS[way](model, said))
        return np.stack(heat(seen.heatmaps(), (64, 32)))

    here = maps(picture(32))
    assert here.shape == (3, 64, 32)
    assert np.abs(here[1] - here[2]).max() > 0.01
    assert np.abs(here - maps(picture(32)[::-1].copy())).max() > 0.01
    assert np.abs(here - maps(picture(32), "a blue apple")).max() > 0.01


@pytest.mark.parametrize(
    "control",
    [
        {"excite": "apple", "excite_temperature": 20.0, "excite_step": 0.05},
        {"edit_of": "a blue apple", "edit_cross": 0.5},
        {"edit_of": "a blue boat", "excite": "apple", "excite_temperature": 20.0, "excite_step": 0.05},
    ],
    ids=["excited", "edited", "an excited edit"],
)
def test_a_steered_picture_is_explained(bundle: Bundle, control: dict[str, object]) -> None:
    """Each step once, in the words of the picture itself; and it is drawn as nobody watched."""
    asked = recipe(bundle, **control, width=32)
    ((_, plain),) = run([asked], bundle)
    seen = Record(columns(words_of(asked, bundle)))
    np.testing.assert_array_equal(drawn(asked, bundle, seen.control), plain)
    assert len(seen.looks) == looks(asked) == asked.steps
    explained, maps = explain(asked, bundle)
    np.testing.assert_array_equal(explained, plain)
    for (word, one), other in zip(maps, heat(seen.heatmaps(), (64, 32)), strict=True):
        assert word in ("a", "red", "apple")
        np.testing.assert_allclose(one, other, atol=1e-4)  # sums in another order, stretched


def test_words_and_what_frames_them(bundle: Bundle) -> None:
    asked = recipe(bundle, prompt="a [red:blue:1] apple AND a boat")
    assert [word.word for word in words_of(asked, bundle)] == ["a", "red", "apple"]
    assert [word.word for word in words_of(asked, bundle, "Apple, red apple")] == ["apple", "red apple"]
    said = labels(asked, bundle)
    assert len(said) == bundle.tokenizer.length
    assert said[0] == "\u2039start\u203a"
    assert said[-1] == "\u2039padding\u203a"
    (apple,) = words_of(asked, bundle, "apple")
    assert "".join(said[apple.start : apple.stop]) == "apple"
    assert said[apple.stop] == "\u2039end\u203a"


@pytest.mark.parametrize(
    ("prompt", "chosen", "fault"),
    [("", None, "empty"), ("  ", None, "empty"), ("a cat", "dog", "does not say 'dog'"), ("a cat", " ,", "no word")],
)
def test_words_that_are_not_there(bundle: Bundle, prompt: str, chosen: str | None, fault: str) -> None:
    with pytest.raises(LimnerError, match=fault):
        words_of(recipe(bundle, prompt=prompt), bundle, chosen)


@pytest.mark.parametrize("family", families.UNETS)
def test_layers_are_where_the_network_says(family: str) -> None:
    """Names and sizes as the network tells them to a watcher, odd sides too."""
    model, seen = families.bundle(family), Heatmaps()
    asked = resolve(Wish(model=model.identity, prompt="a cat", steps=1, width=40, height=72), model.defaults)
    drawn(asked, model, seen.control)
    known = layers(model, asked)
    assert list(known.items()) == [(site.name, (site.height, site.width)) for site in seen.sums]
    assert layer_of(model, asked, "mid.cross" if family != "SDXL" else "mid.0.cross")
    assert layer_of(model, asked).startswith("up.")
    with pytest.raises(LimnerError, match=r"no layer 'up.9.cross' looks at the words; there are .*mid"):
        layer_of(model, asked, "up.9.cross")


def test_a_share_of_the_latents_side_chooses_the_maps(bundle: Bundle) -> None:
    asked = recipe(bundle)
    assert [sides(bundle, asked, share) for share in (0.0, 0.25, 0.3, 1.0)] == [(2, 4, 8), (2, 4, 8), (4, 8), (8,)]
    with pytest.raises(LimnerError, match=r"no maps have 1.5 of the latent's side; the finest have 1"):
        sides(bundle, asked, 1.5)
