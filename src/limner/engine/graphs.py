"""A network as a graph of fixed shape, which OpenVINO compiles for this very processor."""

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import torch
from torch import Tensor, nn

from limner.errors import LimnerError
from limner.network.attention import Kept, Projected
from limner.network.unet import UNet
from limner.network.vae import Autoencoder
from limner.taps import Routed
from limner.text.clip import TextTower
from limner.types import Context, Latent

KEPT = 8  # companies of words whose projections are kept


class Told(nn.Module):
    """The U-Net with everything it is told as plain tensors, the way exporters want it: x, time, for SDXL what is
    added, and K and V of the words at each attention to them."""

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, time: Tensor, *told: Tensor) -> Tensor:
        listeners = self.net.listeners()
        added, flat = told[: len(told) - 2 * len(listeners)], told[len(told) - 2 * len(listeners) :]
        names = [listener.name for listener in listeners]
        kept = Kept(dict(zip(names, zip(flat[::2], flat[1::2], strict=True), strict=True)))
        return self.net.answer(x, time, added[0] if added else None, kept)


class Projecting(nn.Module):
    """What does not change from step to step: K and V of the words at each attention to them."""

    def __init__(self, net: UNet) -> None:
        super().__init__()
        self.listeners = nn.ModuleList(net.listeners())

    def forward(self, states: Tensor) -> tuple[Tensor, ...]:
        pairs: list[Projected] = [listener.project(states) for listener in self.listeners]  # type: ignore[operator]
        return tuple(each for pair in pairs for each in pair)


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


class Reading(nn.Module):
    """The text tower, from token ids to states."""

    def __init__(self, tower: TextTower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, ids: Tensor) -> Tensor:
        states: Tensor = self.tower(ids).states
        return states


