"""How the corpus is made: fetch, render, filter and write, shard by shard, the same bytes every time."""

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path

from limner.errors import LimnerError
from limner.home import beside
from limner.pictures.catalogue import SETS, WORDS, Package, PictureSet
from limner.pictures.fetch import default_cache, fetch, members
from limner.pictures.heldout import all_held_out
from limner.pictures.render import decode, encode, fit, ink, render
from limner.pictures.sets import VERSION, Manifest, Record, Shard, read_manifest
from limner.pictures.sources import READERS, Drawing, Vocabulary
from limner.pictures.words import read_emojibase

_SHARD = 512
_VISIBLE = 0.02  # a picture that covers less of its square is a stroke or a mistake
_OLDEST = (1980, 1, 1, 0, 0, 0)  # the zip format's earliest date

Job = tuple[Path, PictureSet, Sequence[Drawing], int, tuple[Shard, Sequence[Record]] | None]
Shards = dict[str, tuple[Shard, Sequence[Record]]]  # by file name


@dataclass(frozen=True)
class Progress:
    """`done` of `total` drawings of one set are behind us, `kept` of them became pictures."""

    set: str
    done: int
    total: int
    kept: int


def build(
    folder: Path,
    sets: Sequence[str] | None = None,
    size: int = 128,
    limit: int | None = None,
    seed: int = 0,
    cache: Path | None = None,
    words: Package = WORDS,
    table: Mapping[str, PictureSet] = SETS,
    workers: int = 0,
) -> Iterator[Progress]:
    """Write the named sets (all, if None) into `folder`, yielding after every shard; a second run goes on from there.

    A finished shard is kept if its plan (package, drawings, size, versions of the renderers) and its bytes are the
    same. `limit` takes that many drawings of each set, chosen by `seed`. Sets built before stay in the manifest.
    So many `workers` render beside this process (0: it does).
    Raises `LimnerError` for an unknown set or size, or if a package cannot be had.
    """
    wanted = list(table) if sets is None else [name for name in table if name in sets]
    unknown = set(sets or ()) - set(table)
    if unknown:
        raise LimnerError(f"there is no picture set {min(unknown)!r}", f"choose from {', '.join(table)}")
    if size not in (128, 256):
        raise LimnerError(f"pictures of {size} pixels are not built", "choose a size of 128 or 256")
    folder, cache = Path(folder), cache or default_cache()
    folder.mkdir(parents=True, exist_ok=True)
    made = _made_before(folder, size, seed)
    vocabulary = read_emojibase(members(fetch(words, cache)))
    jobs, last = list[Job](), dict[str, int]()
    for name in wanted:
        drawings = _drawings(table[name], cache, vocabulary, limit, seed)
        last[name] = len(drawings)
        for start in range(0, len(drawings), _SHARD):
            path = folder / f"{name}-{start // _SHARD:03}.zip"
            jobs.append((path, table[name], drawings[start : start + _SHARD], size, made.get(path.name)))
    before = {file for file, (shard, _) in made.items() if shard.set in wanted} - {job[0].name for job in jobs}
    kept, done = Counter[str](), Counter[str]()
    for (path, which, part, *_), shard in zip(jobs, _each(jobs, workers), strict=True):
        made[path.name] = shard
        kept[which.name] += shard[0].count
        done[which.name] += len(part)
        _write(folder, size, seed, table, made)
        yield Progress(which.name, done[which.name], last[which.name], kept[which.name])
    for file in sorted(before):
        del made[file]
        (folder / file).unlink(missing_ok=True)
    _write(folder, size, seed, table, made)


def _made_before(folder: Path, size: int, seed: int) -> Shards:
    """The shards that the manifest in `folder` lists, if there is one."""
    if not (folder / "manifest.json").exists():
        return {}
    manifest = read_manifest(folder)
    if (manifest.size, manifest.seed) != (size, seed):
        what = f"{folder} holds pictures of size {manifest.size} and seed {manifest.seed}"
        raise LimnerError(what, "build into another folder")
    records = iter(manifest.records)
    return {shard.file: (shard, [next(records) for _ in range(shard.count)]) for shard in manifest.shards}


