"""How a course folder stands: what each task lacks, what a checker would say of it, and what to do next."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from limner.coursework.drafts import Draft
from limner.coursework.finding import Finding, Severity
from limner.coursework.folder import Folder
from limner.coursework.gaps import Gap, gaps, next_step, words
from limner.coursework.pack import tried
from limner.coursework.spec import PICTURED, Task
from limner.coursework.works import Plain

LACKING = ("value.empty", "count.few", "key.missing", "file.missing", "path.missing")  # which gaps say themselves


@dataclass(frozen=True, slots=True)
class Stand:
    """A task's: its gaps, and the errors and warnings that its files would get if they were packed now."""

    draft: Draft
    gaps: Sequence[Gap]
    findings: Sequence[Finding]

    @property
    def errors(self) -> list[Finding]:
        """Those beside the gaps."""
        return [each for each in self.findings if each.severity != Severity.WARNING and each.rule not in LACKING]

    @property
    def complete(self) -> bool:
        return not self.gaps and all(each.severity == Severity.WARNING for each in self.findings)


@dataclass(frozen=True, slots=True)
class Standing:
    folder: Folder
    tasks: Sequence[Stand]

    @property
    def complete(self) -> bool:
        return all(each.complete for each in self.tasks)

    @property
    def next(self) -> str:
        """In a sentence."""
        if found := [gap for each in self.tasks for gap in each.gaps]:
            return f"Next: {next_step(self.folder.spec, found)}"
        if errors := [error for each in self.tasks for error in each.errors]:
            return f"Next: {errors[0].file}:{errors[0].place.line}: {errors[0].sentence}; {errors[0].fix}."
        if not self.complete:
            return "Next: limner course pack says what is wrong."
        return f"Everything is there: limner course pack {shown(self.folder)} writes the zip."


def standing(folder: Folder) -> Standing:
    """Of every task of the assignment; those that are begun are packed, in a place of their own, and checked."""
    drafts, there = folder.drafts(), folder.there()
    begun = [draft for draft in drafts if draft.begun]
    found = list[Finding]()
    if begun:
        with tried(folder.spec, begun, folder.picture, str(folder.path)) as (_, report):
            found = list(report.findings)
    return Standing(
        folder,
        [Stand(each, gaps(each, there), [f for f in found if f.file == each.task.file]) for each in drafts],
    )


def ahead(folder: Folder, task: Task) -> Iterator[str]:
    """What to do next and by which command, in this task if anything is, without a look at the pictures."""
    there = folder.there()
    drafts = sorted(folder.drafts(), key=lambda draft: draft.task != task)
    found = [gap for draft in drafts for gap in gaps(draft, there)]
    yield f"Next: {next_step(folder.spec, found)}" if found else "Nothing is missing: have a closer look."
    yield f"  {command(folder, found[0] if found else None)}"


def command(folder: Folder, gap: Gap | None) -> str:
    """What fills a gap."""
    if gap is None:
        return f"limner course status {shown(folder)}"
    pictured = {key.name for key in gap.task.entries.of_kind(*PICTURED)} if gap.number else set()
    if not gap.key:
        return f"limner course add {shown(folder)} {gap.task.name} PICTURE"
    if gap.key in pictured:
        return f"limner course add {shown(folder)} {gap.task.name} PICTURE --replace {gap.number}"
    number = f" {gap.number}" if gap.number else ""
    return f'limner course edit {shown(folder)} {gap.task.name}{number} --set {gap.key}="..."'


def shown(folder: Folder) -> str:
    """The folder as one types it."""
    return shlex.quote(str(folder.path))


def lines(found: Standing) -> Iterator[str]:
    """A table, and the sentence."""
    rows = [("task", "there", "missing")]
    for each in found.tasks:
        rows.append((each.draft.task.name, counted(each.draft), _missing(each)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, there, missing in rows:
        yield f"{name:{widths[0]}}  {there:{widths[1]}}  {missing}".rstrip()
    for each in found.tasks:
        for finding in each.findings:
            if finding.rule not in LACKING:
                at = f"{finding.file}:{finding.place.line}:{finding.place.column}"
                yield f"{at}: {finding.severity} {finding.rule}: {finding.sentence}; {finding.fix}"
    yield found.next
    if gap := next((gap for each in found.tasks for gap in each.gaps), None):
        yield f"  {command(found.folder, gap)}"


def counted(draft: Draft) -> str:
    """How many entries there are of how many."""
    entries, many = draft.task.entries, len(draft.entries)
    if entries.most is not None and many > entries.most:
        return f"{many}, the first {entries.most} count"
    return f"{many} of {entries.least}" if many <= entries.least else f"{many}"


def _missing(stand: Stand) -> str:
    if stand.gaps:
        return words(stand.gaps)
    return "nothing" if stand.complete else f"nothing, but {len(stand.errors)} errors"


def told(found: Standing) -> dict[str, Plain]:
    """The same for programs."""
    return {
        "folder": str(found.folder.path),
        "assignment": found.folder.spec.name,
        "complete": found.complete,
        "next": found.next,
        "tasks": [_told(each) for each in found.tasks],
    }


def _told(stand: Stand) -> dict[str, Plain]:
    task = stand.draft.task
    return {
        "task": task.name,
        "title": task.title,
        "file": task.file,
        "complete": stand.complete,
        "entries": len(stand.draft.entries),
        "handed": len(stand.draft.handed),
        "least": task.entries.least,
        "most": task.entries.most,
        "missing": [_gap(gap) for gap in stand.gaps],
        "findings": [
            {"rule": f.rule, "severity": f.severity.value, "line": f.place.line, "column": f.place.column,
             "sentence": f.sentence, "fix": f.fix}
            for f in stand.findings
        ],
    }  # fmt: skip


def _gap(gap: Gap) -> dict[str, Plain]:
    if not gap.key:
        return {"entries": gap.number}
    return {"number": gap.number or None, "key": gap.key, "lost": gap.lost}
