"""Whoever knows all answers gets all, a planted error costs what it should, and shuffled captions are chance."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from limner.errors import LimnerError
from limner.evaluation import alignment
from limner.evaluation.alignment import (
    Count,
    centres,
    counted,
    named,
    ranks,
    recall,
    sayings,
    scenes,
    shuffled,
    thing,
    things,
    together,
)
from limner.pictures.nouns import nouns
from limner.pictures.scenes import FULL
from limner.pictures.sets import Corpus
from limner.process.noise import draw

MIX = replace(FULL, faces=0.0, pair=0.2)


def test_who_knows_finds_all_and_a_planted_error_is_counted() -> None:
    truth = torch.eye(40)
    assert recall(truth, truth, 1) == Count(40, 40, 1 / 40)
    wrong = truth.clone()
    wrong[[3, 7]] = wrong[[7, 3]]  # two captions exchanged
    assert recall(truth, wrong, 1).right == 38
    near = truth + 0.4 * truth.roll(1, 0)
    near[5] = truth[5] + 2 * truth[6]  # its own comes second
    assert (recall(near, truth, 1).right, recall(near, truth, 5).right) == (39, 40)


def test_a_tie_is_lost() -> None:
    assert ranks(torch.ones(4, 4)).tolist() == [4, 4, 4, 4]
    assert recall(torch.ones(4, 2), torch.ones(4, 2), 1).right == 0


def test_shuffled_captions_are_chance() -> None:
    truth = torch.nn.functional.normalize(draw(0, "truth", 0, (1000, 64)), dim=-1)
    assert recall(truth, truth, 1).share == 1
    control = recall(truth, shuffled(truth, 0), 5)
    assert control.interval[0] <= control.chance <= control.interval[1]
    assert_close(shuffled(truth, 0).sort(0).values, truth.sort(0).values)


def test_counts_have_wilsons_interval() -> None:
    assert [round(each, 3) for each in Count(61, 100, 0.5).interval] == [0.512, 0.7]
    assert together([Count(1, 10, 0.5), Count(9, 30, 0.1)]) == Count(10, 40, 0.2)
    assert counted([True, False], 0.5).share == 0.5
    with pytest.raises(LimnerError, match="nothing was asked"):
        counted([], 0.5)


def test_a_class_is_the_middle_of_its_sentences() -> None:
    class Bag:
        """Words side by side, in any order."""

        def captions(self, said: list[str]) -> torch.Tensor:
            every = sorted({word for each in said for word in each.split()})
            bags = torch.tensor([[float(each.split().count(word)) for word in every] for each in said])
            return torch.nn.functional.normalize(bags, dim=-1)

    found = centres(Bag(), [["cat", "a cat"], ["dog"]])  # type: ignore[arg-type]
    assert_close(found.norm(dim=-1), torch.ones(2))
    half = torch.tensor([0.5**0.5, 1 + 0.5**0.5, 0])
    assert_close(found[0], half / half.norm())
    assert named(found, found, [0, 1]).right == 2
    assert named(found, found, [1, 1]).right == 1
    assert named(found, found, [1, 1], k=2).right == 2


@pytest.mark.parametrize(
    ("word", "said"),
    [("owl", "an owl"), ("bread", "bread"), ("jeans", "jeans"), ("red apple", "a red apple"), ("a cat", "a cat"),
     ("cats", "cats"), ("frobnicator", "a frobnicator")],
)  # fmt: skip
def test_a_word_is_said_as_captions_say_it(word: str, said: str) -> None:
    assert thing(word) == said
    assert sayings(word, ["noto style"])[-1] == f"{said}, noto style"
    assert f"a drawing of {said}" in sayings(word)


def test_a_gallery_has_each_caption_once(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    made, passed = scenes(corpus, MIX, 32, 60)
    said = [scene.caption for scene in made]
    assert len(set(said)) == 60
    fewer, _ = scenes(corpus, MIX, 32, 20)
    assert [scene.caption for scene in fewer] == said[:20]
    assert passed >= 0
    monkeypatch.setattr(alignment, "PATIENCE", 1)
    with pytest.raises(LimnerError, match="different captions in 200 scenes"):
        scenes(corpus, replace(MIX, single=0, people=0, tinted=0, shapes=0, pair=0, white=1), 32, 200)


def test_things_are_of_the_list_of_nouns(corpus: Corpus) -> None:
    made, words = things(corpus, MIX, 32, 30)
    assert {scene.things[0].word for scene in made} <= set(words) <= set(nouns())
    assert {scene.kind for scene in made} <= {"single", "people"}
