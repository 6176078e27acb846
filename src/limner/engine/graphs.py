"""A network as a graph of fixed shape, which OpenVINO compiles for this very processor."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor, nn

from limner.errors import LimnerError
from limner.network.unet import UNet
from limner.taps import Routed
from limner.types import Context, Latent


class Told(nn.Module):
    """The U-Net with everything it is told as plain tensors, the way exporters want it."""

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, time: Tensor, states: Tensor, added: Tensor | None = None) -> Tensor:
        return self.net.answer(x, time, added, Context(states))


def installed() -> str:
    """OpenVINO's version, or an empty text where it is not installed."""
    from importlib import metadata

    try:
        return metadata.version("openvino")
    except metadata.PackageNotFoundError:
        return ""


def runtime() -> Any:
    """OpenVINO without its telemetry, which tells its maker of every import and every export unless it is absent."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # to import it is an error from here on
    import openvino

    return openvino


@torch.no_grad()
def export(net: UNet, context: Context, file: Path) -> None:
    """Write the network as an OpenVINO graph (.xml and .bin) whose rows, height, width and words are still open.

    One noise level a row: the graph reads the sines of time, which `UNet.codes` computes outside it.  Weights that half
    precision holds exactly are stored in it.  Raises LimnerError where OpenVINO cannot read the network.
    """
    openvino = runtime()
    side = net.config.sample_size
    x = torch.zeros(2, net.config.in_channels, side, side)
    said = Context.cat([context[:1]] * 2).to("cpu", torch.float32)
    time, added = net.codes(torch.tensor([1.0, 500.0]), said)
    example = (x, time, said.states) if added is None else (x, time, said.states, added)
    opened = [[-1, x.shape[1], -1, -1], [-1, time.shape[1]], [-1, -1, said.states.shape[2]]]
    opened += [] if added is None else [[-1, added.shape[1]]]
    told = Told(net).eval()
    exact = all(torch.equal(weight, weight.half().to(weight.dtype)) for weight in net.parameters())
    with catch_warnings():
        simplefilter("ignore")  # the tracer's, about Python numbers that are constants here
        try:
            shapes = [openvino.PartialShape(each) for each in opened]
            graph = openvino.convert_model(told, example_input=example, input=shapes)
        except Exception as fault:
            line = str(fault).strip().splitlines()[0]
            raise LimnerError(f"OpenVINO cannot read this network: {line}", "use --backend eager") from fault
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"part-{os.getpid()}.xml")
    openvino.save_model(graph, part, compress_to_fp16=exact)
    part.with_suffix(".bin").replace(file.with_suffix(".bin"))
    part.replace(file)


@dataclass(slots=True, eq=False)
class Graphs:
    """The exported network, compiled once for each shape that is asked for and kept; the processor's code is on disk.

    `precision` is f32 or bf16.  The answer is a network's: rows are independent and may have different times.
    """

    file: Path
    precision: str
    codes: Callable[[Tensor, Context], tuple[Tensor, Tensor | None]]
    threads: int = field(default_factory=torch.get_num_threads)
    compiled: dict[tuple[torch.Size, ...], Callable[..., Any]] = field(default_factory=dict)

    def __call__(self, x: Latent, t: Tensor, context: Context, taps: Routed | None = None) -> Latent:
        if taps is not None or x.requires_grad:
            raise ValueError("an exported graph can neither be watched nor differentiated: ask the eager network")
        time, added = self.codes(t, context)
        told = [x, time, context.states] + ([] if added is None else [added])
        shapes = tuple(each.shape for each in told)
        if shapes not in self.compiled:
            self.compiled[shapes] = self.compile(shapes)
        answer = self.compiled[shapes]([each.detach().float().contiguous().numpy() for each in told])[0]
        return torch.from_numpy(answer)

    def compile(self, shapes: tuple[torch.Size, ...]) -> Callable[..., Any]:
        core = runtime().Core()
        graph = core.read_model(self.file)
        graph.reshape({number: list(shape) for number, shape in enumerate(shapes)})
        settings = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self.threads,
            "ENABLE_CPU_PINNING": False,
            # not one folder for both precisions: code cached for f32 came back for bf16 and answered nan (2026.4.1)
            "CACHE_DIR": str(self.file.parent / f"cache-{self.precision}"),
        }
        request = core.compile_model(graph, "CPU", settings).create_infer_request()
        infer: Callable[..., Any] = request.infer
        return infer
