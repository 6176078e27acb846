"""Weights come from a hub of Hugging Face's kind, where somebody asks for them by name: the one door to the network."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import httpx2
from filelock import FileLock, Timeout
from huggingface_hub import (
    HfApi,
    constants,
    get_session,
    get_token,
    hf_hub_url,
    hf_raise_for_status,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from limner.bundle import catalogue, shelve
from limner.bundle.catalogue import Entry
from limner.bundle.kind import card_licence
from limner.bundle.place import leads_out
from limner.bundle.published import Origin, licence_named
from limner.errors import LimnerError

WEIGHED = ("text_encoder", "text_encoder_2", "unet", "vae")
LIGHT = ("tokenizer", "tokenizer_2", "scheduler")
OWN = ("clip", "tiny_decoder")  # what limner writes beside a model, with limner.json, and diffusers leaves alone
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes of all files of a repository that are here, and how many there are."""

    hub: str
    file: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of a repository at one commit: its bytes, and their sha256 where the hub tells it."""

    path: str
    size: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """The wanted files of a repository at one commit; `take` brings one to a place, yielding its bytes."""

    commit: str
    files: Sequence[Remote]
    take: Callable[[Remote, Path], Iterator[int]]


Fetched = Generator[Progress, None, Entry]


def fetch(origins: Sequence[Origin], name: str, variant: str = "") -> Fetched:
    """Download a model from the first origin that has it, into the models folder, and note it; what came is noted, too.

    What was begun before is continued, what a cache of Hugging Face's holds is taken from there.  Raises LimnerError,
    with nothing noted, if no origin has the model as safetensors, and for what `shelve.add` refuses.
    """
    free, reasons = shelve.checked_name(name), list[str]()
    for origin in origins:
        offer: Offer | None = None
        try:
            offer = (_cached if constants.is_offline_mode() else _listed)(origin, variant)
            return (yield from _arrive(origin, offer, free))
        except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.HTTPError) as fault:
            reasons.append(f"{origin.hub} {reason(fault)}")
        except LimnerError as fault:
            if offer or len(origins) == 1:
                raise
            reasons.append(fault.what)  # it is there in no form that is read; the next may have another
    raise LimnerError(
        f"{name} could not be fetched: {'; '.join(reasons)}",
        f"mind HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE; or bring it here and limner models add PATH --name {name}",
    )


def reason(fault: Exception) -> str:
    """Why a hub did not give a repository, in a few words."""
    if isinstance(fault, GatedRepoError):
        return "asks for an account that accepted its terms on its page: do that and set HF_TOKEN"
    if isinstance(fault, RepositoryNotFoundError):
        return "is gone or private (if it is yours, set HF_TOKEN)"
    if isinstance(fault, LocalEntryNotFoundError):
        return f"is not in {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids to look further"
    if isinstance(fault, HfHubHTTPError):
        return f"answered {fault.response.status_code}"
    return f"cannot be reached at {constants.ENDPOINT} ({type(fault).__name__})"


def _listed(origin: Origin, variant: str) -> Offer:
    """What the hub has of it."""
    api = HfApi()
    commit = api.model_info(origin.hub, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT).sha or "main"
    listed = [
        each for each in api.list_repo_tree(origin.hub, recursive=True, revision=commit) if isinstance(each, RepoFile)
    ]
    every = {each.path: Remote(each.path, each.size, each.lfs.sha256 if each.lfs else "") for each in listed}
    files = [every[path] for path in wanted(origin, every, variant)]
    return Offer(commit, files, lambda file, into: _download(origin.hub, commit, file, into))


def _cached(origin: Origin, variant: str) -> Offer:
    """Without the network: what the cache has of it."""
    folder = Path(
        snapshot_download(origin.hub, local_files_only=True, allow_patterns=["model_index.json", origin.file])
    )
    every = {
        each.relative_to(folder).as_posix(): Remote(each.relative_to(folder).as_posix(), each.stat().st_size)
        for each in folder.rglob("*")
        if each.is_file()
    }
    files = [every[path] for path in wanted(origin, every, variant)]

    def take(file: Remote, into: Path) -> Iterator[int]:
        _link(folder / file.path, into)
        yield file.size

    return Offer(folder.name, files, take)


def wanted(origin: Origin, every: Mapping[str, Remote], variant: str) -> list[str]:
    """The files of a repository that limner reads, with its card and licence; LimnerError if it has no safetensors."""
    told = [path for path in every if path == "README.md" or path.upper().startswith("LICENSE")]
    if origin.file:
        chosen = [path for path in every if path == origin.file]
        if not chosen:
            raise LimnerError(f"{origin.hub} has no file {origin.file}", f"see {constants.ENDPOINT}/{origin.hub}")
        return chosen + told
    if "model_index.json" in every:
        return ["model_index.json", *_folder(origin, every, variant), *told]
    lone = [path for path in every if path.endswith(".safetensors") and "/" not in path]
    if len(lone) == 1:
        return lone + told
    names = ", ".join(lone) or "none"
    raise LimnerError(
        f"{origin.hub} is no diffusers folder, and its safetensors files are {names}", "say which with --file"
    )


def _folder(origin: Origin, every: Mapping[str, Remote], variant: str) -> Iterator[str]:
    for part in (*WEIGHED, *LIGHT):
        inside = [path for path in every if PurePosixPath(path).parent.as_posix() == part]
        yield from (path for path in inside if path.endswith((".json", ".txt")) and ".index." not in path)
        if part in WEIGHED and inside:
            weights = _weights(inside, variant) or _weights(inside, "") or _weights(inside, "fp16")
            if not weights:
                raise LimnerError(
                    f"{origin.hub} has {part} as pickles only, which run whatever their maker put into them",
                    "find the model as safetensors elsewhere",
                )
            yield from weights
    yield from (path for path in every if path == "limner.json" or _own(PurePosixPath(path)))


def _own(path: PurePosixPath) -> bool:
    return path.parent.as_posix() in OWN and path.suffix in (".json", ".safetensors")


def _weights(inside: Sequence[str], variant: str) -> list[str]:
    """A component's safetensors of one variant: the whole file, or else its shards and their index."""
    dotted = f"\\.{re.escape(variant)}" if variant else ""
    whole = re.compile(rf"(diffusion_pytorch_model|model){dotted}\.safetensors")
    shard = re.compile(
        rf"(diffusion_pytorch_model|model)({dotted}-\d+-of-\d+|-\d+-of-\d+{dotted})\.safetensors"
        rf"|(diffusion_pytorch_model|model)\.safetensors\.index{dotted}\.json"
    )
    for pattern in (whole, shard):
        if found := [path for path in inside if pattern.fullmatch(PurePosixPath(path).name)]:
            return found
    return []