def _drawings(which: PictureSet, cache: Path, words: Vocabulary, limit: int | None, seed: int) -> list[Drawing]:
    """The set's drawings by key; with a limit, those whose hash with the seed comes first."""
    packages = {each.name: members(fetch(each, cache)) for each in (which.package, *which.needs)}
    found = list(READERS[which.labels](which, packages, words))
    if limit is not None:
        found.sort(key=lambda each: hashlib.blake2b(f"{seed} {each.record.key}".encode()).digest())
    return sorted(found[:limit], key=lambda each: each.record.key)


def _shard(
    path: Path, which: PictureSet, drawings: Sequence[Drawing], size: int, before: tuple[Shard, Sequence[Record]] | None
) -> tuple[Shard, Sequence[Record]]:
    """The finished shard at `path`, rendered now unless it is there with the right bytes already."""
    plan = _plan(which, drawings, size)
    if before and before[0].plan == plan and path.exists() and _sha256(path.read_bytes()) == before[0].sha256:
        return before
    buffer, kept = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for drawing in drawings:
            encoded = _picture(which, drawing, size)
            if encoded:
                archive.writestr(zipfile.ZipInfo(f"{drawing.record.key}.webp", _OLDEST), encoded)
                kept.append(drawing.record)
    with beside(path) as part:
        part.write_bytes(buffer.getvalue())
    return Shard(path.name, which.name, len(kept), plan, _sha256(buffer.getvalue())), kept


def _each(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Shard, Sequence[Record]]]:
    """The shards in order, made by so many processes beside this one (0: by this one)."""
    if not workers:
        yield from starmap(_shard, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_shard, *zip(*jobs, strict=True))


def _plan(which: PictureSet, drawings: Sequence[Drawing], size: int) -> str:
    digest = hashlib.sha256(repr((which, size, version("resvg_py"), version("pillow"))).encode())
    for drawing in drawings:
        digest.update(repr(drawing).encode())
    return digest.hexdigest()


def _picture(which: PictureSet, drawing: Drawing, size: int) -> bytes | None:
    """The encoded picture, or None for one that cannot be drawn or is almost empty."""
    content = drawing.content
    try:
        pixels = render(content, 2 * size) if isinstance(content, str) else decode(content)
        square = fit(ink(pixels) if which.frame == "ink" else pixels, size, which.margin)
    except ValueError:
        return None
    return encode(square) if (square[..., 3] > 127).mean() > _VISIBLE else None


def _write(folder: Path, size: int, seed: int, table: Mapping[str, PictureSet], made: Shards) -> None:
    """The manifest: sets in the order of the table, their shards by name, and one record to a line."""
    names = {shard.set for shard, _ in made.values()}
    order = [which.name for which in table.values() if which.name in names]
    shards = sorted(made.values(), key=lambda each: (order.index(each[0].set), each[0].file))
    columns = [each.name for each in fields(Record)]
    manifest = Manifest(
        version=VERSION,
        size=size,
        seed=seed,
        sets=tuple(table[name] for name in order),
        shards=tuple(shard for shard, _ in shards),
        records=tuple(record for _, records in shards for record in records),
        held_out=all_held_out(),
    )
    content = {
        "version": manifest.version,
        "size": manifest.size,
        "seed": manifest.seed,
        "sets": [asdict(each) for each in manifest.sets],
        "shards": [asdict(each) for each in manifest.shards],
        "fields": columns,
        "records": [[getattr(record, column) for column in columns] for record in manifest.records],
        "held_out": manifest.held_out,
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("],[", "],\n[")
    with beside(folder / "manifest.json") as part:
        part.write_bytes(text.encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
