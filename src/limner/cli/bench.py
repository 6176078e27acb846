"""`limner bench`: how fast, beside others on the same weights and the same machine, and what waiting is like."""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from limner.cli import asked
from limner.cli.measure import FIGURES, conclude
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.bundle import Bundle
    from limner.engine.backends import Backend
    from limner.evaluation.figures import Figure, Value
    from limner.evaluation.speed import Spent

ON_CPU = ("lone", "equal", "large", "draft", "load", "company", "preview", "make")
ON_GPU = ("many", "many-sd15", "many-sdxl", "draft", "load", "company", "preview", "make")
PARTS = (*ON_CPU, "many", "many-sd15", "many-sdxl", "open", "switches")
FIELDS = ("name", "value", "target", "bound", "unit")
STEPS, REHEARSED = (4, 10, 20, 30, 50), (2, 3)  # of the jobs in the parts named many
ROOM = 40e9  # bytes that an exported network of SDXL's size is thought to need


def flags(parser: argparse.ArgumentParser) -> None:
    asked.bundle_flags(parser)
    asked.backend_flag(parser)
    parser.add_argument("--parts", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="by turns; medians count (%(default)s)")
    parser.add_argument("--gpu", action="store_true", help="on a CUDA device, with the parts that are meant for one")
    parser.add_argument("--full", action="store_true", help="the part large with a network of SDXL's size as well")
    parser.add_argument("--many", type=int, default=32, metavar="N", help="jobs at once in many, ... (%(default)s)")
    parser.add_argument(
        "--rehearse", action="store_true", help="tiny networks, few jobs and steps: tries everything, records nothing"
    )
    parser.add_argument("--jobs", type=int, default=100, metavar="N", help="of the mixed load (%(default)s)")
    parser.add_argument(
        "--peer", metavar="PYTHON", help="a Python with optimum-intel, to be compared with too: make bench makes one"
    )
    parser.add_argument(
        "--figures", type=Path, default=FIGURES, metavar="DIR", help="where JSON and plots go (%(default)s)"
    )
    asked.json_flag(parser)


def run(args: argparse.Namespace) -> int:
    from limner.engine import backends
    from limner.evaluation.contest import busy_share
    from limner.evaluation.figures import record
    from limner.evaluation.plots import plots

    if args.rounds < 1 or args.jobs < 1 or args.many < 1:
        raise LimnerError("rounds and jobs are counted from 1", "choose at least 1")
    if args.gpu and not (args.device or "cuda").startswith("cuda"):
        raise LimnerError(f"--gpu and --device {args.device} say different things", "leave one out")
    args.device = args.device or ("cuda" if args.gpu else None)
    if args.rehearse:
        args.rounds, args.jobs, args.many = 1, min(args.jobs, 3), min(args.many, 4)
    bundle = asked.bundle(args)
    if args.backend is None and backends.verdict(bundle) is None:
        backends.prepare(bundle)
    bench = Bench(args, bundle, asked.backend(args, bundle))
    before = busy_share()
    for part in args.parts or (ON_GPU if bundle.device.type == "cuda" else ON_CPU):
        JOBS[part](bench)
        bench.note("others", {"busy share before": before, "busy share after": busy_share()})
        if not args.rehearse:  # after each part: a later one may fail
            figures, details = earlier(args.figures / "bench.json", bundle.identity, bench.figures, bench.details)
            record(args.figures / "bench.json", figures, bundle.identity, details)
            plots(args.figures / "bench.json", args.figures / "bench.png")
    return 0 if args.rehearse else conclude(args, bench.figures)


def earlier(
    file: Path, model: str, figures: "Sequence[Figure]", details: "Mapping[str, Value]"
) -> "tuple[Sequence[Figure], Mapping[str, Value]]":
    """These figures, and those of parts measured before on this machine, with this model and these kernels."""
    from limner.evaluation.figures import Figure, machine

    try:
        old = json.loads(file.read_text(encoding="utf-8"))
        same = (old["model"], old["machine"], old["details"]["kernels"]) == (model, machine(), details["kernels"])
        kept = [Figure(*(each[key] for key in FIELDS)) for each in old["figures"]] if same else []
        told = old["details"] if same else {}
    except (OSError, ValueError, KeyError, TypeError):
        return figures, details
    new = {figure.name for figure in figures}
    return [*(figure for figure in kept if figure.name not in new), *figures], told | dict(details)