class Way(nn.Module):
    """The autoencoder's way up, from an unscaled latent to a picture."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, z: Tensor) -> Tensor:
        return self.autoencoder.decode(z)


def export(net: UNet, context: Context, file: Path, words: Path) -> None:
    """Write the network as an OpenVINO graph (.xml and .bin) whose rows, height, width and words are still open.

    And beside it what becomes of the words before they are looked at, which is the same at every step.  One noise level
    a row: the graph reads the sines of time, which `UNet.codes` computes outside it.
    Raises LimnerError where OpenVINO cannot read the network.
    """
    side = net.config.sample_size
    x = torch.zeros(2, net.config.in_channels, side, side)
    said = Context.cat([context[:1]] * 2).to("cpu", torch.float32)
    time, added = net.codes(torch.tensor([1.0, 500.0]), said)
    with torch.no_grad():
        kept = Projecting(net)(said.states)
    save(Projecting(net), (said.states,), [[-1, -1, said.states.shape[2]]], words)
    opened = [[-1, x.shape[1], -1, -1], [-1, time.shape[1]]]
    opened += [] if added is None else [[-1, added.shape[1]]]
    opened += [[-1, -1, each.shape[2]] for each in kept]
    save(Told(net), (x, time, *([] if added is None else [added]), *kept), opened, file)


def export_text(tower: TextTower, file: Path) -> None:
    """Write the text tower as a graph of sentences as long as it reads; LimnerError as for `export`."""
    words = tower.config.max_position_embeddings
    save(Reading(tower), (torch.zeros(1, words, dtype=torch.long),), [[-1, words]], file)


def export_decoder(autoencoder: Autoencoder, file: Path) -> None:
    """Write the decoder as a graph of one latent, unscaled, to one picture; LimnerError as for `export`."""
    channels = autoencoder.config.latent_channels
    save(Way(autoencoder), (torch.zeros(1, channels, 8, 8),), [[-1, channels, -1, -1]], file)


@torch.no_grad()
def save(net: nn.Module, example: tuple[Tensor, ...], opened: list[list[int]], file: Path) -> None:
    """Trace a network and write it; weights that half precision holds exactly are stored in it."""
    openvino = runtime()
    exact = all(torch.equal(weight, weight.half().to(weight.dtype)) for weight in net.parameters())
    with catch_warnings():
        simplefilter("ignore")  # the tracer's, about Python numbers that are constants here
        try:
            shapes = [openvino.PartialShape(each) for each in opened]
            graph = openvino.convert_model(net.eval(), example_input=example, input=shapes)
        except Exception as fault:
            line = str(fault).strip().splitlines()[0]
            raise LimnerError(f"OpenVINO cannot read this network: {line}", "use --backend eager") from fault
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"part-{os.getpid()}.xml")
    openvino.save_model(graph, part, compress_to_fp16=exact)
    part.with_suffix(".bin").replace(file.with_suffix(".bin"))
    part.replace(file)


@dataclass(slots=True, eq=False)
class Compiled:
    """A graph for rows of one shape: as many requests as work side by side, and what they keep being told."""

    requests: list[Any]
    kept: tuple[Tensor, ...] = ()


@dataclass(slots=True, eq=False)
class Graph:
    """An exported network, compiled once for each shape that is asked for and kept; the processor's code is on disk.

    `precision` is f32 or bf16.  The rows are shared out evenly among as many of the threads as possible: two rows side
    by side wait for each other once, two threads in one row after every layer.
    """

    file: Path
    precision: str
    threads: int = field(default_factory=torch.get_num_threads)
    ready: dict[tuple[int, tuple[tuple[int, ...], ...]], Compiled] = field(default_factory=dict)

    def __call__(self, told: Sequence[Tensor], kept: Sequence[Tensor] = ()) -> list[Tensor]:
        """The answers to these inputs, all of the same number of rows.

        `kept` are the last inputs: handed over without a copy, and not again while they are the very same tensors.
        """
        rows = len(told[0])
        beside = max(n for n in range(1, self.threads + 1) if rows % n == 0)
        share = rows // beside
        shapes = tuple((share, *each.shape[1:]) for each in (*told, *kept))
        if (beside, shapes) not in self.ready:
            self.ready[beside, shapes] = Compiled(self.compile(shapes, beside))
        compiled = self.ready[beside, shapes]
        if len(kept) != len(compiled.kept) or any(a is not b for a, b in zip(kept, compiled.kept, strict=True)):
            self.keep(compiled, kept, len(told), share)
        for number, request in enumerate(compiled.requests):
            for place, each in enumerate(told):
                request.get_input_tensor(place).data[:] = each[number * share : (number + 1) * share].numpy()
            request.start_async()
        for request in compiled.requests:
            request.wait()
        outputs = range(len(compiled.requests[0].model_outputs))
        return [
            torch.from_numpy(np.concatenate([request.get_output_tensor(n).data for request in compiled.requests]))
            for n in outputs
        ]

    def keep(self, compiled: Compiled, kept: Sequence[Tensor], first: int, share: int) -> None:
        """Hand each request its rows of what stays the same, from its `first` such input on."""
        tensor = runtime().Tensor
        compiled.kept = tuple(kept)
        for number, request in enumerate(compiled.requests):
            for place, each in enumerate(kept):
                rows = each[number * share : (number + 1) * share].numpy()
                request.set_input_tensor(first + place, tensor(rows, shared_memory=True))

    def compile(self, shapes: Sequence[Sequence[int]], beside: int) -> list[Any]:
        core = runtime().Core()
        graph = core.read_model(self.file)
        graph.reshape({number: list(shape) for number, shape in enumerate(shapes)})
        settings = {
            "INFERENCE_PRECISION_HINT": self.precision,
            "NUM_STREAMS": beside,
            "INFERENCE_NUM_THREADS": self.threads,
            "ENABLE_CPU_PINNING": False,
            # not one folder for both precisions: code cached for f32 came back for bf16 and answered nan (2026.4.1)
            "CACHE_DIR": str(self.file.parent / f"cache-{self.precision}"),
        }
        compiled = core.compile_model(graph, "CPU", settings)
        return [compiled.create_infer_request() for _ in range(beside)]


@dataclass(slots=True, eq=False)
class Graphs:
    """An exported U-Net as a network: rows are independent and may have different times.

    What the words become is computed when they are first told, and kept while the same ones are told again.
    """

    graph: Graph
    words: Callable[[Sequence[Tensor]], list[Tensor]]
    codes: Callable[[Tensor, Context], tuple[Tensor, Tensor | None]]
    projected: OrderedDict[int, tuple[Tensor, list[Tensor]]] = field(default_factory=OrderedDict)

    def __call__(self, x: Latent, t: Tensor, context: Context, taps: Routed | None = None) -> Latent:
        if taps is not None or x.requires_grad:
            raise ValueError("an exported graph can neither be watched nor differentiated: ask the eager network")
        time, added = self.codes(t, context)
        return self.graph([x.detach(), time, *([] if added is None else [added])], self.heard(context.states))[0]

    def heard(self, states: Tensor) -> list[Tensor]:
        """K and V of these very states, at each attention to the words."""
        key = id(states)
        if key not in self.projected:
            self.projected[key] = states, self.words([states])  # with the states, so that nothing else has their id
            if len(self.projected) > KEPT:
                self.projected.popitem(last=False)
        self.projected.move_to_end(key)
        return self.projected[key][1]
