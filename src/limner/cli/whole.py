"""Several jobs of `limner measure`, one after another, each in a process of its own, and a summary of them."""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from limner.cli import asked, drawn
from limner.cli.progress import above_zero, told
from limner.errors import LimnerError

if TYPE_CHECKING:
    from limner.evaluation.figures import Figure

PLACES = ("--figures", "--out")
COMMON = ("model", "device", "dtype", "backend", "steps", "out", "corpus", "figures")  # flags that are handed on


@dataclass(frozen=True, slots=True)
class Job:
    """A measurement: its line in the help, its flags, and what takes its figures and writes them as JSON."""

    about: str
    flags: Callable[[argparse.ArgumentParser], None]
    figures: "Callable[[argparse.Namespace], Sequence[Figure]]"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job."""

    name: str
    state: Literal["taken", "kept", "failed"]
    seconds: float
    figures: "Sequence[Figure]"


def flags(job: argparse.ArgumentParser) -> None:
    """Those that are left out are each job's own."""
    asked.bundle_flags(job)
    asked.backend_flag(job)
    job.add_argument("--steps", type=int, metavar="N", help="a picture takes")
    job.add_argument("--out", type=Path, metavar="DIR", help="pictures, which are kept")
    job.add_argument("--corpus", type=Path, metavar="DIR", help="the pictures to compare with")
    job.add_argument("--only", nargs="+", metavar="JOB", help="these jobs alone")
    job.add_argument(
        "--fresh", action="store_true", help="take again what is of these weights and this command already"
    )


def figures(args: argparse.Namespace, jobs: Mapping[str, Job], title: str = "measure") -> "tuple[list[Figure], bool]":
    """All their figures, under the jobs' names, and whether a job failed; the others go on.

    What the jobs have in common is refused before any of them begins.
    """
    if unknown := set(args.only or ()) - set(jobs):
        raise LimnerError(f"there is no job {min(unknown)!r} here", f"there are {', '.join(jobs)}")
    if args.steps is not None:
        above_zero("steps", args.steps)
    bundle = asked.bundle(args)
    if args.backend is not None:
        asked.backend(args, bundle)
    identity, looks = bundle.identity, looker()
    wanted = [name for name in jobs if name in (args.only or jobs)]
    done = list[Done]()
    for number, name in enumerate(wanted, 1):
        words = command(name, jobs[name], args)
        told(f"{number} of {len(wanted)}: limner {shlex.join(words)}")
        done.append(taken(name, words, args.figures / f"{name}.json", identity, looks, args.fresh))
        told(f"{name} {done[-1].state}, {done[-1].seconds:.0f} s")
    if any(each.figures for each in done):
        summarised(args.figures / f"{title}.json", jobs, done, identity, looks)
    return [figure for each in done for figure in each.figures], any(each.state == "failed" for each in done)


def summarised(file: Path, jobs: Iterable[str], done: Sequence[Done], identity: str, looks: str | None) -> None:
    """Keep what became of the jobs, and draw it; what the file had of those that failed or were not asked for stays."""
    from limner.evaluation.charts import summary
    from limner.evaluation.figures import Value, record

    there = before(file, jobs, identity, looks)
    there |= {each.name: each for each in done if each.figures or each.name not in there}
    told_of = [there[name] for name in jobs if name in there]
    found = [figure for each in told_of for figure in each.figures]
    details: dict[str, Value] = {
        "oracle": looks,
        "jobs": {
            each.name: {"state": each.state, "seconds": round(each.seconds), "figures": len(each.figures)}
            for each in told_of
        },
    }
    record(file, found, identity, details)
    summary(found, file.with_suffix(".png"))


def before(file: Path, jobs: Iterable[str], identity: str, looks: str | None) -> dict[str, Done]:
    """What a summary tells of already, as the jobs' JSON has it, if that is still of these weights and this oracle."""
    try:
        told_of = json.loads(file.read_text(encoding="utf-8"))["details"]["jobs"]
        names = [name for name in jobs if name in told_of]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found = {name: kept(file.with_name(f"{name}.json"), None, identity, looks) for name in names}
    return {name: Done(name, "kept", 0.0, figures) for name, figures in found.items() if figures}


def command(name: str, job: Job, args: argparse.Namespace) -> list[str]:
    """How the job is called by itself: of the flags that were typed here those that it has, too."""
    from limner.cli import Parser

    parser = Parser(allow_abbrev=False)
    job.flags(parser)
    own = vars(parser.parse_args([])) | {"figures": None}
    words = ["measure", name]
    for flag in COMMON:
        value = getattr(args, flag)
        if flag in own and value is not None and value != own[flag]:
            words += [f"--{flag}", str(value)]
    return words


def taken(name: str, words: Sequence[str], file: Path, identity: str, looks: str | None, fresh: bool) -> Done:
    """The job's figures: those it left, if they are of the same weights, oracle and command, or those it takes now."""
    from time import monotonic

    if not fresh and (figures := kept(file, words, identity, looks)):
        return Done(name, "kept", 0.0, figures)
    began = monotonic()
    code = launched(words)
    figures = kept(file, words, identity, looks) if code in (0, 1) else ()
    return Done(name, "taken" if figures else "failed", monotonic() - began, figures)


def launched(words: Sequence[str]) -> int:
    """The exit code of `limner WORDS`; what it says on the way is heard, its figures are read from its JSON."""
    return subprocess.call([sys.executable, "-m", "limner", *words], stdout=subprocess.DEVNULL)


def kept(file: Path, words: Sequence[str] | None, identity: str, looks: str | None) -> "Sequence[Figure]":
    """The figures in a job's JSON, named after the job; none if they are of another model, oracle or command.

    Without words any command will do.
    """
    from limner.evaluation.figures import Figure, without_folders

    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        said = placeless(shlex.split(report["command"])[1:])
        if words is not None and said != placeless(map(without_folders, words)):
            return ()
        if report["model"] != identity or report["details"].get("oracle", looks) != looks:
            return ()
        return [
            Figure(f"{file.stem}.{each['name']}", each["value"], each["target"], each["bound"], each["unit"])
            for each in report["figures"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def placeless(words: Iterable[str]) -> list[str]:
    """A command without where it keeps what it draws and finds, which changes no figure."""
    out, skip = list[str](), False
    for word in words:
        if not skip and word not in PLACES:
            out.append(word)
        skip = word in PLACES
    return out


def looker() -> str | None:
    """The oracle's identity; jobs that need one fail without it, and the others do not."""
    try:
        return drawn.eye().identity
    except LimnerError:
        return None
