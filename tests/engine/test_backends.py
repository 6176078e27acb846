"""Another backend may be faster, never different: who says something else, or breaks, is not chosen."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from apart import said_by
from plain import plain
from torch import Tensor

from limner.bundle import Bundle, open_bundle
from limner.control.heatmaps import Heatmaps
from limner.engine import backends, run
from limner.engine.backends import EAGER, Backend
from limner.engine.capacity import profile
from limner.engine.graphs import KEPT, Graph
from limner.errors import LimnerError
from limner.metadata import read
from limner.recipe import VERSION, Recipe
from limner.taps import Routed
from limner.types import Context, Latent, Sigma

pytest.importorskip("openvino")
FAST = ["openvino-f32", "openvino-bf16"]


@pytest.fixture(autouse=True)
def here(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(prepared))


@pytest.fixture(scope="module")
def built(prepared: Path, bundle: Bundle) -> dict[str, Backend]:
    """Each once: to compile a graph is most of what these tests take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMNER_HOME", str(prepared))
        return {name: backends.build(bundle, name) for name in FAST}


def recipe(bundle: Bundle) -> Recipe:
    return plain(VERSION, bundle.identity, "a red apple", "", 3, 4, "euler", "trailing", 1, 3.0, 0.0, 1e4, 0, 1, 64, 64)


class Slanted:
    """The eager network, turned by a hundredth of its own answer; with `breaks` it raises instead."""

    def __init__(self, bundle: Bundle, by: float, breaks: bool = False) -> None:
        self.bundle, self.by, self.breaks = bundle, by, breaks

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        if self.breaks:
            raise RuntimeError("no such instruction\nand more")
        out: Tensor = self.bundle.denoiser(x, sigma, context)
        return out * (1 + self.by)


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("size", [(2, 8, 8), (3, 8, 12), (1, 4, 4)])
def test_a_graph_says_what_the_network_says(
    name: str, size: tuple[int, int, int], bundle: Bundle, built: dict[str, Backend]
) -> None:
    """Every row with a noise level of its own, at other sizes than the one it was exported at."""
    rows, height, width = size
    x = torch.linspace(-3, 3, rows * 4 * height * width).reshape(rows, 4, height, width).sin() * 3
    sigma, said = torch.tensor([0.3, 4.0, 900.0])[:rows], bundle.context(["a cat", "", "a red apple"][:rows])
    with torch.no_grad():
        truth, answer = (each(x, sigma, said) for each in (bundle.denoiser, built[name].denoiser))
    off = (truth - answer).square().mean().sqrt() / truth.std()
    assert 0 < off < backends.TOLERANCE[name]
    if name == "openvino-f32":
        assert off < 2e-6 * 100  # f32 rounds otherwise than torch does, nothing more


@pytest.mark.parametrize("name", FAST)
def test_a_second_process_finds_the_graph_and_says_the_same(name: str, bundle: Bundle, folder: Path) -> None:
    ask = backends.question(bundle)
    first, again = (ask(backends.build(each, name)) for each in (bundle, open_bundle(folder)))
    assert torch.equal(first, again)


SILENT = """
import socket, sys

def connect(*_):
    print("CONNECTED")
    raise OSError("no")

socket.socket.connect = connect
socket.create_connection = connect
from limner.bundle import open_bundle
from limner.engine import backends
from limner.engine.graphs import export

bundle = open_bundle(sys.argv[1])
there = backends.folder(bundle)
export(bundle.unet, bundle.context([""]), there / "again.xml", there / "words again.xml")
import openvino.tools.ovc as ovc
print(type(ovc.telemetry).__module__)
"""


def test_nobody_is_told(folder: Path, prepared: Path) -> None:
    """OpenVINO brings telemetry that speaks without being asked; limner imports it without."""
    assert said_by(prepared, "-c", SILENT, str(folder)) == "openvino.tools.ovc.telemetry_stub\n"


