"""Prompts are chosen before they are measured, and stay; watchers of Attend-and-Excite change no pixel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from eyes import KnownEye
from jaxtyping import Float
from torch import Tensor

from limner.bundle import Bundle
from limner.engine import run
from limner.errors import LimnerError
from limner.evaluation import excite
from limner.evaluation.composition import Prompt, Wanted, prompts, shapes_alone
from limner.evaluation.excite import Failing, Trace, bound, present
from limner.evaluation.seen import Found, Seen
from limner.recipe import Recipe, Wish, resolve
from limner.types import Image

EYE, MASK = KnownEye(), np.ones((4, 4), bool)
CIRCLE, STAR = Found("circle", 1.0, "red", "shape", MASK), Found("star", 1.0, "blue", "shape", MASK)
SHAPES = Prompt(
    "binding", False, "a red circle above a blue star", (Wanted("circle", "red"), Wanted("star", "blue")), "above"
)
HOW = {"steps": 20, "sampler": "euler"}


def tried(task: str, rights: Sequence[int]) -> list[Failing]:
    return [Failing(replace(SHAPES, task=task, text=f"{task} {k}"), right, 4) for k, right in enumerate(rights)]


def test_every_second_prompt_that_wavers_is_measured() -> None:
    found = [
        each for row in zip(tried("two", [1, 2, 0, 3, 4, 1]), tried("binding", [0, 1] * 3), strict=True) for each in row
    ]
    chosen = excite.registered(found, "model", "eye", HOW)
    assert [each.prompt.text for each in chosen.measured] == ["two 0"]  # two 2 never, two 4 always, binding 0 never
    assert [each.prompt.text for each in chosen.calibration] == [
        "two 1", "two 3", "two 5", "binding 1", "binding 3", "binding 5",
    ]  # fmt: skip
    with pytest.raises(LimnerError, match="all together 4 of 12"):
        excite.registered(tried("two", [0, 4, 0]), "model", "eye", HOW)


def test_one_task_says_what_training_never_said() -> None:
    words = replace(shapes_alone(EYE), composed=("fork and knife", "cat", "apple"), styles=("3d render",))
    plain, unsaid = (excite.candidates(task, words, 6) for task in ("two", "next to"))
    assert [each.wanted for each in unsaid] == [each.wanted for each in plain]
    assert {each.task for each in unsaid} == {"next to"}
    assert "a fork and knife next to a cat, 3d render" in {each.text for each in unsaid}
    assert all(" and " not in each.text.replace("fork and knife", "") for each in unsaid)
    assert all(" and " in each.text.replace("fork and knife", "") for each in plain)
    assert excite.candidates("binding", words, 6) == prompts("binding", False, words, 6)


def test_what_was_chosen_is_read_as_written_and_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "figures" / "prompts.json"
    chosen = excite.registered(tried("two", [1, 2, 2, 2]), "model", "eye", HOW)
    excite.write(chosen, file)
    assert excite.read(file, "model", "eye", HOW) == chosen
    with pytest.raises(LimnerError, match="another model"):
        excite.read(file, "other", "eye", HOW)
    with pytest.raises(LimnerError, match="another oracle"):
        excite.read(file, "model", "other", HOW)
    with pytest.raises(LimnerError, match="another way"):
        excite.read(file, "model", "eye", {**HOW, "steps": 8})
    with pytest.raises(LimnerError, match="chosen beforehand"):
        excite.read(tmp_path / "nothing.json", "model", "eye", HOW)
    file.write_text(file.read_text().replace('"text"', '"words"'))
    with pytest.raises(LimnerError, match="chosen beforehand"):
        excite.read(file, "model", "eye", HOW)


def test_pairs_take_turns_and_share_no_seed() -> None:
    prompts = tried("two", [1, 2, 3])
    asked = excite.pairs(prompts, 7)
    assert [prompt.text[-1] for prompt, _ in asked] == list("0120120")
    assert len({seed for _, seed in asked}) == 7
    every = [
        begin + k * excite.AGAIN for begin in (excite.SELECTION, excite.MEASURED, excite.CALIBRATION) for k in range(3)
    ]
    assert len(set(every)) == 9
    assert max(every) + 1_000_000 < 2**32


def test_present_is_not_yet_bound() -> None:
    swapped = (replace(CIRCLE, colour="blue"), replace(STAR, colour="red"))
    for things, there, right in (((CIRCLE, STAR), True, True), (swapped, True, False), ((CIRCLE,), False, False)):
        seen = Seen(things, False)
        assert (present(SHAPES, seen, EYE), bound(SHAPES, seen, EYE)) == (there, right)
    assert not present(SHAPES, Seen((CIRCLE, STAR), True), EYE)


def test_a_wrong_word_is_no_thing() -> None:
    assert excite.wrong(SHAPES) == "a"
    assert excite.wrong(replace(SHAPES, text="an owl to the left of a cat, 3d render")) == "of"
    assert excite.wrong(replace(SHAPES, text="an owl above a cat")) == "an"
    assert excite.names(SHAPES) == "circle, star"


def recipe(bundle: Bundle, excited: bool = True) -> Recipe:
    lit = Wish(excite="apple, boat", excite_temperature=10.0) if excited else Wish()
    wish = replace(lit, model=bundle.identity, prompt="a red apple and a boat", seed=2, steps=4)
    return resolve(wish, bundle.defaults)


def test_a_trace_counts_every_look_and_changes_nothing(bundle: Bundle, tmp_path: Path) -> None:
    ((_, alone),) = run([recipe(bundle)], bundle)
    file, trace = excite.traced(recipe(bundle), bundle, tmp_path)
    assert np.array_equal(excite.drawn.opened(file), alone)
    assert trace.looks == 4
    levels = trace.by_step()
    assert len(levels) == 2  # moved in the first half of the steps
    assert all(before >= 0 and after >= 0 for before, after in levels.values())
    assert trace.first() == trace.losses[0][1] > 0
    assert trace.seconds > 0
    stamp = file.stat().st_mtime_ns
    again, kept = excite.traced(recipe(bundle), bundle, tmp_path)
    assert (again.stat().st_mtime_ns, kept) == (stamp, trace)
    _, plain = excite.traced(recipe(bundle, excited=False), bundle, tmp_path)
    assert (plain.losses, plain.first()) == ([], 0)


def test_a_traces_steps_have_a_first_and_a_last_loss() -> None:
    trace = Trace([(4.0, 0.9), (4.0, 0.5), (2.0, 0.4)])
    assert trace.by_step() == {4.0: (0.9, 0.5), 2.0: (0.4, 0.4)}
    assert trace.first() == 0.9


def test_what_the_loss_would_be_is_what_it_is(bundle: Bundle, tmp_path: Path) -> None:
    """At the first step nothing was moved yet: there the excited picture's first loss is the plain one's."""
    ((_, alone),) = run([recipe(bundle, excited=False)], bundle)
    picture, losses = excite.neglects(recipe(bundle, excited=False), "apple, boat", bundle)
    assert np.array_equal(picture, alone)
    assert {len(each) for each in losses.values()} == {2}
    _, trace = excite.traced(recipe(bundle), bundle, tmp_path)
    torch.testing.assert_close(losses[10.0][0], trace.first(), rtol=0, atol=1e-5)
    assert len({each[0] for each in losses.values()}) == len(excite.TEMPERATURES)


def test_the_temperature_nearest_to_a_good_loss_is_proposed() -> None:
    losses = [{each: [0.001 * each, 0.004 * each] for each in excite.TEMPERATURES}] * 3
    found = excite.medians(losses)
    assert found[100.0] == pytest.approx(0.25)
    assert excite.proposed(found) == 100.0
    assert excite.proposed(dict(zip(excite.TEMPERATURES, (1.0, 0.9, 0.5, 0.2, 0.0, 0.0), strict=True))) == 10.0


@dataclass
class Named:
    """Knows a picture by its brightness in three bands: red apples, blue boats."""

    side: int = 4

    def pictures(self, images: Image) -> Float[Tensor, "n p"]:
        return images.mean((2, 3))

    def captions(self, said: Sequence[str]) -> Float[Tensor, "n p"]:
        self.asked = list(said)
        return torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[: len(said)]


def test_of_three_the_one_with_both_things_is_taken() -> None:
    """The sum of cosines would take the first, the smaller one does not."""
    pictures = [np.full((8, 8, 3), rgb, np.uint8) for rgb in ((250, 0, 0), (60, 0, 60), (0, 0, 90))]
    eye = Named()
    assert excite.best(SHAPES, pictures, eye) == 1  # type: ignore[arg-type]  # what best asks a Clip
    assert eye.asked == ["a red circle", "a blue star"]
