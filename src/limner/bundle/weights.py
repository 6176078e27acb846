"""Which files hold a component's tensors: one, a variant of it, or an index and its shards."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from limner.bundle import layout
from limner.bundle.place import PICKLES, pickled
from limner.errors import LimnerError

STEMS = ("diffusion_pytorch_model", "model")
INDEX = ".safetensors.index"


@dataclass(frozen=True, slots=True)
class Weights:
    """`named` is the one file, or the index; `files` are those that hold tensors, each with the names it must hold."""

    named: Path
    files: dict[Path, frozenset[str] | None]

    def read(self) -> dict[str, Tensor]:
        """All tensors; LimnerError where a shard holds others than the index says."""
        out = dict[str, Tensor]()
        for file, names in self.files.items():
            tensors = layout.read_tensors(file)
            for name in set() if names is None else names ^ tensors.keys():
                where = "holds" if name in tensors else "does not hold"
                raise LimnerError(f"{file} {where} {name}, but {self.named.name} says otherwise", "fetch both again")
            out |= tensors
        return out


def weights(folder: Path, variant: str | None = None) -> Weights:
    """The weights of a component's folder; of a `variant` (fp16, ...) if it has them, else those without a variant.

    If nobody asked for a variant and there is nothing else, the variant fp16 will do, or the only one there is.
    Raises LimnerError naming the file.
    """
    there = dict(candidates(folder))
    order = dict.fromkeys((*([variant] if variant else []), "", "fp16", *(there if len(there) == 1 else ())))
    for name in order:
        if name in there:
            return sharded(there[name])
    if there:
        raise LimnerError(f"{folder} has weights only in variants {', '.join(there)}", "choose one by --variant")
    raise missing(folder)


def candidates(folder: Path) -> Iterator[tuple[str, Path]]:
    """Weights that a folder has, by variant; a whole file goes before an index, diffusers' name before the other."""
    for stem in reversed(STEMS):
        for file in sorted(folder.glob(f"{stem}{INDEX}*.json")):
            yield file.name.removeprefix(f"{stem}{INDEX}").removesuffix("json").strip("."), file
        for file in sorted(folder.glob(f"{stem}*.safetensors")):
            variant = file.name.removeprefix(stem).removesuffix(".safetensors")
            if (variant == "" or variant.startswith(".")) and "-of-" not in variant:
                yield variant.strip("."), file


def sharded(file: Path) -> Weights:
    """A file of weights, or what an index names."""
    if file.suffix != ".json":
        return Weights(file, {file: None})
    said = layout.read_json(file).get("weight_map")
    if not isinstance(said, dict) or not said or not all(isinstance(name, str) for name in said.values()):
        raise LimnerError(f"{file} has no weight_map", "fetch it again")
    shards = dict[Path, set[str]]()
    for tensor, name in said.items():
        shards.setdefault(file.parent / str(name), set()).add(tensor)
    for shard in shards:
        if shard.parent != file.parent or shard.suffix != ".safetensors":
            raise LimnerError(f"{file} names {shard}, which is no shard beside it", "fetch the model again")
        if not shard.exists():
            raise LimnerError(f"{shard} is missing, which {file.name} names", "fetch the model again")
    return Weights(file, {shard: frozenset(names) for shard, names in shards.items()})


def missing(folder: Path) -> LimnerError:
    pickles = sorted(file.name for file in folder.glob("*") if file.suffix in PICKLES)
    if pickles:
        return pickled(folder / pickles[0], "get the safetensors file of the same model")
    return LimnerError(
        f"{folder} has no weights", "a file diffusion_pytorch_model.safetensors or model.safetensors belongs there"
    )