def test_a_picture_names_its_backend_and_is_made_again_and_explained(
    folder: Path, prepared: Path, tmp_path: Path
) -> None:
    """Made again by the same backend, bit for bit; explained by the eager one, which is no fault of the picture's."""
    words = ("-m", "limner", "make", "a cat", "--model", str(folder), "--device", "cpu", "--out", str(tmp_path / "a"))
    (first,) = (Path(line) for line in said_by(prepared, *words, "--backend", "openvino-bf16").splitlines())
    assert "Backend: openvino-bf16, Kernels: OpenVINO" in read(first).text
    again = said_by(prepared, "-m", "limner", "make", "--from", str(first), *words[4:]).strip()
    assert Path(again).read_bytes() == first.read_bytes()
    explained = said_by(prepared, "-m", "limner", "explain", str(first), *words[4:])
    assert ", which openvino-bf16 made: " in explained


def test_both_precisions_in_one_process_keep_their_own_code(bundle: Bundle) -> None:
    """OpenVINO 2026.4.1 answered nan in bf16 from code that it had cached for f32 in the same folder."""
    ask = backends.question(bundle)
    for name in (*FAST, *FAST):
        assert bool(ask(backends.build(bundle, name)).isfinite().all())


def test_a_fast_backend_needs_no_weights_in_memory(bundle: Bundle, folder: Path) -> None:
    backends.build(bundle, "openvino-f32")  # exported by now
    opened = open_bundle(folder)
    list(run([recipe(opened)], opened, backend=backends.build(opened, "openvino-f32")))
    network = opened.denoiser.network
    assert all(weight.is_meta for weight in network.net.parameters())  # type: ignore[attr-defined]
    opened.denoiser(torch.zeros(1, 4, 8, 8), torch.ones(1), opened.context([""]))
    assert not any(weight.is_meta for weight in network.net.parameters())  # type: ignore[attr-defined]


def test_who_differs_too_much_is_not_chosen(bundle: Bundle) -> None:
    near, far, nan, broken = (Slanted(bundle, by) for by in (1e-4, 0.1, float("nan"), 0.0))
    broken.breaks = True
    names = ["openvino-f32", "openvino-bf16", "compiled", "openvino-bf16"]
    for each, name, fault in zip(
        (near, far, nan, broken), names, ("", "differs by 0.1", "differs by nan", "RuntimeError: no such instruction"),
        strict=True,
    ):  # fmt: skip
        verdict = backends.canary(bundle, [Backend(name, "", bundle.context, each, bundle.decoding)])
        assert [trial.name for trial in verdict.trials] == [EAGER, name]
        assert verdict.trials[1].fault.startswith(fault)
        assert bool(verdict.trials[1].fault) == bool(fault)
        assert not fault or verdict.chosen == EAGER


