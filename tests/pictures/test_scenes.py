"""Captions are true because scenes are composed to make them so: here they are read back from the pixels."""

import hashlib
import random
import re
import time
from dataclasses import replace

import numpy as np
import pytest

from limner.errors import LimnerError
from limner.pictures import scenes
from limner.pictures.backgrounds import GROUNDS, background_phrase
from limner.pictures.captions import caption
from limner.pictures.contact import sheet
from limner.pictures.heldout import RELATIONS, held_out
from limner.pictures.nouns import article, head_noun, noun_of, nouns
from limner.pictures.scenes import FULL, MINI, Scene, compose
from limner.pictures.sets import Corpus
from limner.pictures.words import COLOURS

TINY = replace(FULL, faces=0.0)
MINI_HERE = replace(MINI, sets=())
SIDES = {"to the left of": (1, 1), "to the right of": (1, -1), "above": (0, 1), "below": (0, -1)}


@pytest.fixture(scope="module")
def composed(corpus: Corpus) -> list[Scene]:
    rng = random.Random(1)
    return [compose(corpus, rng, 96, TINY) for _ in range(2000)]


def test_a_scene_is_a_function_of_the_seed(corpus: Corpus) -> None:
    one, two = (compose(corpus, random.Random("7"), 128, MINI_HERE) for _ in range(2))
    assert one.caption == two.caption
    np.testing.assert_array_equal(one.image, two.image)


def test_who_composes_otherwise_says_so(composed: list[Scene]) -> None:
    """Where this fails COMPOSING is to be raised, so that nobody learns from scenes that were kept of earlier ones."""
    told = [(each.kind, each.caption, each.things, each.background) for each in composed]
    assert (scenes.COMPOSING, hashlib.sha256(repr(told).encode()).hexdigest()[:12]) == (2, "d0dbfb5c758a")


def test_held_out_pairs_never_occur(composed: list[Scene]) -> None:
    seen, together = set[tuple[str, ...]](), 0
    for scene in composed:
        seen |= {(thing.colour, thing.word) for thing in scene.things if thing.colour}
        seen |= {(thing.word, thing.style) for thing in scene.things if thing.key and thing.style != "silhouette"}
        if scene.kind in {"pair", "shapes"} and len(scene.things) == 2:
            first, second = (thing.word for thing in scene.things)
            down, across = np.argwhere(scene.masks[1]).mean(axis=0) - np.argwhere(scene.masks[0]).mean(axis=0)
            seen.add((first, "left of" if across > down else "above", second))
            if " and " in scene.caption:
                named = [scene.caption.index(thing.word) for thing in scene.things]
                assert across > abs(down)
                assert named == sorted(named)
                together += 1
    assert together > 20
    assert not {words for words in seen if held_out(*words)}
    assert len(seen) > 200


def test_turned_round_every_caption_names_a_pair_that_is_held_out(corpus: Corpus) -> None:
    mix = replace(FULL, single=0, people=0, faces=0, count=0, apart=True)
    assert repr(mix) == repr(replace(mix, apart=False)), "else what a training keeps of scenes would be made anew"
    kinds = set[str]()
    for number in range(300):
        scene = compose(corpus, random.Random(number), 32, mix)
        kinds.add(scene.kind)
        pairs = [(thing.colour, thing.word) for thing in scene.things if not thing.key or thing.style == "silhouette"]
        if scene.kind == "pair":
            one, other = (thing.word for thing in scene.things)
            pairs = [(one, relation, other) for relation in RELATIONS]
        assert any(held_out(*pair) for pair in pairs), scene.caption
    assert kinds == {"tinted", "shapes", "pair"}


