"""A drawing that was moved, scaled and put on other ground is found again; another is not taken for it."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from limner.evaluation.copies import Calibration, Known, by_ground, calibrated, counted, divided, shown
from limner.evaluation.cutout import SIDE, cutouts, likeness, outstanding, standing
from limner.evaluation.nearest import COPY, Index, Match, build, credit, credited, learnt
from limner.pictures.sets import Corpus
from limner.pictures.shapes import draw_shape
from limner.types import Image, Latent

PIXELS = 128
Picture = NDArray[np.uint8]


class Glass:
    """An autoencoder through which everything comes as it is."""

    def encode(self, image: Image) -> Latent:
        return image

    def decode(self, x0: Latent) -> Image:
        return x0


def laid(ground: Picture, *drawings: tuple[Picture, int, int]) -> Picture:
    """Drawings over a ground, each at (top, left)."""
    canvas = ground.copy()
    for drawing, top, left in drawings:
        window = canvas[top : top + len(drawing), left : left + len(drawing)]
        alpha = drawing[..., 3:] / 255
        window[:] = np.round(drawing[..., :3] * alpha + window * (1 - alpha))
    return canvas


def plain(*colour: int) -> Picture:
    return np.full((PIXELS, PIXELS, 3), colour, np.uint8)


def sky() -> Picture:
    """A ground that differs from row to row."""
    return np.repeat(np.linspace((90, 150, 250), (60, 160, 60), PIXELS).astype(np.uint8)[:, None], PIXELS, axis=1)


@pytest.fixture(scope="module")
def index(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("nearest")
    assert list(build(corpus, folder))[-1] == len(corpus)
    return Index(corpus, folder, range(len(corpus)))


STAR = draw_shape("star", (220, 30, 30), 60)
ARROW = draw_shape("arrow", (30, 90, 220), 60)


@pytest.mark.parametrize("ground", [plain(255, 255, 255), plain(20, 20, 20), plain(250, 215, 20), sky()])
def test_what_stands_out_is_the_drawing_whatever_it_stands_on(ground: Picture) -> None:
    (cut,) = cutouts(laid(ground, (STAR, 50, 7)))
    assert cut.shape == (SIDE, SIDE, 3)
    assert likeness(cut, standing(STAR)) > 0.9
    assert likeness(cut, standing(ARROW)) < 0.5


def test_each_of_two_things_is_looked_at() -> None:
    found = cutouts(laid(plain(255, 255, 255), (STAR, 4, 2), (ARROW, 60, 66)))
    assert len(found) == 3
    assert max(likeness(cut, standing(STAR)) for cut in found) > 0.9
    assert max(likeness(cut, standing(ARROW)) for cut in found) > 0.9


def test_of_an_empty_picture_and_of_a_hair_nothing_stands_out() -> None:
    hair = plain(255, 255, 255)
    hair[:, 60] = 0
    assert cutouts(plain(9, 9, 9)) == cutouts(hair) == []
    assert not outstanding(hair).any()


def test_another_colour_is_another_drawing() -> None:
    green = draw_shape("star", (40, 160, 60), 60)
    same, other = (likeness(standing(STAR), standing(each)) for each in (STAR, green))
    assert same > 0.999
    assert other < COPY


def test_a_drawing_of_the_corpus_is_found_and_its_artist_named(corpus: Corpus, index: Index) -> None:
    drawing = corpus.image(3, 90)
    nearest = index.nearest(laid(sky(), (drawing, 30, 20)))[0]
    assert (nearest.place, nearest.copy) == (3, True)
    record = corpus.records[3]
    (line,) = credited(corpus, [nearest, nearest])
    assert line == credit(record)
    for told in (record.author, record.licence, record.source, record.label):
        assert told in line
    assert credited(corpus, [Match(3, COPY - 0.01)]) == []


def test_what_is_passed_over_is_not_found(corpus: Corpus, index: Index) -> None:
    picture = laid(plain(255, 255, 255), (corpus.image(3, 100), 10, 10))
    assert index.nearest(picture)[0].place == 3
    assert 3 not in [match.place for match in index.nearest(picture, {3})]
    assert index.nearest(picture, range(len(corpus))) == []


def test_what_was_written_is_not_written_again(corpus: Corpus, tmp_path: Path) -> None:
    list(build(corpus, tmp_path))
    first, *others = sorted(tmp_path.iterdir())
    first.unlink()
    before = {file: file.stat().st_mtime_ns for file in others}
    list(build(corpus, tmp_path))
    assert first.exists()
    assert {file: file.stat().st_mtime_ns for file in others} == before
    assert not list(tmp_path.glob(".*"))


def test_held_out_drawings_are_no_training_pictures(corpus: Corpus) -> None:
    from limner.pictures.scenes import kept_apart

    places = learnt(corpus, ["round style"])
    assert places
    assert {corpus.records[place].set for place in places} == {"round"}
    assert not any(kept_apart(corpus.records[place]) for place in places)
    assert divided(corpus, ["round style"]) == (("round",), ("square",))


def test_the_threshold_is_calibrated_on_drawings_that_are_known(corpus: Corpus, index: Index) -> None:
    known = list(shown(corpus, ["round", "square"], Glass(), PIXELS, 6, 0))
    assert [each.place for each in known] == [
        each.place for each in shown(corpus, ["round", "square"], Glass(), PIXELS, 6, 0)
    ]
    told = list[int]()
    found = calibrated(index, known, told.append)
    assert told[-1] == 6
    assert all(again >= others for again, others in zip(found.again, found.others, strict=True))
    assert found.area > 0.9
    strange = [Known(laid(plain(255, 255, 255), (STAR, 30, 30)), each.place, each.ground) for each in known]
    planted = calibrated(index, strange, told.append)  # a picture that does not show the drawing it is said to show
    assert max(planted.again) < COPY


def test_a_threshold_lets_the_stated_share_pass() -> None:
    others = tuple(k / 1000 for k in range(1000))
    found = Calibration((0.95, 0.5), others, ("white", "grass"))
    false = sum(value >= found.threshold for value in others) / 1000
    assert 0.005 <= false <= 0.015
    assert counted([0.2, 0.9, 0.99, 1.0], 0.95) == {"copies": 2, "of": 4, "interval": [0.15, 0.85]}  # Wilson's, by hand
    assert by_ground(found)["white"] == {"copies": 0, "of": 1, "interval": [0.0, 0.7935]}
    curve = found.curve()
    assert curve[0][1:] == (1.0, 1.0)
    assert curve[-1][0] == 0.999
