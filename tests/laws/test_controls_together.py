"""All three controls, alone and together, on every wiring: nobody touches anybody else."""

from dataclasses import replace

import families
import pytest
import torch

from limner.bundle import Bundle
from limner.control.heatmaps import Heatmaps
from limner.engine import Engine
from limner.engine.run import Reader, admit
from limner.recipe import Recipe, Wish, resolve
from limner.types import Latent

SIZES = (8,)  # one size of pass: no row's last bits tell how many others there are


def recipe(model: Bundle, **wanted: object) -> Recipe:
    wish = Wish(
        model=model.identity, prompt="a red apple and a blue boat", steps=4, seed=1, sampler="euler", ladder="karras",
        guidance=3.0, width=64, height=48,
    )  # fmt: skip
    return resolve(replace(wish, **wanted), model.defaults)  # type: ignore[arg-type]


def wishes(model: Bundle) -> dict[str, Recipe]:
    edit: dict[str, object] = {"edit_of": "a red apple and a blue cat", "edit_where": "boat", "edit_weights": "blue:2"}
    edit["edit_cross"] = 0.25  # while all words have the source's maps, no move of the edit changes what they look at
    excite = {"excite": "auto", "excite_step": 0.1, "excite_temperature": 10.0}
    return {
        "plain": recipe(model),
        "edit": recipe(model, **edit),
        "excite": recipe(model, **excite),
        "both": recipe(model, **edit, **excite, excite_binding=1.0),
        "other": recipe(model, prompt="two cats on a table", seed=7, sampler="heun"),
    }


def drawn(
    model: Bundle, names: list[str], watched: tuple[str, ...] = ()
) -> tuple[dict[str, Latent], dict[str, Heatmaps]]:
    """These wishes' last latents, drawn in one engine; and the maps of those that are watched."""
    engine, read, heat = Engine(model.denoiser, SIZES), Reader(model), {name: Heatmaps() for name in watched}
    with torch.no_grad():
        for name in names:
            admit(engine, name, wishes(model)[name], read, [heat[name].control] if name in heat else [])
            engine.waiting[-1].finish = None
        while engine.busy:
            engine.tick()
    assert not engine.failed, engine.failed
    return dict(engine.finished), heat


@pytest.mark.parametrize("family", families.UNETS)
def test_alone_and_in_company_they_are_the_same(family: str) -> None:
    model = families.bundle(family)
    names = list(wishes(model))
    together, heat = drawn(model, names, ("both", "plain"))
    for name in names:
        alone, _ = drawn(model, [name])
        assert torch.equal(alone[name], together[name]), name
    assert len({float(latent[-1].sum()) for latent in together.values()}) == len(names), "each does something"
    for name, seen in heat.items():
        _, alone_heat = drawn(model, [name], (name,))
        assert seen.sums
        assert seen.sums.keys() == alone_heat[name].sums.keys()
        for site, sums in seen.sums.items():
            assert torch.equal(sums, alone_heat[name].sums[site]), (name, site)
    assert {len(sums) for sums in heat["both"].sums.values()} == {2}


@pytest.mark.parametrize("family", families.UNETS)
def test_the_source_of_an_edit_is_the_picture_without(family: str) -> None:
    """Excited or not: who steers the edit leaves its source alone."""
    model = families.bundle(family)
    for name in ("edit", "both"):
        edit = wishes(model)[name]
        latents, _ = drawn(model, [name])
        engine, read = Engine(model.denoiser, SIZES), Reader(model)
        with torch.no_grad():
            admit(engine, "", recipe(model, prompt=edit.edit_of), read)
            engine.waiting[-1].finish = None
            while engine.busy:
                engine.tick()
        # the explicit softmax(QK)V of a row that is edited rounds other than the fused kernel's
        torch.testing.assert_close(latents[name][:1], engine.finished[""], rtol=0, atol=1e-3)