class Bench:
    """What was found so far."""

    def __init__(self, args: argparse.Namespace, bundle: "Bundle", backend: "Backend") -> None:
        self.args, self.bundle, self.backend = args, bundle, backend
        self.figures: list[Figure] = []
        self.details: dict[str, Value] = {"backend": backend.name, "kernels": backend.kernels}

    def least(self, name: str, value: float, target: float, unit: str = "x") -> None:
        from limner.evaluation.figures import Figure

        self.figures.append(Figure(name, round(value, 3), target, "at least", unit))

    def most(self, name: str, value: float, target: float, unit: str = "x") -> None:
        from limner.evaluation.figures import Figure

        self.figures.append(Figure(name, round(value, 3), target, "at most", unit))

    def note(self, part: str, found: "Mapping[str, Value]") -> None:
        self.details[part] = found
        if not self.args.json:
            print(f"{part}: {found}", flush=True)


def lone(bench: Bench) -> None:
    """One picture, 20 steps, by limner and by others: twenty guided passes of DDIM in every one of them."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from limner.engine.backends import eager, question
    from limner.evaluation.contest import Contestant, contest, peak, ratio, spread

    names = [Contestant("limner"), Contestant("limner-eager"), Contestant("diffusers")]
    names += [Contestant("optimum", bench.args.peer)] if bench.args.peer else []
    seconds = contest(names, str(bench.bundle.folder), bench.args.rounds, 20)
    with FlopCounterMode(display=False) as counted:
        question(bench.bundle)(eager(bench.bundle))
    half = bench.backend.name.endswith("bf16")
    roof = peak(torch.bfloat16 if half else torch.float32)
    work = 20 * counted.get_total_flops() / 1e9
    bench.least("lone_against_diffusers", ratio(seconds["diffusers"], seconds["limner"]), 2.3)
    if bench.args.peer:
        bench.least("lone_against_openvino_peer", ratio(seconds["optimum"], seconds["limner"]), 1.05)
    found: dict[str, Value] = dict(spread(seconds))
    found["GFLOP in 20 passes"], found["peak GFLOP/s"] = round(work, 1), round(roof)
    found["share of the roofline"] = round(work / roof / median(seconds["limner"]), 3)
    bench.note("lone", found)


def equal(bench: Bench) -> None:
    """A picture of equal quality, in the steps that `limner measure equal` found to be enough for this model."""
    from limner.evaluation.contest import Contestant, contest, ratio, spread

    file = bench.args.figures / "equal.json"
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        ours, theirs = report["details"]["ours"], report["details"]["theirs"]["steps"]
        judged = report["model"] == bench.bundle.identity
    except (OSError, ValueError, KeyError, TypeError):
        judged = False
    if not judged:
        bench.note("equal", {"left out": f"{file} does not say how few steps are enough: limner measure equal does"})
        return
    way = {key: ours[key] for key in ("steps", "sampler", "ladder", "guide_above", "guide_below")}
    fast = Contestant("limner", way=way, label=f"limner, {way['steps']} steps")
    long = Contestant("diffusers", way={"steps": 50}, label="diffusers, DDIM 50")
    karras = {"steps": theirs, "sampler": "dpmpp_2m", "ladder": "karras"}
    short = Contestant("diffusers", way=karras, label=f"diffusers, DPM++ 2M Karras {theirs}")
    seconds = contest([fast, long, short], str(bench.bundle.folder), bench.args.rounds, 50)
    bench.least("equal_against_ddim_50", ratio(seconds[long.label], seconds[fast.label]), 8)
    bench.least("equal_against_dpmpp_2m_karras", ratio(seconds[short.label], seconds[fast.label]), 2)
    bench.note("equal", {**spread(seconds), "no worse": [each["value"] for each in report["figures"]]})


def large(bench: Bench) -> None:
    """A guided pass of a network as large as Stable Diffusion 1.5's at 512 x 512 pixels; SDXL's at 1024 x 1024."""
    import tempfile

    from limner.evaluation.contest import ratio, spread
    from limner.evaluation.large import SD15, SDXL, available, passes, peak_gigabytes, shrunk

    precision = "bf16" if bench.backend.name.endswith("bf16") else "f32"
    sizes = {"large": ("large_pass_against_diffusers", SD15)}
    sizes |= {"large-sdxl": ("large_sdxl_pass_against_diffusers", SDXL)} if bench.args.full else {}
    for part, (figure, size) in sizes.items():
        tried = shrunk(size) if bench.args.rehearse else size
        exported = precision if part == "large" or bench.args.rehearse or available() > ROOM else None
        with tempfile.TemporaryDirectory() as folder:  # random weights: another run's graph is another network
            seconds, difference = passes(Path(folder), bench.args.rounds, exported, tried)
        fast = f"limner openvino-{precision}" if exported else "limner-eager"
        if exported:
            bench.least(figure, ratio(seconds["diffusers"], seconds[fast]), 2.3)
        found: dict[str, Value] = {**spread(seconds), "difference": round(difference, 5)}
        found |= {"peak GB": round(peak_gigabytes(), 1), "pixels": 8 * tried.unet.sample_size}
        bench.note(part, found)


def draft(bench: Bench) -> None:
    """A draft of four steps behind four pictures of fifty."""
    from limner.evaluation.load import RULES, behind

    found: dict[str, list[dict[str, float]]] = {rule: [] for rule in RULES}
    for _ in range(bench.args.rounds):
        for rule, order in RULES.items():
            found[rule].append(behind(bench.bundle, bench.backend, order))
    middle = {
        rule: {key: round(median(each[key] for each in rounds), 3) for key in ("draft", "last long")}
        for rule, rounds in found.items()
    }
    first, short = middle["first come"], middle["shortest first"]
    bench.least("draft_wait_shorter", first["draft"] / short["draft"], 10)
    bench.most("long_jobs_slower", short["last long"] / first["last long"], 1.1)
    bench.note("draft", middle)


def load(bench: Bench) -> None:
    """Poisson arrivals of mixed lengths at 0.9 of what one job after another can do."""
    from limner.evaluation.load import RULES, poisson, serve, waits
    from limner.evaluation.load import lone as alone

    lengths = alone(bench.bundle, bench.backend, bench.args.rounds)
    coming = poisson(bench.bundle, bench.args.jobs, lengths, 0.9)
    served = {rule: serve(bench.bundle, bench.backend, coming, order) for rule, order in RULES.items()}
    found = {rule: waits(coming, done, lengths) for rule, done in served.items()}
    first, short = found["first come"], found["shortest first"]
    bench.most("load_mean", short["mean"] / first["mean"], 0.7)
    bench.most("load_p95_slowdown", short["p95 slowdown"] / first["p95 slowdown"], 0.3)
    rounded = {rule: {key: round(value, 3) for key, value in each.items()} for rule, each in found.items()}
    seconds: dict[str, Value] = {str(steps): round(each, 3) for steps, each in lengths.items()}
    waited: dict[str, Value] = {
        rule: [[job.recipe.steps, round(done[job.name].seconds, 3)] for job in coming] for rule, done in served.items()
    }
    bench.details["waits"] = waited
    bench.note("load", {**rounded, "alone": seconds, "jobs": len(coming)})


def company(bench: Bench) -> None:
    """The same jobs one by one in a bare loop and together in the engine: pixels, and what the company costs.

    Where passes have a size of their own, a job alone is in a pass of that size too.
    """
    import torch

    from limner.engine.engine import shortest_first
    from limner.engine.worker import room
    from limner.evaluation.load import LENGTHS, Coming, Served, bare, recipe, serve, timed

    jobs = [Coming(str(k), recipe(bench.bundle, k, LENGTHS[k % len(LENGTHS)]), 0.0) for k in range(20)]
    backend, together, loop = bench.backend, list[float](), list[float]()
    sizes = room(bench.bundle, backend.denoiser)

    def drawn(some: Sequence[Coming]) -> dict[str, Served]:
        return serve(bench.bundle, backend, some, shortest_first, sizes)

    def alone_(job: Coming) -> torch.Tensor:
        return drawn([job])[job.name].picture if sizes else bare(bench.bundle, backend, job.recipe)

    alone, served = {job.name: alone_(job) for job in jobs}, drawn(jobs)
    same = [torch.equal(alone[job.name], served[job.name].picture) for job in jobs]
    one, bared = list[float](), list[float]()
    for _ in range(bench.args.rounds):
        loop.append(timed(lambda: [bare(bench.bundle, backend, job.recipe) for job in jobs]))
        together.append(timed(lambda: drawn(jobs)))
        for _ in range(3):
            bared.append(timed(lambda: bare(bench.bundle, backend, jobs[2].recipe)))
            one.append(timed(lambda: drawn(jobs[2:3])))
    bench.least("same_pixels_in_company", sum(same) / len(same), 1, "")
    bench.most("company_costs", median(together) / median(loop), 1.05)
    bench.most("lone_against_bare_loop", median(one) / median(bared), 1.03)
    seconds = {"together": together, "bare loops": loop, "lone": one, "bare loop": bared}
    bench.note("company", {name: round(median(each), 4) for name, each in seconds.items()})


def preview(bench: Bench) -> None:
    """How soon there is something to see, and what looking costs."""
    from limner.evaluation.load import previews, recipe

    rounds = [previews(bench.bundle, bench.backend, recipe(bench.bundle, 0, 20)) for _ in range(bench.args.rounds)]
    middle = {key: median(each[key] for each in rounds) for key in rounds[0]}
    bench.most("first_preview", middle["first"] / middle["whole"], 0.15, "")
    bench.most("all_previews", middle["all"] / middle["whole"], 0.05, "")
    bench.note("preview", {key: round(value, 4) for key, value in middle.items()})


def make(bench: Bench) -> None:
    """From the return key to the file."""
    import tempfile

    from limner.evaluation.speed import command, pieces

    with tempfile.TemporaryDirectory() as out:
        words = ["make", "a red apple", "--model", str(bench.bundle.folder), "--steps", "20", "--out", out]
        words += ["--backend", bench.backend.name]
        command(words)
        spent: list[Spent] = []
        parts: list[dict[str, float]] = []
        for _ in range(bench.args.rounds):
            spent.append(command(words))
            parts.append(pieces(str(bench.bundle.folder), bench.backend.name, out))
    bench.most("make_seconds", median(each.seconds for each in spent), 3, " s")
    middle: dict[str, Value] = {name: round(median(each[name] for each in parts), 3) for name in parts[0]}
    bench.note(
        "make",
        {"seconds": [round(each.seconds, 2) for each in spent], "MB": round(spent[0].megabytes), "pieces": middle},
    )


def many(bench: Bench) -> None:
    """32 jobs of mixed lengths: limner's engine, diffusers one by one, and diffusers compiled, a batch a length."""
    _pictures(bench, "many", bench.bundle, bench.backend, 8)


