"""Who computes a network's answer: whichever of several was the fastest here and said the same."""

import json
import platform
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from limner.bundle import Bundle
from limner.bundle.adapters import runs_beside
from limner.bundle.catalogue import home
from limner.engine.batch import Finish
from limner.engine.device import pins
from limner.engine.graphs import Graph, Graphs, export, export_decoder, export_text, installed, runtime
from limner.engine.untapped import Untapped
from limner.errors import LimnerError
from limner.home import beside
from limner.network.unet import UNet
from limner.network.vae import without_rest
from limner.process.noise import draw
from limner.score.denoiser import Denoiser
from limner.score.precondition import Network
from limner.taps import Routed
from limner.text.states import read
from limner.types import Context, Image, Latent

EAGER = "eager"
NAMES = (EAGER, "openvino-f32", "openvino-bf16", "compiled")
WORDS = ["a red apple", ""]
SHAPES = 64  # for which one network may be compiled: torch refuses the ninth, and a picture's size is one
ROUNDS = 5  # passes that are timed, in turn with the others' passes
TOLERANCE = {"openvino-f32": 1e-3, "openvino-bf16": 3e-2, "compiled": 1e-2}
"""Largest root-mean-square difference from the eager network that is accepted, in standard deviations of its answer."""


@runtime_checkable
class Telling(Protocol):
    """What the network is told of sentences, for a picture of this width and height: `Bundle.context`."""

    def __call__(self, prompts: Sequence[str], size: tuple[int, int] | None = None, clip_skip: int = 1) -> Context: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """A bundle's three networks as somebody computes them, and the kernels that decide their last bits."""

    name: str
    kernels: str
    context: Telling
    denoiser: Denoiser
    decoding: Finish


@dataclass(frozen=True, slots=True)
class Trial:
    """One backend on this machine: seconds a pass of two rows, difference from the eager network, and what is wrong."""

    name: str
    seconds: float
    difference: float
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the canary found on `machine`, and who is chosen."""

    machine: str
    chosen: str
    trials: tuple[Trial, ...]


def eager(bundle: Bundle) -> Backend:
    """The network as it is written: the one that can be watched, changed and differentiated."""
    kernels = f"torch {torch.__version__}"
    if bundle.device.type == "cpu":
        kernels += f" {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
    if bundle.device.type == "cuda":
        kernels += f", {pins(bundle.device)}"
    if isinstance(bundle.denoiser.network, Untapped):
        kernels += f", U-Net of diffusers {metadata.version('diffusers')}"
    return Backend(EAGER, kernels, bundle.context, bundle.denoiser, bundle.decoding)


def circumstances(bundle: Bundle, backend: Backend) -> dict[str, str]:
    """What beside the recipe may move a pixel a little: where the numbers are crunched, how finely, and by whom."""
    precision = str(bundle.denoiser.dtype).removeprefix("torch.")
    return {
        "Device": bundle.device.type,
        "Precision": precision,
        "Backend": backend.name,
        "Kernels": backend.kernels.replace(", ", " "),
    }


def folder(bundle: Bundle) -> Path:
    """Where this bundle's exported graph, its compiled code and the verdict are kept."""
    return home() / "compiled" / bundle.identity[:16]


def machine(bundle: Bundle) -> str:
    """What a verdict is true of: another processor, thread count, version or precision needs another."""
    parts = (
        _processor(), torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(), bundle.device.type,
        str(bundle.denoiser.dtype), torch.__version__, installed(),
        pins(bundle.device) if bundle.device.type == "cuda" else "",
    )  # fmt: skip
    return sha256(repr(parts).encode()).hexdigest()[:16]


def build(bundle: Bundle, name: str) -> Backend:
    """A backend by its name; exports the network if that was never done.  LimnerError where it cannot run here."""
    if name == EAGER:
        return eager(bundle)
    if name not in NAMES:
        raise LimnerError(f"backend {name!r} is not known", f"one of {', '.join(NAMES)}")
    eagerly(bundle, name)
    kind = bundle.device.type
    if name == "compiled":
        if kind != "cuda":
            raise LimnerError(f"backend {name} needs a CUDA device", "use --backend eager")
        kernels = f"torch {torch.__version__} inductor, {pins(bundle.device)}"
        denoiser = replace(bundle.denoiser, network=compiled(bundle))
        return Backend(name, kernels, bundle.context, denoiser, bundle.decoding)
    if kind != "cpu":
        raise LimnerError(f"backend {name} computes on a CPU", "use --device cpu, or --backend eager")
    if not installed():
        raise LimnerError(f"backend {name} needs OpenVINO", "run pip install openvino")
    return exported(bundle, name)


