"""A choice has one true sentence: who sees gets all, who reads a bag of words guesses."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from limner.errors import LimnerError
from limner.evaluation import choices
from limner.evaluation.choices import Choice, bindings, chosen, relations, shape_colours, tinted_colours
from limner.pictures.heldout import held_out
from limner.pictures.scenes import FULL
from limner.pictures.sets import Corpus
from limner.pictures.shapes import SHAPES
from limner.pictures.words import COLOURS

SIDE = 64
KINDS: dict[str, Callable[[bool], list[Choice]]] = {
    "shape": lambda apart: shape_colours(24, SIDE, apart),
    "and": lambda apart: bindings(24, SIDE, apart, related=False),
    "related": lambda apart: bindings(24, SIDE, apart, related=True),
    "relation": lambda apart: relations(24, SIDE, apart),
}


class Knows:
    """Sees in every picture the sentence that it was told of it."""

    def __init__(self, asked: Sequence[Choice], told: Callable[[Choice], str]) -> None:
        self.every = sorted({sentence for each in asked for sentence in each.sentences})
        self.told = [told(each) for each in asked]

    def pictures(self, images: torch.Tensor) -> torch.Tensor:
        return self.captions(self.told)

    def captions(self, said: Sequence[str]) -> torch.Tensor:
        return torch.eye(len(self.every))[torch.tensor([self.every.index(each) for each in said])]


class Bag(Knows):
    """Reads words in no order."""

    def captions(self, said: Sequence[str]) -> torch.Tensor:
        every = sorted({word for each in self.every for word in each.split()})
        bags = torch.tensor([[float(each.split().count(word)) for word in every] for each in said])
        return torch.nn.functional.normalize(bags, dim=-1)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_who_sees_gets_all_and_who_is_told_otherwise_none(kind: str, apart: bool) -> None:
    asked = KINDS[kind](apart)
    true, other = (Knows(asked, lambda each, k=k: each.sentences[k]) for k in (0, 1))
    assert chosen(true, asked).share == 1  # type: ignore[arg-type]
    assert chosen(other, asked).share == 0  # type: ignore[arg-type]
    assert chosen(true, asked).chance == pytest.approx(1 / len(asked[0].sentences))  # type: ignore[arg-type]
    assert all(len(set(each.sentences)) == len(each.sentences) for each in asked)


@pytest.mark.parametrize("kind", ["and", "related", "relation"])
def test_the_sentences_have_the_same_words(kind: str) -> None:
    asked = KINDS[kind](False)
    for each in asked:
        one, other = (sorted(sentence.replace("an ", "a ").split()) for sentence in each.sentences)
        assert one == other
    bag = Bag(asked, lambda each: each.sentences[0])
    told = [each for each in asked if " an " not in f" {each.sentences[0]} {each.sentences[1]}"]
    bag = Bag(told, lambda each: each.sentences[0])
    assert chosen(bag, told).right <= len(told) // 10  # type: ignore[arg-type]  # ties are lost, but for rounding


@pytest.mark.parametrize("apart", [False, True])
def test_pairs_are_of_the_kind_that_was_asked_for(apart: bool) -> None:
    for each in bindings(24, SIDE, apart, related=False):
        for place, sentence in enumerate(each.sentences):
            first, _, second = sentence.partition(" on ")[0].partition(" and ")
            found = [held_out(*part.split()[1:]) for part in (first, second)]
            assert found == [apart, apart] or (apart and place == 1)
    for each in shape_colours(24, SIDE, apart):
        assert held_out(*each.sentences[0].split()[1:3]) == apart


def test_the_first_sentence_is_what_is_drawn() -> None:
    """By the pixels: the colour is there, and of two the first is left of the second or above it."""

    def middle(picture: np.ndarray, colour: str) -> np.ndarray:
        there = np.argwhere((picture == COLOURS[colour]).all(-1))
        assert len(there) > 20
        return there.mean(0)

    for each in shape_colours(12, SIDE, False):
        middle(each.picture, each.sentences[0].split()[1])
    for each in relations(24, SIDE, False):
        words = each.sentences[0].partition(" on ")[0].split()
        first, second = (middle(each.picture, word) for word in words if word in COLOURS)
        axis = 0 if {"above", "below"} & set(words) else 1
        before = first[axis] < second[axis]
        assert before == bool({"above", "left"} & set(words))
        assert sum(word in SHAPES for word in words) == 2


@pytest.mark.parametrize("apart", [False, True])
def test_silhouettes_are_tinted(corpus: Corpus, apart: bool) -> None:
    asked = tinted_colours(corpus, replace(FULL, words="nouns"), 6, SIDE, apart)
    for each in asked:
        colour, noun = each.sentences[0].split()[1], each.sentences[0].partition(" on ")[0].split()[-1]
        assert held_out(colour, noun) == apart
        assert (each.picture == COLOURS[colour]).all(-1).any()


def test_an_order_of_chance_is_a_function_of_the_seed() -> None:
    one, again, other = (relations(3, SIDE, False, seed) for seed in (1, 1, 2))
    assert [each.sentences for each in one] == [each.sentences for each in again]
    assert [each.sentences for each in one] != [each.sentences for each in other]
    assert all((a.picture == b.picture).all() for a, b in zip(one, again, strict=True))


def test_nothing_asked_and_nothing_that_fits_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimnerError, match="nothing was asked"):
        chosen(Knows([], lambda each: ""), [])  # type: ignore[arg-type]
    monkeypatch.setattr(choices, "TRIES", 0)
    with pytest.raises(LimnerError, match="no two shapes fit"):
        relations(1, SIDE, False)