def _arrive(origin: Origin, offer: Offer, name: str) -> Fetched:
    """The files, one after another, into a folder that keeps what has come; then the whole into the models folder."""
    files, staging = offer.files, catalogue.home() / "fetching" / f"{origin.hub.replace('/', '--')}@{offer.commit}"
    staging.mkdir(parents=True, exist_ok=True)
    lock, total = FileLock(staging.with_name(f"{staging.name}.lock")), sum(file.size for file in files)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LimnerError(f"{origin.hub} is being fetched by another limner", "wait for it") from None
    try:
        _room(staging, files)
        done = 0
        for file in files:
            into = staging / file.path
            if leads_out(into, staging):
                raise LimnerError(f"{origin.hub} has a file {file.path}, outside of itself", "trust another source")
            if not (into.is_file() and into.stat().st_size == file.size):
                into.parent.mkdir(parents=True, exist_ok=True)
                for come in offer.take(file, into):
                    yield Progress(origin.hub, file.path, done + come, total)
            done += file.size
            yield Progress(origin.hub, file.path, done, total)
        return _settled(origin, offer.commit, files, name, staging)
    finally:
        lock.release()


def _room(staging: Path, files: Sequence[Remote]) -> None:
    here = sum(each.stat().st_size for each in staging.rglob("*") if each.is_file())
    need, free = sum(file.size for file in files) - here, shutil.disk_usage(staging).free
    if need > free:
        raise LimnerError(
            f"{staging} has room for {free / 1e9:.1f} GB, and {need / 1e9:.1f} GB are to come",
            "free some space, or set LIMNER_HOME to a larger disk",
        )


def _settled(origin: Origin, commit: str, files: Sequence[Remote], name: str, staging: Path) -> Entry:
    """What has come, opened and moved; where that fails it stays, for a second try under another name."""
    sums, whole = {file.path: file.sha256 for file in files if file.sha256}, staging
    if "model_index.json" not in {file.path for file in files}:
        whole = next(staging / file.path for file in files if file.path.endswith(".safetensors"))
        sums = {f"{name}.safetensors": each for each in sums.values()}
    about = shelve.examined(name, whole)
    said = card_licence(staging / "README.md")  # which a single file leaves behind
    terms = licence_named(said)
    licence = terms.key if terms else said or about.licence
    settled = shelve.settle(whole, replace(about, licence=licence, origin=f"{origin.hub}@{commit}", sha256=sums))
    shutil.rmtree(staging, ignore_errors=True)
    return settled


def _download(hub: str, commit: str, file: Remote, into: Path) -> Iterator[int]:
    """Bytes so far, from the cache at once or from the hub; what came before is kept in `FILE.part` and continued."""
    kept = try_to_load_from_cache(hub, file.path, revision=commit)
    if isinstance(kept, str):
        _link(Path(kept), into)
        yield file.size
        return
    part = into.with_name(f"{into.name}.part")
    done = part.stat().st_size if part.exists() else 0
    if done < file.size or not part.exists():
        yield from _continued(hf_hub_url(hub, file.path, revision=commit), part, done)
    size = part.stat().st_size
    if size < file.size:
        raise LimnerError(
            f"{hub} {file.path} ended after {size} of {file.size} bytes", "try again: it goes on from there"
        )
    if size > file.size or (file.sha256 and sha256(part) != file.sha256):
        part.unlink()
        raise LimnerError(f"{hub} {file.path} came otherwise than the hub says it is", "try again, or another source")
    part.replace(into)


def _continued(url: str, part: Path, done: int) -> Iterator[int]:
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    headers |= {"Authorization": f"Bearer {token}"} if (token := get_token()) else {}
    try:
        with get_session().stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as answer:
            hf_raise_for_status(answer)
            again = answer.status_code == 206  # else the server began anew, and so do we
            done = done if again else 0
            with part.open("ab" if again else "wb") as out:
                for chunk in answer.iter_bytes():
                    out.write(chunk)
                    done += len(chunk)
                    yield done
    except httpx2.HTTPError as fault:
        if isinstance(fault, HfHubHTTPError) or not part.exists():
            raise
        came = part.stat().st_size
        raise LimnerError(
            f"the connection broke after {came / 1e6:.1f} MB of {part.stem}", "try again: it goes on there"
        ) from None
    except OSError as fault:
        raise LimnerError(
            f"{part} cannot be written: {fault.strerror}", "free some space, then try again: it goes on there"
        ) from None


def _link(source: Path, into: Path) -> None:
    """The same bytes in a second place, without a second time their room where the system can."""
    try:
        os.link(source.resolve(), into)
    except OSError:
        shutil.copyfile(source, into)


def sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
