"""True scenes are right, all of them; a swap, a gap, a thing too many or a turned relation is wrong, every time."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from random import Random

import numpy as np
import pytest
from eyes import KnownEye

from limner.errors import LimnerError
from limner.evaluation.composition import (
    SPOKEN,
    TARGETS,
    TASKS,
    TURNED,
    Prompt,
    Wanted,
    prompts,
    right,
    seeds,
    vocabulary,
)
from limner.evaluation.seen import Found, Seen, truth
from limner.pictures.heldout import RELATIONS, held_out
from limner.pictures.nouns import nouns, with_article
from limner.pictures.scenes import Mix, Scene, compose
from limner.pictures.sets import Corpus
from limner.pictures.words import COLOURS

EYE = KnownEye()
CORE = [word for word, noun in nouns().items() if noun.core]
WORDS = vocabulary(CORE, ["3d render", "noto style"], EYE)
NOTHING = Mix(single=0, people=0, tinted=0, shapes=0, count=0, pair=0)
KINDS_OF = {"counting": "count", "position": "pair", "two": "pair", "binding": "shapes", "colours": "tinted"}


def scenes(corpus: Corpus, kind: str, things: int | None = None) -> list[Scene]:
    mix = replace(NOTHING, **{kind: 1.0})  # type: ignore[arg-type]
    made = [compose(corpus, Random(k), 96, mix) for k in range(40)]
    return [scene for scene in made if things in (None, len(scene.things))]


def asked(task: str, corpus: Corpus) -> list[Scene]:
    """Scenes that a task asks for; where two things stand is not said of all of them."""
    made = scenes(corpus, KINDS_OF[task], 2 if task == "binding" else None)
    return [scene for scene in made if task != "position" or " and " not in scene.caption]


def truthful(task: str, scene: Scene) -> Prompt:
    """What a scene would have been asked for by."""
    if task == "counting":
        return Prompt(task, False, scene.caption, (Wanted(scene.things[0].word, number=len(scene.things)),), exact=True)
    colour = task in ("binding", "colours")
    wanted = tuple(Wanted(each.word, each.colour if colour else "") for each in scene.things)
    relation = next((each for each in RELATIONS if SPOKEN[each] in scene.caption), "")
    turned = next((each for each in TURNED.values() if SPOKEN[each] in scene.caption), "")
    relation = relation or {"right of": "left of", "below": "above"}.get(turned, "")
    return Prompt(task, False, scene.caption, wanted, relation if task == "position" else "")


@pytest.mark.parametrize("task", KINDS_OF)
def test_what_is_true_is_right(task: str, corpus: Corpus) -> None:
    made = asked(task, corpus)
    assert len(made) > 10
    assert all(right(truthful(task, scene), truth(scene), EYE) for scene in made)


def missing(seen: Seen) -> Seen:
    return replace(seen, things=seen.things[1:])


def doubled(seen: Seen) -> Seen:
    return replace(seen, things=(*seen.things, seen.things[0]))


def swapped(seen: Seen) -> Seen:
    one, other = seen.things
    return replace(seen, things=(replace(one, colour=other.colour), replace(other, colour=one.colour)))


def turned(seen: Seen) -> Seen:
    return replace(seen, things=tuple(replace(each, mask=each.mask[::-1, ::-1]) for each in seen.things))


def level(seen: Seen) -> Seen:
    """Both in one place."""
    return replace(seen, things=tuple(replace(each, mask=seen.things[0].mask) for each in seen.things))


def recoloured(seen: Seen) -> Seen:
    other = {colour: name for colour, name in zip(COLOURS, (*list(COLOURS)[1:], "red"), strict=True)}
    return replace(seen, things=tuple(replace(each, colour=other[each.colour]) for each in seen.things))


def broken(seen: Seen) -> Seen:
    return replace(seen, broken=True)


PLANTED = [
    ("counting", missing), ("counting", doubled), ("two", missing), ("position", missing), ("position", turned),
    ("position", level), ("binding", swapped), ("binding", missing), ("colours", recoloured), ("colours", missing),
    *((task, broken) for task in KINDS_OF),
]  # fmt: skip


@pytest.mark.parametrize(("task", "plant"), PLANTED)
def test_a_planted_error_is_found(task: str, plant: Callable[[Seen], Seen], corpus: Corpus) -> None:
    made = asked(task, corpus)
    if plant is swapped:
        made = [scene for scene in made if scene.things[0].colour != scene.things[1].colour]
    assert len(made) > 10
    assert not any(right(truthful(task, scene), plant(truth(scene)), EYE) for scene in made)


def test_a_stranger_beside_it_does_no_harm_and_look_alikes_count() -> None:
    mask = np.ones((8, 8), bool)
    cat, tiger = (Found(word, 1.0, "", "3d render", mask) for word in ("cat", "tiger"))
    asked = Prompt("single", False, "a cat", (Wanted("cat"),))
    assert right(asked, Seen((tiger, cat), False), EYE)
    assert not right(asked, Seen((tiger,), False), EYE)
    assert right(asked, Seen((tiger,), False), KnownEye(same=frozenset({frozenset(("cat", "tiger"))})))


@pytest.mark.parametrize("task", TASKS)
def test_prompts_are_different_and_on_their_side(task: str) -> None:
    for held in (False, True):
        made = prompts(task, held, WORDS, 60)
        assert len({each.text for each in made}) == len(made)
        assert prompts(task, held, WORDS, 10) == made[:10]
        assert all(each.held == held for each in made)
        few = {"counting": 0, "single": sum(held_out(*each) for each in product(WORDS.words, WORDS.styles))}
        assert len(made) == (min(few.get(task, 60), 60) if held else 60)


def test_held_out_is_what_training_never_composed() -> None:
    for held in (False, True):
        for each in prompts("binding", held, WORDS, 60):
            assert held == any(held_out(wanted.colour, wanted.word) for wanted in each.wanted)
        for each in prompts("position", held, WORDS, 60):
            first, second = (wanted.word for wanted in each.wanted)
            back = {other: name for name, other in TURNED.items()}
            triple = (second, back[each.relation], first) if each.relation in back else (first, each.relation, second)
            assert held_out(*triple) == held
        for each in prompts("two", held, WORDS, 60):
            first, second = (wanted.word for wanted in each.wanted)
            assert held_out(first, "left of", second) == held


def test_the_wording_is_the_trainings(corpus: Corpus) -> None:
    """What a prompt says of a scene stands in the caption that the scene was composed with."""
    together = 0
    for scene in scenes(corpus, "pair"):
        one, other = (with_article(thing.word, "count") for thing in scene.things)
        spoken = {f"{one} {SPOKEN[each]} {other}" for each in RELATIONS}
        spoken |= {f"{other} {SPOKEN[TURNED[each]]} {one}" for each in RELATIONS}
        beside = f"{one} and {other}" in scene.caption
        assert beside != any(each in scene.caption for each in spoken)
        together += beside
    assert 5 < together < 25  # of forty
    assert all(
        f" and {with_article(each.wanted[1].word, 'count')}, " in each.text for each in prompts("two", False, WORDS, 60)
    )
    for scene in scenes(corpus, "count"):
        word, many = scene.things[0].word, len(scene.things)
        assert f"{['', '', 'two', 'three', 'four'][many]} {nouns()[word].plural}" in scene.caption
    by_wanted = {each.wanted: each.text for each in prompts("colours", False, WORDS, 1000)}
    compared = 0
    for scene in [*scenes(corpus, "tinted"), *scenes(corpus, "shapes", 1)]:
        if text := by_wanted.get((Wanted(scene.things[0].word, scene.things[0].colour),)):
            assert text in scene.caption
            compared += 1
    assert compared > 5


def test_every_task_has_its_target_and_its_own_seeds() -> None:
    assert {task for task, _ in TARGETS} == set(TASKS)
    taken = [
        seed for task in TASKS for held in (False, True) for k in (0, 1, 999) for seed in seeds(task, held, k, 100)
    ]
    assert len(set(taken)) == len(taken)
    with pytest.raises(LimnerError, match="at most 1000 prompts"):
        seeds("two", False, 1000, 4)
    with pytest.raises(LimnerError, match="nothing that this model can compose"):
        vocabulary(["bread"], ["3d render"], EYE)
