"""One core judges a hand-in, for commands, pages, programs and graders: how it is read, and what is wrong with it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from limner.coursework.eye import Eye
from limner.coursework.finding import WHOLE, Finding, Severity, code, shown
from limner.coursework.handin import File, HandIn, Source, gathered, opened
from limner.coursework.seen import looked, seen
from limner.coursework.sense import sense
from limner.coursework.shape import work
from limner.coursework.spec import Spec, Task
from limner.coursework.works import Work

PATIENCE = 120.0  # seconds that a hand-in's pictures may take in all


@dataclass(frozen=True, slots=True)
class Report:
    """A hand-in as it will be read, and what is wrong with it, in the order of its files and lines."""

    name: str
    works: tuple[Work, ...] = ()
    findings: tuple[Finding, ...] = ()
    missing: tuple[Task, ...] = ()

    @property
    def code(self) -> int:
        return code(self.findings)

    def count(self, severity: Severity) -> int:
        return sum(finding.severity == severity for finding in self.findings)


def reports(
    paths: Sequence[Path], spec: Spec, tasks: Sequence[str] = (), patience: float = PATIENCE
) -> Iterator[Report]:
    """A report of each hand-in: every zip and folder is one, and all loose files are one together.

    `tasks` are names of those that have to be there.  LimnerError where there is no such file or task.
    """
    for name, sources in gathered(paths):
        yield report(name, sources, spec, tasks, patience)


def report(
    name: str, sources: Sequence[Source], spec: Spec, tasks: Sequence[str] = (), patience: float = PATIENCE
) -> Report:
    """The report of one hand-in."""
    wanted = [spec.task(each) for each in tasks]
    with opened(name, sources, spec.limits) as handin:
        return judged(handin, spec, Eye(spec.limits, monotonic() + patience), wanted)


def judged(handin: HandIn, spec: Spec, eye: Eye, wanted: Sequence[Task] = ()) -> Report:
    """What an open hand-in holds; `wanted` tasks have to be among it."""
    if code(handin.findings) == 2:
        return Report(handin.name, (), _ordered(handin.findings), spec.tasks)
    findings, works = list(handin.findings), list[Work]()
    for task, file in found_in(handin, spec):
        if file.name != task.file:
            what = f"the file of this task is called {task.file}"
            findings.append(Finding(shown(file.name), WHOLE, "file.name", what, f"call it {task.file}", True))
        done, more = looked(work(spec, task, file, handin), eye)
        works.append(done)
        findings += [*done.findings, *more, *sense(spec, done), *seen(spec, done)]
    missing = tuple(task for task in spec.tasks if task not in [done.task for done in works])
    findings += [_missing(task) for task in wanted if task in missing]
    if not works:
        names = ", ".join(task.file for task in spec.tasks)
        findings.append(
            Finding(shown(handin.name), WHOLE, "zip.nothing", "no task's file is in it", f"hand in {names}")
        )
    return Report(handin.name, tuple(works), _ordered([*findings, *_unnamed(handin, works)]), missing)


def found_in(handin: HandIn, spec: Spec) -> Iterator[tuple[Task, File]]:
    """The tasks that are in a hand-in, each with its file, which may be called nearly so."""
    for task in spec.tasks:
        if file := handin.file(task.file) or _nearly(task, spec, handin):
            yield task, file


def _nearly(task: Task, spec: Spec, handin: HandIn) -> File | None:
    """A file that was meant to be the task's: in other capitals, with a plural, a copy's number or another's suffix."""
    exact = {each.file for each in spec.tasks}
    others = (file for file in handin.files if file.name not in exact and ".json" in file.name.lower())
    return next((file for file in others if meant(file.name) == meant(task.file)), None)


def meant(name: str) -> str:
    """A JSON file's name without what programs and people add to it."""
    stem = re.sub(r"\.json(\.txt)?$", "", name.strip().casefold())
    stem = re.sub(r"(?: *\(\d+\)| - copy| copy|\.txt)$", "", stem)
    return re.sub(r"[\W_]", "", stem).rstrip("s")


def _missing(task: Task) -> Finding:
    return Finding(task.file, WHOLE, "file.missing", "this file is not in the hand-in", f"add {task.file}")


def _unnamed(handin: HandIn, works: Sequence[Work]) -> Iterator[Finding]:
    """The files that are neither a task's nor one of its pictures."""
    used = {done.file.name for done in works}
    used |= {shot.file.name for done in works for entry in done.entries for shot in entry.shots if shot.file}
    nested = {finding.file for finding in handin.findings if finding.rule in ("zip.nested", "zip.entry")}
    for file in handin.files:
        if works and file.name not in used and shown(file.lay) not in nested:
            yield Finding(
                shown(file.name), WHOLE, "file.unnamed", "no task names this file", "name it, or leave it out"
            )


def _ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.file, each.place)))