def eagerly(bundle: Bundle, name: str) -> None:
    """LimnerError where only the eager network can compute this bundle."""
    if bundle.stage is not None:
        raise LimnerError(f"backend {name} stays on its device", "use --backend eager, or no --offload")
    if runs_beside(bundle):
        raise LimnerError(
            f"backend {name} knows the weights of {bundle.name}, not the adapters that run beside them",
            "merge them, or use --backend eager",
        )


def exported(bundle: Bundle, name: str) -> Backend:
    """The U-Net and the decoder through OpenVINO."""
    files = {part: folder(bundle) / f"{part}.xml" for part in ("text", "words", "steps", "decoder")}
    if not files["text"].exists():
        export_text(bundle.text, files["text"])
    if not files["steps"].exists():
        export(bundle.unet, bundle.context([""]), files["steps"], files["words"])
    if not files["decoder"].exists():
        export_decoder(bundle.autoencoder, files["decoder"])
    precision = name.removeprefix("openvino-")
    text, words, unet, decoder = (Graph(file, precision) for file in files.values())
    kernels = f"OpenVINO {installed()} {precision}, {unet.threads} threads"
    denoiser = replace(bundle.denoiser, network=Graphs(unet, words, bundle.codes), dtype=torch.float32)
    # two towers say more than a graph of one tower's states
    said = partial(context, bundle, text) if len(bundle.towers) == 1 else bundle.context
    return Backend(name, kernels, said, denoiser, partial(decoding, bundle, decoder))


def context(
    bundle: Bundle, tower: Graph, prompts: Sequence[str], size: tuple[int, int] | None = None, clip_skip: int = 1
) -> Context:
    """`Bundle.context` by an exported text tower, which knows its last layer alone: any other is the eager tower's."""
    if clip_skip != 1:
        return bundle.context(prompts, size, clip_skip)
    said = read(bundle.tokenizer, lambda tokens: (tower([tokens])[0], None), prompts, bundle.device)
    return bundle.told([said], size)


def decoding(bundle: Bundle, decoder: Graph, x0: Latent) -> Generator[str | None, None, Image]:
    """`Bundle.decoding` by an exported decoder, in one piece: for limner-mini it takes as long as a pass."""
    (pixels,) = decoder([x0 / bundle.autoencoder.config.scaling])
    return (pixels / 2 + 0.5).clamp(0, 1)
    yield


def compiled(bundle: Bundle) -> Network:
    """The eager network through torch.compile: fused kernels, and one CUDA graph for each number of rows."""
    return captured(bundle.unet)


def captured(unet: UNet) -> Network:
    """`compiled`, of a network alone."""
    torch._dynamo.config.recompile_limit = SHAPES
    net: Network = torch.compile(unet, mode="reduce-overhead", fullgraph=True, dynamic=False)

    def ask(x: Latent, t: Tensor, context: Context, taps: Routed | None = None) -> Latent:
        if taps is not None or x.requires_grad:
            raise ValueError("a CUDA graph can neither be watched nor differentiated: ask the eager network")
        return net(x, t, context).clone()  # a CUDA graph overwrites what it returned

    return ask


def candidates(bundle: Bundle) -> list[str]:
    """Backends that may be worth a trial on this device."""
    if isinstance(bundle.denoiser.network, Untapped) or bundle.stage is not None:
        return []
    if bundle.device.type == "cuda":
        return ["compiled"]
    if bundle.device.type == "cpu" and installed() and bundle.denoiser.dtype == torch.float32:
        return ["openvino-f32", *(["openvino-bf16"] if _has_bf16() else [])]
    return []


