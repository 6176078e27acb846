"""The oracle finds things, names them or refuses to, keeps what it knows, and says nothing of people in photographs."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image

from limner.bundle import Bundle
from limner.cli import main, oracle
from limner.errors import LimnerError
from limner.evaluation import exercises, reader, segmenter
from limner.evaluation.exercises import SIDE, Exercises, Vocabulary, chunk, numbered, vocabulary
from limner.evaluation.oracle import Oracle, Presented, Thing, made, opened, write
from limner.evaluation.reader import CUT, Reader, batch, boxes, cut, foreseen
from limner.evaluation.segmenter import FOLD, Segmenter, parted, summits, targets
from limner.pictures.scenes import compose
from limner.pictures.sets import Corpus
from limner.process.noise import draw
from limner.training.loop import Plan, Run
from limner.training.weights import initialise

KNOWN = Vocabulary(("circle", "person", "square"), ("shape", "silhouette"))


def boxed(*places: tuple[int, int, int, int]) -> torch.Tensor:
    """A picture's numbers of things: rectangles by top, left, bottom, right."""
    where = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    for k, (top, left, bottom, right) in enumerate(places, 1):
        where[top:bottom, left:right] = k
    return where


def planted(seed: int, count: int = 48) -> Exercises:
    """Red squares and blue discs, one or two in a picture, on light grounds; noise is what is spoilt."""
    chance, rows = np.random.default_rng(seed), []
    pictures = np.full((count, 3, SIDE, SIDE), 230, np.uint8)
    where = torch.zeros(count, SIDE, SIDE, dtype=torch.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    for n in range(count):
        for k in range(1, 2 + n % 2):
            row, column, size = chance.integers(36, 92), 32 + 64 * (k - 1) if n % 2 else 64, chance.integers(18, 28)
            round_ = chance.random() < 0.5
            reach = np.hypot(y - row, x - column) if round_ else np.maximum(abs(y - row), abs(x - column))
            mask = reach < size
            pictures[n][:, mask] = np.array([(220, 30, 30), (30, 90, 220)][round_], np.uint8)[:, None]
            where[n][torch.from_numpy(mask)] = k
            rows.append((n, k, 0 if round_ else 2, 0, 4 if round_ else 0, -1, -1))
    given = torch.from_numpy(pictures)
    noise = torch.from_numpy(chance.integers(0, 256, (16, 3, SIDE, SIDE), np.uint8))
    return Exercises(given, given, where, torch.tensor(rows), noise, where[:16])


@pytest.fixture(scope="module")
def small() -> Oracle:
    """An oracle of two shapes, schooled for a few seconds."""
    given = planted(0)
    nets = Segmenter((16, 24, 32)), Reader(KNOWN, (16, 16, 24, 32))
    lessons = (
        lambda net, number: segmenter.lesson(net, segmenter.batch(given, 0, number, 8)),
        lambda net, number: reader.lesson(net, reader.batch(given, KNOWN, 0, number, 32)),
    )
    for net, name, lesson, steps in zip(nets, ("segmenter", "reader"), lessons, (60, 60), strict=True):
        initialise(net, name, 0)
        for _ in Run(net, Plan(steps=steps, rate=4e-3, warmup=5, fall=0.5, hidden=6e-3)).train(lesson):
            pass
        net.eval().requires_grad_(False)
    return made(*nets, KNOWN, [], 0.5)


def test_it_finds_and_names_and_describes_what_it_never_saw(small: Oracle) -> None:
    given = planted(1, 24)
    found = small.see(list(given.pictures.movedim(1, -1).numpy()))
    true = {n: [row for row in given.things.tolist() if row[0] == n] for n in range(24)}
    counted = [len(each.things) == len(true[n]) for n, each in enumerate(found)]
    assert np.mean(counted) > 0.9
    named = [
        (thing.word, thing.colour) == (KNOWN.words[row[2]], KNOWN.colours[row[4]])
        for n, each in enumerate(found)
        for thing in each.things
        for row in true[n]
        if thing.mask[(given.where[n] == row[1]).numpy()].mean() > 0.5
    ]
    assert len(named) > 30
    assert np.mean(named) > 0.9


def test_noise_gets_no_word(small: Oracle) -> None:
    seen = small.see(list(planted(2).spoilt.movedim(1, -1).numpy()))
    assert all(not thing.word for each in seen for thing in each.things)


def test_masks_are_as_large_as_the_picture(small: Oracle) -> None:
    picture = np.full((200, 300, 3), 230, np.uint8)
    picture[60:140, 100:200] = (220, 30, 30)
    (seen,) = small.see([picture])
    assert seen.things[0].mask.shape == (200, 300)
    top, left, bottom, right = seen.things[0].box
    assert abs(top - 60) < 12
    assert abs(right - 200) < 16
    assert bottom > top
    assert right > left


def test_perfect_answers_part_the_true_things(corpus: Corpus) -> None:
    mix = replace(exercises.MIX, sets=())
    for seed in range(12):
        scene = compose(corpus, Random(seed), SIDE, mix)
        where = numbered(scene)
        wanted = targets(where[None])
        slope = 1e-4 * torch.arange(wanted.middle[0].numel()).view_as(wanted.middle[0]) / wanted.middle[0].numel()
        parts = parted(where > 0, summits(wanted.middle + slope)[0], wanted.offset[0])  # of equals the last is highest
        true = [mask for mask in scene.masks if mask.sum() > 0.01 * mask.size]
        assert len(parts) >= len(true)
        for mask in true:
            overlap = max((part.numpy() & mask).sum() / (part.numpy() | mask).sum() for part in parts)
            assert overlap > 0.9


def test_every_place_points_to_the_middle_of_its_own_thing() -> None:
    wanted = targets(boxed((0, 0, 40, 40), (64, 64, 128, 96))[None])
    assert wanted.offset[0, :, 0, 0].tolist() == pytest.approx([4.5, 4.5])
    assert wanted.offset[0, :, 64 // FOLD, 64 // FOLD].tolist() == pytest.approx([7.5, 3.5])
    assert not wanted.inside[0, 15, 15]


def test_a_thing_is_cut_out_alone_and_in_the_middle() -> None:
    where = boxed((10, 20, 30, 60), (80, 80, 120, 120))
    x = torch.zeros(1, 3, SIDE, SIDE)
    x[0, 0, 10:30, 20:60] = 1.0
    assert boxes((where == 1)[None]).tolist() == [[10, 20, 30, 60]]
    (seen,) = cut(x, (where == 1)[None])
    assert seen.shape == (4, CUT, CUT)
    assert seen[3, CUT // 2, CUT // 2] == 1
    assert seen[0, CUT // 2, CUT // 2] == 1
    assert seen[:3, 2, 2].tolist() == [0.5] * 3
    assert float(seen[3].sum(0).gt(0.5).sum()) == pytest.approx(CUT / 1.2, abs=2)


def test_a_step_is_a_function_of_its_number() -> None:
    given = planted(0)
    one, again, other = (batch(given, KNOWN, 0, number, 32) for number in (3, 3, 4))
    torch.testing.assert_close(one.x, again.x, rtol=0, atol=0)
    assert not torch.equal(one.x, other.x)
    assert (one.told[:, 0] == len(KNOWN.words)).sum() == 7  # the broken ones


def test_exercises_tell_people_apart_and_no_colour_they_do_not_know(corpus: Corpus, bundle: Bundle) -> None:
    known = vocabulary(corpus, replace(exercises.MIX, sets=()))
    given = chunk(corpus, bundle, known, "test", 0, 0, 0.0, replace(exercises.MIX, sets=()))
    assert given.pictures.shape == given.decoded.shape
    for scene, k, word, style, colour, gender, skin in given.things.tolist():
        assert (given.where[scene] == k).any()
        assert 0 <= word < len(known.words)
        assert 0 <= style < len(known.styles)
        assert -1 <= colour < len(known.colours)
        assert (gender == -1) == (skin == -1)


def test_exercises_are_kept_by_what_their_numbers_mean(corpus: Corpus, tmp_path: Path) -> None:
    """Fewer sets, fewer words: a noun's number is another.  So they are of other drawings, scenes and autoencoders."""
    mix, narrow = replace(exercises.MIX, sets=()), replace(exercises.MIX, sets=(), kinds=("fruit",))
    known, fewer = vocabulary(corpus, mix), vocabulary(corpus, narrow)
    assert [word for word in fewer.words if fewer.words.index(word) != known.words.index(word)]
    again, other = Corpus(corpus.folder), Corpus(corpus.folder)
    other.manifest = replace(other.manifest, shards=other.manifest.shards[1:])
    assert exercises.kept(tmp_path, corpus, known, "model", mix) == exercises.kept(tmp_path, again, known, "model", mix)
    ways = [(corpus, known, "model", mix), (other, known, "model", mix), (corpus, fewer, "model", mix)]
    ways += [(corpus, known, "other model", mix), (corpus, known, "model", narrow)]
    assert len({exercises.kept(tmp_path, *each) for each in ways}) == len(ways)


def test_it_is_kept_whole(small: Oracle, tmp_path: Path) -> None:
    full = made(Segmenter(), Reader(KNOWN), KNOWN, [("circle", "square")], 0.25)
    for net in (full.segmenter, full.reader):
        net.half().float()
    write(full, tmp_path / "o.safetensors")
    again = opened(tmp_path / "o.safetensors")
    assert (again.known, again.groups, again.threshold) == (KNOWN, (("circle", "square"),), 0.25)
    assert again.identity != ""
    assert again.alike("circle", "square")
    assert not again.alike("circle", "person")
    pictures = list(planted(0, 2).pictures.movedim(1, -1).numpy())
    torch.testing.assert_close(again.features(pictures), full.features(pictures), rtol=1e-4, atol=1e-4)


def test_what_is_no_oracle_is_named(tmp_path: Path) -> None:
    file = tmp_path / "o.safetensors"
    with pytest.raises(LimnerError, match="is no oracle"):
        opened(file)
    file.write_bytes(b"not at all")
    with pytest.raises(LimnerError, match="train one: limner measure oracle"):
        opened(file)


def test_of_people_in_other_pictures_nothing_is_said(small: Oracle, tmp_path: Path) -> None:
    Image.new("RGB", (SIDE, SIDE), (200, 150, 120)).save(tmp_path / "someone.png")
    with pytest.raises(LimnerError, match="was not drawn by limner"):
        small.presented([tmp_path / "someone.png"])


def test_only_people_are_described_as_people(small: Oracle) -> None:
    def thing(word: int) -> Thing:
        words = np.eye(4)[word]
        return Thing(np.ones((8, 8), bool), words, 0, 0, np.array([0.7, 0.2, 0.1]), np.eye(6)[5])

    assert small.figures([thing(0), thing(2)]) == ()
    assert small.figures([thing(1)]) == (Presented("woman", "dark", 0.7),)


def test_what_is_asked_for_more_often_is_believed_sooner() -> None:
    net = Reader(KNOWN, (16, 16, 24, 32)).requires_grad_(False)
    x = draw(0, "cut", 0, (3, 4, 64, 64))
    before = net(x).word.softmax(1)
    after = foreseen(net, KNOWN, ["circle", "no such word"], 4.0)(x).word.softmax(1)
    odds = [(each[:, k] / (1 - each[:, k])) for each in (before, after) for k in [KNOWN.words.index("circle")]]
    torch.testing.assert_close(odds[1], 4 * odds[0])


def test_who_learns_on_forgets_first_what_an_oracle_was_told(tmp_path: Path) -> None:
    """An oracle's reader is told what is asked for more often when its training is over, and only once."""
    plain = Reader(KNOWN)
    initialise(plain, "reader", 0)
    before = plain.out.bias.detach().clone()
    run = reader.study(KNOWN, tmp_path / "reader.safetensors", warm=foreseen(plain, KNOWN))
    again = run.net
    assert isinstance(again, Reader)
    assert not torch.equal(plain.out.bias, before)
    torch.testing.assert_close(again.out.bias.detach(), before)


def test_whoever_ships_is_examined_on_its_own_words_only(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "oracle", "--examine", "shipped", "--corpus", str(corpus.folder)]) == 2
    assert "the oracle shipped answers with other words than this corpus has" in capsys.readouterr().err


def test_what_is_only_examined_learns_nothing(tmp_path: Path) -> None:
    """However far it is from the end of its plan; LimnerError where there is nothing to examine."""

    def exercises() -> Exercises:
        raise AssertionError("nothing is to be learnt from")

    args = Namespace(examine=True, device="cpu", rows=1, steps=None, workers=0)
    with pytest.raises(LimnerError, match=r"no oracle was trained in .*; leave out --examine"):
        oracle.taught(exercises, KNOWN, tmp_path, args, None)
    for run in (
        segmenter.study(tmp_path / "segmenter.safetensors"),
        reader.study(KNOWN, tmp_path / "reader.safetensors"),
    ):
        run.number = 5
        run.save()
    assert oracle.taught(exercises, KNOWN, tmp_path, args, None) == {"segmenter": 5, "reader": 5}
