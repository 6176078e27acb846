"""The diffusers folder: what lies where, read strictly and written whole."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from limner.bundle.place import inside
from limner.errors import LimnerError
from limner.home import beside
from limner.network.config import Json

Config = TypeVar("Config")


def read_json(file: Path) -> dict[str, Json]:
    """The object in a JSON file; LimnerError where it is missing or is none."""
    try:
        return parsed(file, inside(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LimnerError(f"{file} is missing", "a model is a diffusers folder with model_index.json") from None
    except (OSError, UnicodeError) as error:
        raise LimnerError(f"{file} cannot be read: {error}", "fetch the model again") from error


def parsed(file: Path, text: str) -> dict[str, Json]:
    """The JSON object in a file's text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LimnerError(f"{file} cannot be read: {error}", "fetch the model again") from error
    if not isinstance(value, dict):
        raise LimnerError(f"{file} is not a JSON object", "fetch the model again")
    return value


def configured(file: Path, read: Callable[[dict[str, Json]], Config]) -> Config:
    """A JSON file as `read` understands it, whose LimnerError is given the file's name."""
    raw = read_json(file)
    with naming(file):
        return read(raw)


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Give a LimnerError of what is read meanwhile the name of its file."""
    try:
        yield
    except LimnerError as error:
        raise LimnerError(f"{file}: {error.what}", error.remedy) from error


def write_json(file: Path, value: Mapping[str, Json]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def header(file: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """The shapes of a file's tensors by name, and its own metadata, without reading a number."""
    with opened(file) as f:
        return {name: tuple(f.get_slice(name).get_shape()) for name in f.keys()}, dict(f.metadata() or {})  # noqa: SIM118


def read_tensors(file: Path, names: Collection[str] | None = None) -> dict[str, Tensor]:
    """The tensors of a file, all or those named, on the CPU in the precision they were saved in.

    They lie in the file's own memory: to read them copies nothing.  LimnerError where the file is damaged or lacks one.
    """
    with opened(file) as f:
        there = f.keys()
        for name in () if names is None else set(names) - set(there):
            raise LimnerError(f"{file}: tensor {name} is missing", "fetch it again")
        return {name: f.get_tensor(name) for name in there if names is None or name in names}


@runtime_checkable
class Slice(Protocol):
    """A tensor that was not read yet."""

    def get_shape(self) -> list[int]: ...


@runtime_checkable
class Opened(Protocol):
    """safetensors' `safe_open`, which has no types of its own."""

    def keys(self) -> list[str]: ...
    def metadata(self) -> dict[str, str] | None: ...
    def get_slice(self, name: str) -> Slice: ...
    def get_tensor(self, name: str) -> Tensor: ...


@contextmanager
def opened(file: Path) -> Iterator[Opened]:
    """A safetensors file; LimnerError where it is none, or not whole."""
    try:
        if pretends := pretence(inside(file)):
            raise LimnerError(f"{file} is {pretends}, and is never loaded", "get the same thing as safetensors")
        with safe_open(file, "pt") as f:
            yield f
    except FileNotFoundError:
        raise LimnerError(f"{file} is missing", "fetch the model again") from None
    except (OSError, SafetensorError) as error:
        raise LimnerError(f"{file} is not a whole safetensors file: {error}", "fetch it again") from error


def pretence(file: Path) -> str:
    """What a file is by its first bytes, if that is another kind of file; else nothing."""
    with file.open("rb") as f:
        first = f.read(9)
    # a safetensors file begins with the length of its header, which may look like a pickle's begin, and then a brace
    if first[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") and first[8:] != b"{":
        return "a pickle, which runs whatever code its maker put into it"
    if first.startswith(b"PK\x03\x04"):
        return "a pickle in a zip, which runs whatever code its maker put into it"
    return "a GGUF file" if first.startswith(b"GGUF") else ""


def check(net: nn.Module, tensors: Mapping[str, Tensor], file: Path) -> None:
    """LimnerError unless these are the network's weights: all of them, of the right shapes, and no others."""
    wanted = net.state_dict()
    for name, tensor in wanted.items():
        if name not in tensors:
            raise LimnerError(
                f"{file}: tensor {name} is missing", "the file does not fit its config.json; fetch it again"
            )
        if tensors[name].shape != tensor.shape:
            have, want = list(tensors[name].shape), list(tensor.shape)
            raise LimnerError(f"{file}: tensor {name} is {have}, config.json makes it {want}", "fetch the model again")
        if not tensors[name].is_floating_point():
            raise LimnerError(
                f"{file}: tensor {name} holds {tensors[name].dtype}", "get the model in float16 or float32"
            )
    for name in tensors:
        if name not in wanted:
            raise LimnerError(
                f"{file}: tensor {name} belongs to no part of this model", "the file does not fit its config.json"
            )


def fill(net: nn.Module, tensors: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> None:
    """Give a network made on the meta device the weights that were checked."""
    net.load_state_dict({k: v.to(device, dtype) for k, v in tensors.items()}, strict=True, assign=True)
    net.requires_grad_(False).eval()


CODES: Mapping[torch.dtype, str] = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.int64: "I64", torch.int32: "I32",
    torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def poured(f: BinaryIO, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write safetensors' header and then one tensor after the other: the library would copy them all first."""
    order = ordered(tensors)
    told: dict[str, Json] = {"__metadata__": dict(metadata)}
    end = 0
    for name in order:
        tensor, start = tensors[name], end
        end += tensor.numel() * tensor.element_size()
        told[name] = {"dtype": CODES[tensor.dtype], "shape": [*tensor.shape], "data_offsets": [start, end]}
    head = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    head += b" " * (-len(head) % 8)
    f.write(len(head).to_bytes(8, "little") + head)
    for name in order:
        f.write(raw(tensors[name]))


def ordered(tensors: Mapping[str, Tensor]) -> list[str]:
    """The names in the order in which the bytes lie in the file: so that each stays aligned, as the library does it."""
    return sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))


def raw(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data


def mark(tensors: Mapping[str, Tensor]) -> str:
    """sha256 (hex) of what stands behind the header of the file that `write_tensors` makes of these."""
    digest = hashlib.sha256()
    for name in ordered(tensors):
        digest.update(raw(tensors[name]))
    return digest.hexdigest()


def write_tensors(file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """A safetensors file, which is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with beside(file) as part, part.open("wb") as f:
        poured(f, tensors, {"format": "pt", **(metadata or {})})