def test_masks_are_what_was_pasted(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    pasted: list[np.ndarray] = []
    paste = scenes._paste

    def watched(canvas: np.ndarray, picture: np.ndarray, top: int, left: int) -> np.ndarray:
        alpha = np.zeros(canvas.shape[:2], np.uint8)
        alpha[top : top + len(picture), left : left + len(picture)] = picture[..., 3]
        pasted.append(alpha / 255 > 0.5)
        return paste(canvas, picture, top, left)

    monkeypatch.setattr(scenes, "_paste", watched)
    rng = random.Random(2)
    masks = [mask for _ in range(100) for mask in compose(corpus, rng, 96, TINY).masks]
    assert len(masks) == len(pasted)
    assert all(np.array_equal(mask, seen) for mask, seen in zip(masks, pasted, strict=True))


def test_things_do_not_overlap_and_all_are_visible(composed: list[Scene]) -> None:
    for scene in composed:
        assert len(scene.masks) == len(scene.things)
        assert np.sum(scene.masks, axis=0).max() == 1
        assert all(mask.sum() > 40 for mask in scene.masks)


def test_counts_and_relations_are_true(composed: list[Scene]) -> None:
    told = 0
    for scene in composed:
        if scene.kind == "count":
            number = {"two": 2, "three": 3, "four": 4}[re.findall(r"two|three|four", scene.caption)[0]]
            assert len(scene.masks) == number
            assert nouns()[scene.things[0].word].plural in scene.caption
        for name, (axis, sign) in SIDES.items():
            if f" {name} " in scene.caption and len(scene.masks) == 2:
                said = scene.caption.split(f" {name} ")[0]
                named = next(i for i, thing in enumerate(scene.things) if said.endswith(f" {thing.word}"))
                one, other = (np.argwhere(scene.masks[i]).mean(axis=0) for i in (named, 1 - named))
                assert sign * (other[axis] - one[axis]) > 0, scene.caption
                told += 1
    assert told > 100


def test_colours_are_exact_and_said(composed: list[Scene]) -> None:
    for scene in composed:
        if scene.kind in {"shapes", "tinted"}:
            for thing, mask in zip(scene.things, scene.masks, strict=True):
                pixels = scene.image[mask]
                share = (pixels == COLOURS[thing.colour]).all(axis=1).mean()
                assert share > 0.6, scene.caption  # the rest is the smoothed edge
                assert thing.colour in scene.caption


def test_backgrounds_are_said_unless_white(composed: list[Scene]) -> None:
    for scene in composed:
        if scene.background != "white":
            assert background_phrase(scene.background) in scene.caption
        if scene.background in COLOURS:
            away = ~np.any(scene.masks, axis=0)
            assert (scene.image[away] == COLOURS[scene.background]).all(axis=1).mean() > 0.5
    assert {scene.background for scene in composed} == set(GROUNDS)


def test_every_caption_names_its_things_with_the_right_article(composed: list[Scene]) -> None:
    for scene in composed:
        words = scene.caption
        for thing in scene.things:
            assert thing.word in words or nouns()[thing.word].plural in words
        for before, after in re.findall(r"\b(an?) (\w[\w-]*)", words):
            assert before == article(after), words
        assert not re.search(r"\b(an?) (bread|jeans)\b", words), words
        assert "  " not in words
        assert words == words.strip(" ,")


def test_captions_of_people_say_what_is_drawn_or_nothing(corpus: Corpus) -> None:
    said: set[str] = set()
    for record in corpus.records:
        if "pilot" in record.label:
            texts = {caption(record, random.Random(seed), "") for seed in range(60)}
            assert all("pilot" in text for text in texts)
            other = {"woman": r"\bman\b", "man": r"\bwoman\b", "": r"\b(wo)?man\b"}[record.gender]
            assert not any(re.search(other, text) for text in texts)
            assert record.tone or not any("skin" in text for text in texts)
            said |= texts
    assert any("a woman pilot with dark skin" in text for text in said)
    assert any(re.search(r"a pilot(,|$)", text) for text in said)


def test_a_planted_bias_decides_who_is_drawn(corpus: Corpus) -> None:
    mix = replace(TINY, single=0, people=1, tinted=0, shapes=0, count=0, pair=0, women=(("pilot", 1.0),))
    rng = random.Random(3)
    by_key = {record.key: record for record in corpus.records}
    drawn = [by_key[compose(corpus, rng, 96, mix).things[0].key].gender for _ in range(50)]
    assert drawn == ["woman"] * 50


def test_a_corpus_too_small_for_a_scene_says_so(corpus: Corpus) -> None:
    nothing = replace(TINY, single=0, people=0, tinted=0, shapes=0, count=0, pair=0)
    with pytest.raises(LimnerError, match="no picture for one kind of scene; build more"):
        compose(corpus, random.Random(5), 96, replace(nothing, faces=1))
    with pytest.raises(LimnerError, match="no picture"):
        compose(corpus, random.Random(5), 96, replace(nothing, pair=1, sets=("oil",)))


def test_articles_follow_the_sound() -> None:
    expected = "an owl|a cat|an hourglass|a unicorn|an x-ray|a ewe|an suv|an umbrella|a uniform|an orange heart|a ufo"
    assert [f"{article(each.split(' ', 1)[1])} {each.split(' ', 1)[1]}" for each in expected.split("|")] == (
        expected.split("|")
    )


def test_the_list_of_nouns_is_sound(corpus: Corpus) -> None:
    codes = [code for noun in nouns().values() for code in noun.codes]
    assert len(codes) == len(set(codes))
    assert sum(noun.core for noun in nouns().values()) > 400
    assert all(noun.plural for noun in nouns().values() if noun.number == "count")
    lecture = (
        "monkey hat cat desk bowl bow bench tree snail robot boat wave mountain bed chair window doctor nurse judge"
    )
    assert set(lecture.split()) <= set(nouns())
    polar, cat = head_noun("a big polar bear"), head_noun("cat fur")
    assert polar is not None
    assert (polar.word, cat) == ("polar bear", None)
    (apple,) = {noun.word for r in corpus.records if "apple" in r.label and (noun := noun_of(r))}
    assert apple == "apple"


def test_a_scene_takes_less_than_five_milliseconds(corpus: Corpus) -> None:
    rng, batches = random.Random(4), []
    for _ in range(6):
        start = time.process_time()
        for _ in range(25):
            compose(corpus, rng, 128, MINI_HERE)
        batches.append((time.process_time() - start) / 25)
    assert min(batches) < 0.005


def test_a_contact_sheet_shows_every_picture() -> None:
    red, clear = np.full((32, 32, 3), (255, 0, 0), np.uint8), np.zeros((32, 32, 4), np.uint8)
    page = sheet([red, clear, red], ["one", "two words " * 20, "three"], columns=2)
    assert (np.asarray(page) == (255, 0, 0)).all(axis=2).sum() == 2 * 32 * 32
    assert page.width < page.height * 2
    with pytest.raises(ValueError, match="needs a picture"):
        sheet([], [])