def many_sd15(bench: Bench) -> None:
    """The same with a whole model of Stable Diffusion 1.5's size at 512 x 512 pixels, of random weights."""
    import tempfile

    from limner.bundle import open_bundle
    from limner.engine.backends import build
    from limner.evaluation.large import SD15, shrunk, write

    mini, size = bench.bundle, shrunk(SD15) if bench.args.rehearse else SD15
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), size, mini.tokenizer, mini.device)
        opened = open_bundle(folder, mini.device, mini.denoiser.dtype)
        _pictures(bench, "many-sd15", opened, build(opened, bench.backend.name), 2)


def many_sdxl(bench: Bench) -> None:
    """The same with a U-Net of SDXL's size at 1024 x 1024 pixels, and nothing around it: jobs end as latents."""
    import tempfile

    from limner.evaluation.large import SDXL, shrunk, write_config
    from limner.evaluation.many import Bare

    size, bundle = shrunk(SDXL) if bench.args.rehearse else SDXL, bench.bundle
    bare = Bare(size, bundle.device, bundle.denoiser.dtype, bench.backend.name == "compiled")
    sizes, lengths = (bare.sizes() if bundle.device.type != "cpu" else _alone(bench)), _lengths(bench)
    with tempfile.TemporaryDirectory() as folder:
        write_config(Path(folder), size)
        _rates(bench, "many-sdxl", lambda: bare.draw(lengths, sizes), "unet", Path(folder), 1.3, sizes)


