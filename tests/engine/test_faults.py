"""Whatever one job does, it does to itself: the others' numbers stay the same to the last bit."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from limner.engine import Engine
from limner.errors import LimnerError
from limner.process.noise import draw
from limner.sampler import Query, Sampling, euler, steer
from limner.sampler.sampling import Asking, Control
from limner.score.guidance import Guidance, classifier_free
from limner.taps import Editor, Look, Routed, Site, Tap, Watcher
from limner.types import Context, Latent, Probs, Sigma

SIGMAS = [8.0, 4.0, 2.0, 1.0, 0.0]
SITE = Site("mid.cross", "cross", 2, 2)
POISON = 99.0


@dataclass
class Toy:
    """A denoiser with one place to tap; it may have no room for many rows, and one prompt poisons its row."""

    room: int = 64
    passes: int = 0

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("no room")
        self.passes += 1
        words = context.states.mean((1, 2))[:, None, None, None]
        probs = torch.full((len(x), 1, 4, 3), 1 / 3)
        for rows, wanting in taps.at(SITE) if taps else ():
            for tap in wanting:
                if isinstance(tap, Editor):
                    probs[rows] = tap.edit(SITE, probs[rows])
                elif isinstance(tap, Watcher):
                    tap.watch(SITE, probs[rows])
                else:
                    q, k, n = torch.zeros(1, 1, 4, 2), torch.zeros(1, 1, 3, 2), torch.zeros(1, 4, 2)
                    tap.witness(SITE, Look(q, k, k, probs[rows], q, n, n))
        out = x / (1 + sigma[:, None, None, None] ** 2) + words + probs.sum((1, 2, 3))[:, None, None, None]
        return torch.where(words == POISON, torch.nan, out)


def words(value: float) -> Guidance:
    return classifier_free(Context(torch.full((1, 3, 2), value)), Context(torch.zeros(1, 3, 2)), 2.0)


def sampling(seed: int, *controls: Control) -> Sampling:
    out = euler(SIGMAS[0] * draw(seed, "x", 0, (1, 2, 2, 2)), SIGMAS)
    for control in controls:
        out = steer(out, control)
    return out


def alone(seed: int) -> Tensor:
    engine = Engine(Toy(), (8,))
    engine.add("", sampling(seed), words(0.5))
    return played(engine).finished[""]


def played(engine: Engine) -> Engine:
    with torch.no_grad():
        while engine.busy:
            engine.tick()
    return engine


class Broken:
    """Everything a tap can do wrong, at its second step."""

    def __init__(self, where: str) -> None:
        self.where, self.times = where, 0

    def maybe(self, where: str) -> None:
        self.times += where == self.where
        if where == self.where and self.times == 2:
            raise KeyError("planted")

    def wants(self, site: Site) -> bool:
        self.maybe("wants")
        return True


class BrokenWatcher(Broken):
    def watch(self, site: Site, probs: Probs) -> None:
        self.maybe("watch")


class BrokenWitness(Broken):
    def witness(self, site: Site, look: Look) -> None:
        self.maybe("witness")


class BrokenEditor(Broken):
    def edit(self, site: Site, probs: Probs) -> Probs:
        self.maybe("edit")
        return probs[:, :, :1] if self.where == "shape" else probs


def tapping(tap: Tap) -> Control:
    def control(query: Query) -> Asking:
        return (yield replace(query, taps=(*query.taps, tap)))

    return control


def bug(query: Query) -> Asking:
    yield query
    raise ZeroDivisionError("planted")


def bad_objective(query: Query) -> Asking:
    def objective() -> Tensor:
        raise ValueError("planted")

    yield replace(query, objective=objective)
    raise AssertionError("it should not have been answered")


@pytest.mark.tiny
@pytest.mark.parametrize(
    ("control", "reason"),
    [
        (lambda: tapping(BrokenWatcher("wants")), "KeyError"),
        (lambda: tapping(BrokenWatcher("watch")), "KeyError"),
        (lambda: tapping(BrokenWitness("wants")), "KeyError"),
        (lambda: tapping(BrokenWitness("witness")), "KeyError"),
        (lambda: tapping(BrokenEditor("wants")), "KeyError"),
        (lambda: tapping(BrokenEditor("edit")), "KeyError"),
        (lambda: tapping(BrokenEditor("shape")), "ValueError: edited probabilities of shape"),
        (lambda: bug, "ZeroDivisionError: planted"),
        (lambda: bad_objective, "ValueError: planted"),
    ],
)
def test_a_controls_bug_ends_its_own_job(control: Callable[[], Control], reason: str) -> None:
    engine = Engine(Toy(), (8,))
    engine.add("before", sampling(1), words(0.5))
    engine.add("broken", sampling(2, control()), words(0.5))
    engine.add("after", sampling(3), words(0.5))
    played(engine)
    assert engine.failed.keys() == {"broken"}
    assert str(engine.failed["broken"]).startswith(reason)
    assert torch.equal(engine.finished["before"], alone(1))
    assert torch.equal(engine.finished["after"], alone(3))


@pytest.mark.tiny
def test_an_answer_that_is_no_number_ends_its_own_job() -> None:
    engine = Engine(Toy(), (8,))
    engine.add("poisoned", sampling(1), words(POISON))
    engine.add("sound", sampling(2), words(0.5))
    played(engine)
    assert str(engine.failed["poisoned"]) == "ArithmeticError: the network's answer is not finite"
    assert torch.equal(engine.finished["sound"], alone(2))


@pytest.mark.tiny
def test_without_room_passes_become_smaller_and_it_is_noted() -> None:
    toy = Toy(room=2)
    engine = Engine(toy, (2, 4, 8))
    for seed in range(4):
        engine.add(str(seed), sampling(seed), words(0.5))
    played(engine)
    assert not engine.failed
    assert list(engine.buckets.values()) == [(2,)]
    assert engine.notes == [
        "out of memory with 8 rows; now at most 4 at once",
        "out of memory with 4 rows; now at most 2 at once",
    ]
    assert all(torch.equal(engine.finished[str(seed)], alone(seed)) for seed in range(4))


@pytest.mark.tiny
def test_the_note_counts_the_rows_that_had_no_room_filling_included() -> None:
    engine = Engine(Toy(room=4), (2, 8))
    for seed in range(3):
        engine.add(str(seed), sampling(seed), words(0.5))
    assert played(engine).notes == ["out of memory with 8 rows; now at most 2 at once"]
    assert len(engine.finished) == 3


@pytest.mark.tiny
def test_a_job_with_no_room_for_its_rows_is_asked_row_by_row_and_says_so() -> None:
    truth, engine = alone(1), Engine(Toy(room=1))
    engine.add("small", sampling(1), words(0.5))
    played(engine)
    torch.testing.assert_close(engine.finished["small"], truth)
    assert engine.said == {"small": ["out of memory with 2 rows: the network was asked row by row"]}


@pytest.mark.tiny
def test_a_decoder_without_room_ends_its_own_job_and_says_what_to_do() -> None:
    def decoder(x0: Latent) -> Generator[str | None, None, Tensor]:
        yield "half way"
        raise torch.OutOfMemoryError("no room")

    engine = Engine(Toy())
    engine.add("large", sampling(1), words(0.5), finish=decoder)
    engine.add("small", sampling(1), words(0.5))
    played(engine)
    assert "in float16" in str(engine.failed["large"])
    assert engine.said == {"large": ["half way"]}
    torch.testing.assert_close(engine.finished["small"], alone(1))


@pytest.mark.tiny
def test_one_job_too_large_for_the_device_fails_and_the_others_go_on() -> None:
    engine = Engine(Toy(room=2), (2,))
    engine.add("large", sampling(1), words(0.5), denoiser=Toy(room=0))
    engine.add("small", sampling(2), words(0.5))
    played(engine)
    assert str(engine.failed["large"]).startswith("OutOfMemoryError: no room; draw it smaller")
    assert torch.equal(engine.finished["small"], alone(2))


def stumbling() -> Sampling:
    raise ValueError("planted")
    yield


@pytest.mark.tiny
def test_what_cannot_begin_is_not_admitted_and_names_are_their_bearers() -> None:
    engine = Engine(Toy())
    with pytest.raises(LimnerError, match="ValueError: planted"):
        engine.add("", stumbling(), words(0.5))
    engine.add("", sampling(1), words(0.5))
    with pytest.raises(LimnerError, match="give it another name"):
        engine.add("", sampling(1), words(0.5))
    assert torch.equal(played(engine).finished[""], alone(1))


def slow(latent: Latent) -> Generator[None, None, Tensor]:
    for _ in range(3):
        yield
    return latent + 1


def falling(latent: Latent) -> Generator[None, None, Tensor]:
    yield
    raise ValueError("planted")


@pytest.mark.tiny
def test_a_picture_is_finished_in_pieces_while_others_go_on() -> None:
    toy = Toy()
    engine = Engine(toy, order=lambda job, clock: 0.0)
    engine.add("first", sampling(1), words(0.5), finish=slow)
    engine.add("falls", sampling(2), words(0.5), finish=falling)
    engine.add("third", sampling(3), words(0.5), finish=slow)
    seen = list[int]()
    with torch.no_grad():
        while engine.busy:
            engine.tick()
            if "first" in engine.finished:
                seen.append(toy.passes)
    assert seen[0] == 4 + 4  # its own four passes, and one of another's beside each of its four pieces
    assert torch.equal(engine.finished["first"], alone(1) + 1)
    assert str(engine.failed["falls"]) == "ValueError: planted"
    assert torch.equal(engine.finished["third"], alone(3) + 1)


@pytest.mark.tiny
def test_a_picture_can_be_cancelled_while_it_is_finished() -> None:
    engine = Engine(Toy())
    engine.add("", sampling(1), words(0.5), finish=slow)
    while not engine.finishing:
        engine.tick()
    engine.cancel("")
    assert not engine.busy
    assert not engine.finished