def canary(bundle: Bundle, backends: Sequence[Backend]) -> Verdict:
    """Time and check each backend against the eager network, turn and turn about, on two rows of different noise.

    The fastest that says the same within its tolerance is chosen; the eager one if none is faster.
    """
    ask = question(bundle)
    plain = eager(bundle)
    truth, picture, said = ask(plain), decoded(bundle, plain), plain.context(WORDS).states
    wrong, difference = dict[str, str](), {EAGER: 0.0}
    for each in backends:
        difference[each.name] = float("inf")
        try:
            pairs = ((each.context(WORDS).states, said), (ask(each), truth), (decoded(bundle, each), picture))
            difference[each.name] = off = float(torch.tensor([distance(*pair) for pair in pairs]).max())  # nan stays
            if not off <= TOLERANCE[each.name]:
                wrong[each.name] = f"differs by {off:.2g}, more than {TOLERANCE[each.name]:g}"
        except Exception as fault:
            wrong[each.name] = f"{type(fault).__name__}: {str(fault).strip().splitlines()[0]}"
    sound = [plain, *(each for each in backends if each.name not in wrong)]
    seconds = {each.name: float("inf") for each in [*sound, *backends]}
    for _ in range(ROUNDS):
        for each in sound:
            began = time.perf_counter()
            ask(each)
            seconds[each.name] = min(seconds[each.name], time.perf_counter() - began)
    names = [EAGER, *(each.name for each in backends)]
    trials = tuple(Trial(name, seconds[name], difference[name], wrong.get(name, "")) for name in names)
    return Verdict(machine(bundle), min(sound, key=lambda each: seconds[each.name]).name, trials)


def question(bundle: Bundle) -> Callable[[Backend], Tensor]:
    """One pass of guided drawing at the model's own size, with a noise level of its own for each row."""
    width, height = int(bundle.defaults["width"]), int(bundle.defaults["height"])
    sigma = torch.tensor([8.0, 0.7], device=bundle.device)
    noise = draw(0, "canary", 0, (2, *bundle.latent_shape(width, height))).to(bundle.device)
    said: Context = bundle.context(WORDS)

    @torch.no_grad()
    def ask(backend: Backend) -> Tensor:
        out = backend.denoiser(noise * (1 + sigma[:, None, None, None] ** 2).sqrt(), sigma, said).float()
        if out.is_cuda:
            torch.cuda.synchronize()
        return out

    return ask


def decoded(bundle: Bundle, backend: Backend) -> Tensor:
    """A latent of noise as a picture."""
    shape = bundle.latent_shape(int(bundle.defaults["width"]), int(bundle.defaults["height"]))
    latent = draw(0, "canary", 1, (1, *shape)).to(bundle.device)
    return without_rest(backend.decoding(latent)).float()


def distance(said: Tensor, truth: Tensor) -> float:
    """Root mean square of what differs, in standard deviations of the truth."""
    return float(((said - truth).square().mean().sqrt() / truth.std()).cpu())


def prepare(bundle: Bundle) -> Verdict:
    """Export, compile and try what may be faster here, and write down who won.  Takes some seconds, once a machine."""
    tried, lost = list[Backend](), list[Trial]()
    for name in candidates(bundle):
        try:
            tried.append(build(bundle, name))
        except LimnerError as fault:
            lost.append(Trial(name, float("inf"), float("inf"), str(fault)))
    verdict = canary(bundle, tried)
    verdict = replace(verdict, trials=(*verdict.trials, *lost))
    file = folder(bundle) / f"verdict-{verdict.machine}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with beside(file) as part:
        part.write_text(json.dumps(asdict(verdict), indent=2), encoding="utf-8")
    return verdict


def verdict(bundle: Bundle) -> Verdict | None:
    """What `prepare` wrote for this machine; None if it never ran here, or its file is no longer readable."""
    try:
        raw = json.loads((folder(bundle) / f"verdict-{machine(bundle)}.json").read_text(encoding="utf-8"))
        return Verdict(raw["machine"], raw["chosen"], tuple(Trial(**trial) for trial in raw["trials"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def choose(bundle: Bundle, name: str | None = None) -> Backend:
    """The backend asked for, else the one that won here, else the eager one.

    A winner that cannot be built any more, because its package is gone, is no winner.
    """
    if name is not None:
        return build(bundle, name)
    won = verdict(bundle)
    if won is None or won.chosen == EAGER:
        return eager(bundle)
    try:
        return build(bundle, won.chosen)
    except LimnerError:
        return eager(bundle)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _has_bf16() -> bool:
    return "BF16" in runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def told(verdict: Verdict) -> Iterator[str]:
    """The trials in words, a line each."""
    for trial in verdict.trials:
        time_ = "-" if trial.seconds == float("inf") else f"{1e3 * trial.seconds:.1f} ms a pass"
        chosen = ", chosen" if trial.name == verdict.chosen else ""
        yield f"{trial.name}: {trial.fault or f'{time_}, differs by {trial.difference:.1e}{chosen}'}"