def opening(bench: Bench) -> None:
    """A folder of Stable Diffusion 1.5's size in float16, opened until its tensors are in memory, beside reading it.

    The files are in the system's memory already.  The first time a model is opened it is hashed; then it is known.
    """
    import tempfile

    import torch

    from limner.bundle.identity import SETTLED
    from limner.evaluation.large import SD15, shrunk, write
    from limner.evaluation.opening import measured

    size = shrunk(SD15) if bench.args.rehearse else SD15
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), size, bench.bundle.tokenizer, torch.device("cpu"))
        time.sleep(SETTLED)
        measured("read", folder)
        first = measured("open", folder)
        tasks = ("read", "open") * bench.args.rounds
        runs = [(task, measured(task, folder)) for task in tasks]
    seconds = {task: median(run.seconds for name, run in runs if name == task) for task in ("read", "open")}
    peak = max(run.peak for name, run in (*runs, ("open", first)) if name == "open")
    bench.most("open_against_reading", seconds["open"] / seconds["read"], 1.15)
    bench.most("open_peak_against_weights", peak / first.bytes, 1.15)
    rounded: dict[str, Value] = {f"{task} s": round(each, 3) for task, each in seconds.items()}
    bench.note("open", {**rounded, "first open s": round(first.seconds, 3), "weights MB": round(first.bytes / 1e6)})


