"""A folder of pictures as points of CLIP's space: looked at once, kept, and asked by words or by another picture."""

import hashlib
import io
import json
import os
import stat
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from limner.bundle.clip import ROWS, Clip
from limner.bundle.layout import header, read_tensors, write_tensors
from limner.bundle.place import home
from limner.engine.run import Picture
from limner.errors import LimnerError
from limner.evaluation.alignment import floats
from limner.pictures.render import fit

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp")
LARGEST = 2**26  # pixels of a picture that is opened
OFTEN = 16  # batches after which the index is written, should somebody stop it
VERSION = 2  # of what a picture is made into before the tower sees it


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file: its name from the folder on, its size in bytes, its time in nanoseconds, and its sha256."""

    name: str
    size: int
    time: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Album:
    """The pictures of a folder, and where in CLIP's space each lies.

    `bad` says of a file that is no picture why; `new` is how many had to be looked at.
    """

    folder: Path
    leaves: tuple[Leaf, ...]
    features: Float[Tensor, "n p"]
    bad: Mapping[str, str]
    new: int

    @property
    def paths(self) -> list[Path]:
        return [self.folder / leaf.name for leaf in self.leaves]

    def nearest(self, asked: Float[Tensor, " p"], count: int, besides: Path | None = None) -> list[tuple[Path, float]]:
        """The `count` nearest pictures with their cosines, the nearest first, and of equals by their names.

        `besides` is left out if it is one of them; a copy of it is not.
        """
        paths, cosines = self.paths, (self.features @ asked).tolist()
        order = sorted(range(len(paths)), key=lambda k: (-cosines[k], paths[k]))
        itself = besides.resolve() if besides else None
        return [(paths[k], cosines[k]) for k in order if paths[k].resolve() != itself][:count]


def index(folder: Path, clip: Clip) -> Generator[tuple[int, int], None, Album]:
    """The album of a folder and of the folders in it; yields how many of how many pictures are done.

    A file of known name, size and time is not read, one of known bytes not looked at.  The index stands in limner's
    own folder, never in the user's; where it cannot be written, all is looked at again the next time.  LimnerError if
    the folder is none, or has no picture.
    """
    names, file = list(found(folder)), place(folder, clip)
    before, features = known(file)
    leaves, bad, new = list[Leaf](), dict[str, str](), 0
    for done in range(0, len(names), ROWS):
        some, unseen, faults = turned(folder, names[done : done + ROWS], before, features, clip.side)
        if unseen:
            features |= dict(zip(unseen, clip.pictures(floats(list(unseen.values()))), strict=True))
        leaves, bad, new = leaves + some, bad | faults, new + len(unseen)
        if new and done // ROWS % OFTEN == OFTEN - 1:
            walked = set(names[: done + ROWS])
            keep(file, [*leaves, *(leaf for name, leaf in before.items() if name not in walked)], features)
        yield min(done + ROWS, len(names)), len(names)
    if not leaves:
        raise LimnerError(f"no pictures in {folder}", f"they end in {', '.join(SUFFIXES)}")
    if new or leaves != list(before.values()):
        keep(file, leaves, features)
    return Album(folder, tuple(leaves), torch.stack([features[leaf.sha256] for leaf in leaves]), bad, new)


def found(folder: Path) -> Iterator[str]:
    """The names of a folder's pictures from it on, in order; hidden files and folders are left alone."""
    if not folder.is_dir():
        raise LimnerError(f"{folder} is no folder", "name a folder of pictures")
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        inside = Path(root).relative_to(folder)
        for each in sorted(files):
            if each.lower().endswith(SUFFIXES) and not each.startswith("."):
                yield (inside / each).as_posix()


def turned(
    folder: Path, names: Sequence[str], before: Mapping[str, Leaf], features: Mapping[str, Tensor], side: int
) -> tuple[list[Leaf], dict[str, Picture], dict[str, str]]:
    """Files as they are now, the pictures of those to be looked at by their sha256, and why others are no pictures."""
    leaves, unseen, bad = list[Leaf](), dict[str, Picture](), dict[str, str]()
    for name in names:
        try:
            leaf, data = read(folder, name, before.get(name))
            if leaf.sha256 not in features and leaf.sha256 not in unseen:
                unseen[leaf.sha256] = pixels(data, side)
        except LimnerError as fault:
            bad[name] = fault.what
        else:
            leaves.append(leaf)
    return leaves, unseen, bad


