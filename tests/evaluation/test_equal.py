"""Ways of drawing are compared on equal terms, chosen by a rule, and never drawn twice."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from eyes import KnownEye
from PIL import Image

from limner.bundle import Bundle
from limner.cli.equal import bounds, described
from limner.engine import run
from limner.evaluation import equal
from limner.evaluation.drawn import opened
from limner.evaluation.equal import Arm, Result, chosen, draw, place, questions, result, right, way
from limner.evaluation.plots import equality
from limner.evaluation.seen import Found, Seen
from limner.pictures.nouns import nouns
from limner.recipe import LOUDEST

WORDS, STYLES = sorted(nouns())[:30], ["3d render", "noto style"]
QUICK = way("euler", "trailing", 2, "eager")


def small(arm: Arm) -> Arm:
    return replace(arm, wish=replace(arm.wish, width=16, height=16))


def test_questions_are_the_same_for_all_and_no_seed_is_asked_twice() -> None:
    few, many = questions(WORDS, STYLES, 20, equal.TEST), questions(WORDS, STYLES, 75, equal.TEST)
    assert many[:20] == few
    assert {question.noun for question in many[:30]} == set(WORDS)
    other = questions(WORDS, STYLES, 75, equal.SELECTION)
    assert len({question.seed for question in (*many, *other)}) == 150
    for question in many:
        assert question.noun in question.prompt
        assert question.prompt.endswith(tuple(STYLES))


def test_cost_is_counted_in_rows(bundle: Bundle) -> None:
    assert equal.BASELINE.rows(bundle) == 100
    assert way("dpmpp_2m", "trailing", 10, "eager").rows(bundle) == 20
    assert way("dpmpp_2m", "trailing", 10, "eager", above=0.0, below=0.001).rows(bundle) == 10
    first = way("dpmpp_2m", "trailing", 10, "eager", below=100.0)
    assert first.rows(bundle) == 19  # the very first noise level alone is above
    unguided = replace(bundle, defaults={**bundle.defaults, "guidance": 1.0})
    assert equal.BASELINE.rows(unguided) == 50


def test_guidance_is_the_models_own(bundle: Bundle) -> None:
    (asked,) = questions(WORDS, STYLES, 1, equal.TEST)
    other = replace(bundle, defaults={**bundle.defaults, "guidance": 1.5})
    for arm in (equal.BASELINE, *equal.THEIRS, *equal.OURS):
        assert arm.recipe(asked, other).guidance == 1.5


def test_what_was_drawn_is_not_drawn_again(bundle: Bundle, tmp_path: Path) -> None:
    arm, asked = small(QUICK), questions(WORDS, STYLES, 3, equal.TEST)
    assert list(draw(arm, asked[:2], bundle, tmp_path)) == [0, 1, 2]
    files = [place(tmp_path, arm, question, bundle) for question in asked]
    kept = [file.stat().st_mtime_ns for file in files[:2]]
    files[2].with_name(f".{files[2].name}.0a1b2c3d").write_bytes(b"cut off")
    assert list(draw(arm, asked, bundle, tmp_path)) == [2, 3]
    assert [file.stat().st_mtime_ns for file in files[:2]] == kept
    ((_, picture),) = run([arm.recipe(asked[2], bundle)], bundle)
    with Image.open(files[2]) as drawn:
        assert np.array_equal(np.asarray(drawn), picture)
    assert not place(tmp_path, arm, replace(asked[0], seed=1), bundle).exists()


def test_right_is_whose_largest_named_thing_was_asked_for_and_nothing_broken(bundle: Bundle, tmp_path: Path) -> None:
    arm, asked = small(QUICK), questions(WORDS, STYLES, 6, equal.TEST)
    assert list(draw(arm, asked, bundle, tmp_path))[-1] == 6
    pictures = [opened(place(tmp_path, arm, each, bundle)).tobytes() for each in asked]
    first, second, third, fourth, fifth, _ = (thing(each.noun) for each in asked)
    seen = [Seen((first,), False), Seen((second,), True), Seen((first, third), False), Seen((thing(""), fourth), False)]
    alike = frozenset({frozenset((asked[4].noun, "its like"))})
    eye = KnownEye(dict(zip(pictures, [*seen, Seen((thing("its like"), fifth), False)], strict=False)), same=alike)
    assert right(arm, asked, bundle, tmp_path, eye) == [True, False, False, True, True, False]


def thing(word: str) -> Found:
    return Found(word, 0.9, "", "3d render", np.ones((16, 16), bool))


def compared(arm: Arm, rows: int, wrong: int, count: int = 1000) -> Result:
    """Of which so many pictures are wrong, where the baseline has none wrong."""
    return result(arm, rows, [False] * wrong + [True] * (count - wrong), [True] * count)


def test_who_is_always_right_differs_by_nothing() -> None:
    same = compared(QUICK, 20, 0)
    assert same.compared.difference == 0
    assert same.compared.not_worse
    assert bounds({"ours": same}, 1000)[0].ok


def test_a_planted_worse_way_is_found_short() -> None:
    verdict, pairs = bounds({"ours": compared(QUICK, 20, 40)}, 1000)
    assert (verdict.name, verdict.ok, pairs.ok) == ("ours_no_worse", False, True)
    assert not bounds({"ours": compared(QUICK, 20, 0, 500)}, 500)[1].ok


def test_the_cheapest_that_is_hardly_below_is_chosen() -> None:
    cheap, fair, dear = compared(QUICK, 10, 6), compared(QUICK, 16, 5), compared(QUICK, 20, 0)
    assert chosen([dear, cheap, fair]) is fair
    assert chosen([cheap, compared(QUICK, 8, 30)]) is cheap  # none is good enough: the best of them


def test_the_figure_says_what_was_drawn_and_can_be_plotted(tmp_path: Path) -> None:
    found = [described(compared(arm, 20, 10)) for arm in (equal.BASELINE, *equal.OURS[2:7], *equal.THEIRS)]
    assert found[1]["wish"] == {
        "negative": "", "steps": 6, "sampler": "dpmpp_2m", "ladder": "trailing", "guide_above": 0.0,
        "guide_below": float(LOUDEST),
    }  # fmt: skip
    assert (found[0]["right"], found[0]["of"], found[0]["difference"]) == (990, 1000, -0.01)
    source = tmp_path / "equal.json"
    source.write_text(json.dumps({"details": {part: {"results": found} for part in ("selection", "test")}}))
    equality(source, tmp_path / "equal.png")
    with Image.open(tmp_path / "equal.png") as plot:
        assert np.asarray(plot).std() > 0
