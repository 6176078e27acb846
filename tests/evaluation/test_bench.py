"""What `limner bench` is made of: turns, clocks that the test owns, and pictures that must be the same."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from limner.bundle import Bundle
from limner.cli import main
from limner.cli.bench import earlier
from limner.engine import run
from limner.engine.backends import eager
from limner.engine.run import pixels
from limner.errors import LimnerError
from limner.evaluation import contest, load
from limner.evaluation.contest import Contestant, ratio, spread
from limner.evaluation.figures import Figure, Value, record
from limner.evaluation.large import SD15, SDXL, Size, passes, shrunk
from limner.evaluation.many import Bare, batches, rates
from limner.evaluation.plots import plots
from limner.network.unet import UNet
from limner.taps import Routed
from limner.types import Context, Latent, Sigma

FAKE = """
import json, sys, time
print("a library says hello")
print(json.dumps({"ready": sys.argv[1]}), flush=True)
if sys.argv[1] == "broken":
    sys.stdin.readline()
    raise SystemExit("no such library")
for number, line in enumerate(sys.stdin):
    asked = json.loads(line)
    print(json.dumps({"seconds": asked["steps"] * (2 if sys.argv[1] == "slow" else 1) + asked["seed"]}), flush=True)
"""


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "peer.py"
    file.write_text(FAKE)
    monkeypatch.setattr(contest, "PEER", file)


@pytest.mark.usefixtures("peer")
def test_contestants_draw_by_turns_the_same_seeds() -> None:
    seconds = contest.contest([Contestant("fast"), Contestant("slow")], "model", 3, 20)
    assert seconds == {"fast": [20, 21, 22], "slow": [40, 41, 42]}
    assert ratio(seconds["slow"], seconds["fast"]) == round(41 / 21, 2)
    assert spread(seconds)["slow"] == {"median": 41, "least": 40, "most": 42}


@pytest.mark.usefixtures("peer")
def test_a_contestant_may_have_a_way_of_its_own() -> None:
    few = Contestant("fast", way={"steps": 5}, label="few")
    assert contest.contest([Contestant("fast"), few], "model", 2, 50) == {"fast": [50, 51], "few": [5, 6]}


@pytest.mark.usefixtures("peer")
def test_who_cannot_take_part_says_why() -> None:
    with pytest.raises(LimnerError, match="broken cannot take part: no such library"):
        contest.contest([Contestant("fast"), Contestant("broken")], "model", 3, 20)


class Clock:
    """Time that only a pass of the network, or sleep, moves."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.now = bundle, 0.0
        self.backend = replace(eager(bundle), denoiser=self)

    def __call__(self, x: Latent, sigma: Sigma, context: Context, taps: Routed | None = None) -> Latent:
        self.now += 1.0
        return self.bundle.denoiser(x, sigma, context, taps)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of a quarter of the steps: who waits for whom is the same."""
    monkeypatch.setattr(load, "LENGTHS", (1, 2, 5, 8, 13))


@pytest.fixture
def clock(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock(bundle)
    monkeypatch.setattr(load.time, "perf_counter", lambda: made.now)
    monkeypatch.setattr(load.time, "sleep", made.sleep)
    return made


def test_a_draft_behind_long_jobs(clock: Clock) -> None:
    first, short = (load.behind(clock.bundle, clock.backend, rule) for rule in load.RULES.values())
    assert first["draft"] > 200
    assert short["draft"] < 12  # its own four passes, and one of a longer job beside each piece of its decoding
    assert short["last long"] <= first["last long"] + 5


def test_arrivals_come_at_the_load_that_was_asked_for(bundle: Bundle) -> None:
    alone = {steps: float(steps) for steps in load.LENGTHS}
    coming = load.poisson(bundle, 4000, alone, 0.9)
    work = sum(alone[job.recipe.steps] for job in coming)
    assert work / coming[-1].at == pytest.approx(0.9, rel=0.06)
    assert {job.recipe.steps for job in coming} == set(load.LENGTHS)


def test_a_mixed_load_is_served_sooner_shortest_first(clock: Clock, shorter: None) -> None:
    alone = load.lone(clock.bundle, clock.backend, 1)
    assert alone == {steps: float(steps) for steps in load.LENGTHS}
    coming = load.poisson(clock.bundle, 30, alone, 0.9)
    found = {}
    for rule, order in load.RULES.items():
        clock.now = 0.0
        found[rule] = load.waits(coming, load.serve(clock.bundle, clock.backend, coming, order), alone)
    assert found["shortest first"]["mean"] < found["first come"]["mean"]
    assert found["first come"]["mean"] >= np.mean([alone[job.recipe.steps] for job in coming])


def test_the_bare_loop_draws_the_same_picture(bundle: Bundle) -> None:
    asked = load.recipe(bundle, 5, 4)
    ((_, picture),) = run([asked], bundle)
    assert (pixels(load.bare(bundle, eager(bundle), asked)) == picture).all()


def test_previews_are_counted(clock: Clock) -> None:
    found = load.previews(clock.bundle, clock.backend, load.recipe(clock.bundle, 0, 10))
    assert found == {"first": 1.0, "all": 0.0, "whole": 10.0}


def test_the_command_records_and_draws(
    folder: Path, shorter: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path))
    parts = ["draft", "load", "company", "preview"]
    words = ["bench", "--model", str(folder), "--device", "cpu", "--backend", "eager", "--rounds", "1", "--jobs", "3"]
    code = main([*words, "--figures", str(tmp_path), "--parts", *parts])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.endswith((" ok", " short"))]
    report = json.loads((tmp_path / "bench.json").read_text())
    assert names == [figure["name"] for figure in report["figures"]]
    assert {"draft_wait_shorter", "load_mean", "same_pixels_in_company", "first_preview"} <= set(names)
    assert code == int(not all(figure["ok"] for figure in report["figures"]))
    same = next(figure for figure in report["figures"] if figure["name"] == "same_pixels_in_company")
    assert same["value"] == 1
    assert (tmp_path / "bench.png").stat().st_size > 1000


def test_parts_measured_before_are_kept_where_all_else_is_equal(tmp_path: Path) -> None:
    file, old = tmp_path / "bench.json", Figure("load_mean", 0.4, 0.7, "at most", "x")
    record(file, [old, Figure("make_seconds", 9, 3, "at most", " s")], "model", {"kernels": "these", "load": 1})
    new, found = [Figure("make_seconds", 2, 3, "at most", " s")], {"kernels": "these", "make": 2}
    assert earlier(file, "model", new, found) == ([old, *new], {"kernels": "these", "load": 1, "make": 2})
    assert earlier(file, "another", new, found) == (new, found)
    assert earlier(file, "model", new, found | {"kernels": "others"}) == (new, found | {"kernels": "others"})
    assert earlier(tmp_path / "none.json", "model", new, found) == (new, found)
    file.write_text("{")
    assert earlier(file, "model", new, found) == (new, found)


def test_plots_draw_what_was_measured(tmp_path: Path) -> None:
    times = {"limner": {"median": 1.0, "least": 0.9, "most": 1.2}, "peak GFLOP/s": 3}
    many = {"limner jobs/s": 8.0, "diffusers jobs/s": 1.0, "jobs": 32, "rows a pass": [16]}
    made = {"seconds": [2.0, 3.0, 2.5], "MB": 400, "pieces": {"import torch": 1.0, "the file": 0.1}}
    details = {
        "make": made,
        "lone": times,
        "large": times,
        "many": many,
        "many-sdxl": many,
        "large-sdxl": times | {"pixels": 1024},
    }
    report = {"machine": {"processor": "one", "cores": 2}, "date": "today", "details": details}
    (tmp_path / "bench.json").write_text(json.dumps(report))
    plots(tmp_path / "bench.json", tmp_path / "bench.png")
    assert (tmp_path / "bench.png").exists()


@pytest.mark.usefixtures("peer")
def test_equal_quality_is_timed_in_the_steps_that_were_judged(
    bundle: Bundle, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", "--model", str(folder), "--device", "cpu", "--backend", "eager", "--figures", str(tmp_path)]
    words += ["--rounds", "3", "--parts", "equal"]
    main(words)
    assert "limner measure equal does" in capsys.readouterr().out
    assert json.loads((tmp_path / "bench.json").read_text())["figures"] == []
    ours = {"steps": 5, "sampler": "dpmpp_2m", "ladder": "trailing", "guide_above": 0.6, "guide_below": 1e4}
    judged: dict[str, Value] = {"ours": ours | {"negative": ""}, "theirs": {"steps": 20}}
    record(tmp_path / "equal.json", [Figure("ours_no_worse", -0.3, -2, "at least")], bundle.identity, judged)
    assert main(words) == 0
    report = json.loads((tmp_path / "bench.json").read_text())
    figures = {figure["name"]: figure["value"] for figure in report["figures"]}  # seconds are steps, and the seed
    assert figures == {"equal_against_ddim_50": 8.5, "equal_against_dpmpp_2m_karras": 3.5}
    assert report["details"]["equal"]["diffusers, DPM++ 2M Karras 20"]["median"] == 21
    assert report["details"]["equal"]["no worse"] == [-0.3]


@pytest.mark.usefixtures("peer")
def test_one_by_one_and_in_batches_of_equal_length(tmp_path: Path) -> None:
    lengths, turns = [3, 2, 2, 3, 2], list[int]()
    assert list(batches(lengths, 2)) == [(2, 2), (2, 1), (3, 2)]
    peers = [Contestant("diffusers"), Contestant("diffusers-compiled")]
    found = rates(lambda: turns.append(1), peers, tmp_path, lengths, 3)
    assert found["diffusers"] == 5 / (3 + 2 + 2 + 3 + 2 + sum(range(5)))
    assert found["diffusers-compiled"] == 5 / (2 + 3 + sum(range(2)))
    assert len(turns) == 4


@pytest.mark.usefixtures("peer")
def test_a_rehearsal_tries_every_size_and_records_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path))
    words = [
        "bench",
        "--model",
        str(folder),
        "--device",
        "cpu",
        "--backend",
        "eager",
        "--figures",
        str(tmp_path / "no"),
    ]
    assert main([*words, "--rehearse", "--parts", "many", "many-sd15", "many-sdxl"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[::2]] == ["many", "many-sd15", "many-sdxl"]
    assert all("'jobs': 4, 'rows a pass': [8]" in line for line in lines[::2])
    assert "'diffusers jobs/s': 0.25, 'diffusers-compiled jobs/s': 0.667" in lines[0]  # 16 and 6 fake seconds
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("size", [SD15, SDXL])
def test_a_random_network_says_what_diffusers_says_with_its_tensors(tmp_path: Path, size: Size) -> None:
    seconds, difference = passes(tmp_path, 2, None, shrunk(size))
    assert {name: len(times) for name, times in seconds.items()} == {"diffusers": 2, "limner-eager": 2}
    assert difference < 1e-5  # float32 may round in another order


def test_networks_have_the_size_that_they_stand_for() -> None:
    """860 and 2,567 million parameters: Rombach et al. 2022; Podell et al. 2023 (arXiv:2307.01952), table 1."""
    for size, millions in ((SD15, 860), (SDXL, 2567)):
        with torch.device("meta"):
            assert sum(weight.numel() for weight in UNet(size.unet).parameters()) // 10**6 in (millions - 1, millions)


def test_a_latent_that_is_not_finite_ends_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = Bare(shrunk(SDXL), torch.device("cpu"), torch.float32, False)
    bare.draw([2, 1], (8,))
    monkeypatch.setattr(bare, "denoiser", lambda x, sigma, context, taps=None: x / 0)
    with pytest.raises(LimnerError, match="not finite"):
        bare.draw([2, 1], (8,))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_gpu_it_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", str(folder), "--gpu"]) == 2
    assert capsys.readouterr().err == (
        "limner: device 'cuda' is not here; try cpu, or run limner doctor to see what is\n"
    )
    assert main(["bench", "--model", str(folder), "--gpu", "--device", "cpu"]) == 2
    assert "say different things" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--rounds", "--jobs", "--many"])
def test_counts_begin_at_one(flag: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--model", str(folder), flag, "0"]) == 2
    assert "counted from 1" in capsys.readouterr().err


def test_the_roof_is_not_zero() -> None:
    assert contest.peak(torch.float32, 0.02) > 0
    assert 0 <= contest.busy_share(0.05) <= 1