def test_the_verdict_is_kept_for_this_machine_alone(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    made = backends.prepare(bundle)
    assert backends.verdict(bundle) == made
    assert backends.choose(bundle).name == made.chosen == min(
        (trial for trial in made.trials if not trial.fault), key=lambda trial: trial.seconds
    ).name  # fmt: skip
    monkeypatch.setattr(backends, "_processor", lambda: "another")
    assert backends.verdict(bundle) is None
    assert backends.choose(bundle).name == EAGER


@pytest.mark.parametrize("damage", ["", "{}", '{"machine": 1, "chosen": "eager", "trials": [1]}', "nonsense"])
def test_a_damaged_verdict_is_none(damage: str, bundle: Bundle) -> None:
    backends.prepare(bundle)
    (file,) = backends.folder(bundle).glob(f"verdict-{backends.machine(bundle)}.json")
    file.write_text(damage)
    assert backends.verdict(bundle) is None
    assert backends.choose(bundle).name == EAGER


def test_a_winner_that_is_gone_is_no_winner(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    made = replace(backends.prepare(bundle), chosen="openvino-f32")
    file = backends.folder(bundle) / f"verdict-{made.machine}.json"
    file.write_text(json.dumps({"machine": made.machine, "chosen": made.chosen, "trials": []}))
    assert backends.choose(bundle).name == "openvino-f32"
    monkeypatch.setattr(backends, "build", lambda *_: (_ for _ in ()).throw(LimnerError("gone", "fetch")))
    assert backends.choose(bundle).name == EAGER


@pytest.mark.parametrize(
    ("name", "line"),
    [("gpu", "backend 'gpu' is not known"), ("compiled", "backend compiled needs a CUDA device")],
)
def test_a_backend_that_is_not_here_says_so(name: str, line: str, bundle: Bundle) -> None:
    with pytest.raises(LimnerError, match=line):
        backends.build(bundle, name)


def test_a_graph_can_be_neither_watched_nor_differentiated(bundle: Bundle, built: dict[str, Backend]) -> None:
    fast = built["openvino-f32"].denoiser
    x, sigma, said = torch.zeros(1, 4, 8, 8), torch.ones(1), bundle.context([""])
    with pytest.raises(ValueError, match="neither be watched"):
        fast(x, sigma, said, Routed([]))
    with pytest.raises(ValueError, match="neither be watched"):
        fast(x.requires_grad_(), sigma, said)


def test_a_job_with_controls_is_eager_from_first_to_last(bundle: Bundle, built: dict[str, Backend]) -> None:
    asked, fast = recipe(bundle), built["openvino-bf16"]
    ((_, plain),) = run([asked], bundle)
    ((_, watched),) = run([asked], bundle, [Heatmaps().control], backend=fast)
    ((_, quick),) = run([asked], bundle, backend=fast)
    assert (plain == watched).all()
    assert (plain != quick).any()


COMPILED = """
import sys, torch
from limner.bundle import open_bundle
from limner.engine import backends

whole = torch.compile
torch.compile = lambda net, mode, **rest: whole(net, backend="aot_eager", **rest)
bundle = open_bundle(sys.argv[1])
network = backends.compiled(bundle)
for rows in (2, 3):
    x, t, said = torch.ones(rows, 4, 8, 8), torch.arange(rows) * 300.0, bundle.context(["a cat"] * rows)
    with torch.no_grad():
        torch.testing.assert_close(network(x, t, said), bundle.unet(x, t, said))
print("the same")
"""


def test_torch_compile_says_what_the_network_says(folder: Path, prepared: Path) -> None:
    """On a CPU and without its kernels: that the network is captured as one graph, for each number of rows."""
    assert said_by(prepared, "-c", COMPILED, str(folder)) == "the same\n"


class Curve:
    """A device on which a pass takes as long as `cost` says; it has room for `most` rows."""

    def __init__(self, cost: dict[int, float], most: int = 99) -> None:
        self.cost, self.most, self.now = cost, most, 0.0

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.now += self.cost[len(x)]
        return x


@pytest.mark.parametrize(
    ("cost", "most", "sizes", "room"),
    [
        ({1: 1, 2: 2, 4: 4, 8: 8, 16: 16, 32: 32}, 99, (), True),
        ({1: 1, 2: 1, 4: 1, 8: 1, 16: 2, 32: 4}, 99, (8,), True),
        ({1: 1, 2: 1, 4: 1, 8: 1, 16: 1, 32: 1, 64: 2}, 99, (32,), True),
        ({1: 1, 2: 1, 4: 1, 8: 1, 16: 1, 32: 1, 64: 1}, 99, (64,), True),
        ({1: 1, 2: 1, 4: 1, 8: 1, 16: 1, 32: 1}, 5, (4,), False),
    ],
)
def test_a_pass_grows_while_growing_pays(
    cost: dict[int, float], most: int, sizes: tuple[int, ...], room: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = Curve(cost, most)
    monkeypatch.setattr("limner.engine.capacity.time.perf_counter", lambda: curve.now)
    found = profile(curve, (4, 8, 8), Context(torch.zeros(1, 3, 5)), torch.device("cpu"))
    assert (found.sizes, found.room) == (sizes, room)
    assert found.gain == (cost[2] / 2) / (cost[max(sizes, default=2)] / max(sizes, default=2))


def test_pictures_of_both_backends_look_alike(bundle: Bundle, built: dict[str, Backend]) -> None:
    asked, fast = recipe(bundle), built["openvino-f32"]
    ((_, plain),), ((_, quick),) = run([asked], bundle), run([asked], bundle, backend=fast)
    assert abs(plain.astype(int) - quick.astype(int)).max() <= 1


@pytest.mark.parametrize("name", FAST)
def test_every_network_of_a_bundle_has_its_graph(name: str, bundle: Bundle, built: dict[str, Backend]) -> None:
    fast, plain = built[name], backends.eager(bundle)
    words = ["a red apple"]
    off = backends.distance(fast.context(words).states, plain.context(words).states)
    assert 0 < off < backends.TOLERANCE[name]
    assert backends.distance(backends.decoded(bundle, fast), backends.decoded(bundle, plain)) > 0
    assert torch.equal(fast.context([*words, "a cat"]).states[:1], fast.context(words).states)


@pytest.mark.parametrize("prompt", ["a red apple " * 8, "a (red:1.6) apple", "a cat BREAK (a boat:0.4)"])
@pytest.mark.parametrize("clip_skip", [1, 2])
def test_an_exported_tower_reads_all_that_can_be_written(
    prompt: str, clip_skip: int, bundle: Bundle, built: dict[str, Backend]
) -> None:
    fast, plain = built["openvino-f32"], backends.eager(bundle)
    said, truth = (backend.context([prompt], None, clip_skip).states for backend in (fast, plain))
    assert said.shape == truth.shape
    assert backends.distance(said, truth) < backends.TOLERANCE["openvino-f32"]
    assert torch.equal(said, truth) == (clip_skip == 2), "another layer is read by the eager tower"


@pytest.mark.parametrize("part", ["context", "decoding"])
def test_who_reads_or_decodes_otherwise_is_not_chosen(part: str, bundle: Bundle) -> None:
    plain = backends.eager(bundle)
    wrong = {
        "context": lambda words: Context(plain.context(words).states * 1.1),
        "decoding": lambda x0: bundle.decoding(1.1 * x0),
    }
    verdict = backends.canary(bundle, [replace(plain, name="openvino-f32", **{part: wrong[part]})])  # type: ignore[arg-type]
    assert verdict.chosen == EAGER
    assert verdict.trials[1].fault.startswith("differs by ")


def test_rows_side_by_side_say_what_they_say_in_a_row(bundle: Bundle, built: dict[str, Backend]) -> None:
    """Two threads take a row each, one thread takes both: rows do not depend on each other either way."""
    graphs = built["openvino-f32"].denoiser.network
    x, said = torch.linspace(-1, 1, 2 * 4 * 64).reshape(2, 4, 8, 8), bundle.context(["a cat", ""])
    told, kept = [x, bundle.codes(torch.tensor([10.0, 700.0]), said)[0]], graphs.heard(said.states)  # type: ignore[attr-defined]
    alone, beside = (Graph(graphs.graph.file, "f32", threads) for threads in (1, 2))  # type: ignore[attr-defined]
    torch.testing.assert_close(alone(told, kept), beside(told, kept))
    assert [key[0] for key in (*alone.ready, *beside.ready)] == [1, 2]
    turned = beside([each.flip(0) for each in told], [each.flip(0) for each in kept])
    assert torch.equal(beside(told, kept)[0][:1], turned[0][1:])


def test_the_words_are_heard_once_a_picture_and_never_in_anothers_place(bundle: Bundle) -> None:
    """What they become is kept while the very same states are told, and told anew when others are."""
    graphs = backends.build(bundle, "openvino-f32").denoiser.network
    heard, words = list[int](), graphs.words  # type: ignore[attr-defined]

    def counted(told: list[Tensor]) -> list[Tensor]:
        heard.append(len(heard))
        return words(told)  # type: ignore[no-any-return]

    graphs = replace(graphs, words=counted)  # type: ignore[type-var]
    x, t = torch.linspace(-1, 1, 4 * 64).reshape(1, 4, 8, 8), torch.tensor([700.0])
    cat, apple = bundle.context(["a cat"]), bundle.context(["a red apple"])
    first, other, again = (graphs(x, t, said) for said in (cat, apple, cat))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(heard) == 2
    copied = Context(cat.states.clone())
    assert torch.equal(graphs(x, t, copied), first)
    assert len(heard) == 3
    for number in range(20):
        graphs(x, t, Context(cat.states + number))
    assert len(graphs.projected) == KEPT