def read(folder: Path, name: str, before: Leaf | None) -> tuple[Leaf, bytes]:
    """The file as it is now, and its bytes unless it is as it was before; LimnerError where it cannot be read."""
    path = folder / name
    try:
        told = path.stat()
        if not stat.S_ISREG(told.st_mode):
            raise LimnerError("is no file", "remove it")
        if before is not None and (before.size, before.time) == (told.st_size, told.st_mtime_ns):
            return before, b""
        data = path.read_bytes()
    except OSError as fault:
        raise LimnerError(f"cannot be read: {fault.strerror}", "see who may read it") from fault
    return Leaf(name, told.st_size, told.st_mtime_ns, hashlib.sha256(data).hexdigest()), data


def opened(path: Path, side: int) -> Picture:
    """A picture file as the picture tower sees it; LimnerError naming the file where it is none."""
    return _from(path, lambda data: pixels(data, side))


def whole(path: Path, width: int, height: int) -> Picture:
    """A picture file as large as that: one that is stays to the last bit, another is fitted in, white around it.

    LimnerError naming the file where it is none.
    """

    def padded(data: bytes) -> Picture:
        picture = on_white(data)
        if picture.size != (width, height):
            picture = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color="white")
        return np.asarray(picture)

    return _from(path, padded)


def itself(path: Path) -> Picture:
    """A picture file upright at its own size, on white; LimnerError naming the file where it is none."""
    return _from(path, lambda data: np.asarray(on_white(data)))


def _from(path: Path, made: Callable[[bytes], Picture]) -> Picture:
    try:
        return made(path.read_bytes())
    except OSError as fault:
        raise LimnerError(f"{path} cannot be read: {fault.strerror}", "check its name") from fault
    except LimnerError as fault:
        raise LimnerError(f"{path} {fault.what}", fault.remedy) from fault


def pixels(data: bytes, side: int) -> Picture:
    """A picture upright, whole and in the middle of a white square, where what is transparent is white as well.

    CLIP crops what is not square (Radford et al. 2021); limner-mini learnt from things that are whole.
    """
    small = Image.fromarray(fit(np.asarray(upright(data, 4 * side)), side))
    square = Image.new("RGB", (side, side), "white")
    square.paste(small, (0, 0), small)
    return np.asarray(square)


def on_white(data: bytes) -> Image.Image:
    """An RGB picture, upright, where what is transparent is white."""
    drawn = upright(data)
    solid = Image.new("RGBA", drawn.size, "white")
    solid.alpha_composite(drawn)
    return solid.convert("RGB")


def upright(data: bytes, enough: int | None = None) -> Image.Image:
    """An RGBA picture, turned as its EXIF says; of a JPEG that is larger than `enough`, a smaller one is decoded.

    LimnerError, without the file's name, where it is none or is too large.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > LARGEST:
                raise LimnerError(f"has {image.width} x {image.height} pixels", "make it smaller")
            if enough is not None:
                image.draft("RGB", (enough, enough))
            turned = eight(ImageOps.exif_transpose(image))
            return turned.convert("RGBA" if turned.has_transparency_data else "RGB").convert("RGBA")
    except LimnerError:
        raise
    except Exception as fault:  # Pillow's decoders raise whatever they stumble over
        why = "" if isinstance(fault, UnidentifiedImageError) else f": {fault or type(fault).__name__}"
        raise LimnerError(f"is no picture that can be opened{why}", "save it anew") from fault


def eight(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits in 8, where Pillow would cut off all that is brighter than 255; others stay."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).clip(0, 2**16 - 1)
    grey = Image.fromarray((values // 257).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)))
    return grey


def place(folder: Path, clip: Clip) -> Path:
    """Where the index of a folder stands, as these weights see it."""
    told = json.dumps([VERSION, str(folder.resolve()), clip.identity])
    return home() / "albums" / f"{hashlib.sha256(told.encode()).hexdigest()[:24]}.safetensors"


def known(file: Path) -> tuple[dict[str, Leaf], dict[str, Tensor]]:
    """What an index says: the files by name, and the features by sha256; nothing where it is missing or damaged."""
    try:
        leaves = [Leaf(*each) for each in json.loads(header(file)[1]["leaves"])]
        features = read_tensors(file)["features"]
        return {leaf.name: leaf for leaf in leaves}, {
            leaf.sha256: each for leaf, each in zip(leaves, features, strict=True)
        }
    except (LimnerError, KeyError, TypeError, ValueError):
        return {}, {}


def keep(file: Path, leaves: list[Leaf], features: Mapping[str, Tensor]) -> None:
    """Write the index, whole or not at all."""
    table = torch.stack([features[leaf.sha256] for leaf in leaves])
    try:
        write_tensors(file, {"features": table}, {"leaves": json.dumps([astuple(leaf) for leaf in leaves])})
    except OSError:
        return