def _lengths(bench: Bench) -> list[int]:
    steps = REHEARSED if bench.args.rehearse else STEPS
    return [steps[k % len(steps)] for k in range(bench.args.many)]


def _alone(bench: Bench) -> tuple[int, ...]:
    """A CPU computes jobs alone; rehearsing it tries passes of eight rows too."""
    return (8,) if bench.args.rehearse else ()


def _pictures(bench: Bench, part: str, bundle: "Bundle", backend: "Backend", target: float) -> None:
    from limner.engine.engine import shortest_first
    from limner.engine.worker import room
    from limner.evaluation.load import Coming, recipe, serve

    jobs = [Coming(str(k), recipe(bundle, k, steps), 0.0) for k, steps in enumerate(_lengths(bench))]
    sizes = room(bundle, backend.denoiser) or _alone(bench)

    def ours() -> None:
        for name, served in serve(bundle, backend, jobs, shortest_first, sizes).items():
            if not bool(served.picture.isfinite().all()):
                raise LimnerError(f"{part}: picture {name} is not finite", "choose another --dtype")

    _rates(bench, part, ours, "diffusers", bundle.folder, target, sizes)


def _rates(
    bench: Bench, part: str, ours: Callable[[], object], peer: str, model: Path, target: float, sizes: Sequence[int]
) -> None:
    from limner.evaluation.contest import Contestant
    from limner.evaluation.many import rates

    device, lengths = str(bench.bundle.device), _lengths(bench)
    compared = device != "cpu" or bench.args.rehearse  # compiled diffusers on a CPU says nothing
    names = [peer, f"{peer}-compiled"] if compared else [peer]
    rate = rates(ours, [Contestant(name, device=device) for name in names], model, lengths, bench.args.rounds)
    if device != "cpu":
        name = part.replace("-", "_")
        bench.least(f"{name}_against_diffusers", rate["limner"] / rate[peer], target)
        bench.least(f"{name}_against_compiled_batches", rate["limner"] / rate[f"{peer}-compiled"], 1.1)
    rounded: dict[str, Value] = {f"{name} jobs/s": round(each, 3) for name, each in rate.items()}
    bench.note(part, {**rounded, "jobs": len(lengths), "rows a pass": list(sizes)})


def switches(bench: Bench) -> None:
    """What fifty changes among all models that are here leave in the memory."""
    from limner.bundle.catalogue import known
    from limner.engine.border import stranger
    from limner.evaluation.switches import growth
    from limner.evaluation.switches import switches as switched

    models = [folder for folder in known().values() if stranger(folder) is None]
    turns = 20 if bench.args.rehearse else 50
    measured = list(switched(models, turns, bench.bundle.device, bench.bundle.denoiser.dtype, bench.backend.name))
    bench.most("switches_growth", growth(measured), 32, "MB")
    bench.note("switches", {"models": len(models), "turns": turns, "MB": [round(each, 1) for each in measured]})


JOBS: Mapping[str, Callable[[Bench], None]] = {
    "lone": lone,
    "equal": equal,
    "large": large,
    "draft": draft,
    "load": load,
    "company": company,
    "preview": preview,
    "make": make,
    "many": many,
    "many-sd15": many_sd15,
    "many-sdxl": many_sdxl,
    "open": opening,
    "switches": switches,
}
