"""A report for whoever reads it: lines for people, JSON for programs, JUnit for those that run tests."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias
from xml.etree import ElementTree

from limner import __version__
from limner.coursework.finding import Finding, Severity, code
from limner.coursework.validate import Report
from limner.coursework.works import Entry, Plain, Shot, Work

Json: TypeAlias = Plain
WORDS = {0: "valid", 1: "has errors", 2: "cannot be read"}


def lines(report: Report) -> Iterator[str]:
    """What a person reads: the verdict, how the work is read, and what to do."""
    errors, warnings = report.count(Severity.ERROR), report.count(Severity.WARNING)
    counted = ", ".join(_many(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n)
    yield f"{report.name}: {WORDS[report.code]}{f' ({counted})' if counted else ''}"
    for work in report.works:
        pictures = [shot for entry in work.entries for shot in entry.shots]
        read = f"{sum(shot.look is not None for shot in pictures)} of {_many(len(pictures), 'picture')} read"
        yield f"  {work.task.title}: {_many(len(work.entries), 'entry')}, {read}"
    for finding in report.findings:
        yield line(finding)


def told(reports: Sequence[Report], thumbs: bool = False) -> dict[str, Json]:
    """Of some hand-ins, with the exit code of all; `thumbs` adds small JPEGs, as base64."""
    return {
        "limner": __version__,
        "exit": code(finding for report in reports for finding in report.findings),
        "handins": [_report(report, thumbs) for report in reports],
    }


def _report(report: Report, thumbs: bool) -> dict[str, Json]:
    return {
        "name": report.name,
        "exit": report.code,
        "errors": report.count(Severity.ERROR),
        "warnings": report.count(Severity.WARNING),
        "findings": [_finding(finding) for finding in report.findings],
        "tasks": [_work(work, thumbs) for work in report.works],
        "missing": [task.file for task in report.missing],
    }


def _finding(finding: Finding) -> dict[str, Json]:
    return {
        "file": finding.file, "line": finding.place.line, "column": finding.place.column, "rule": finding.rule,
        "severity": finding.severity.value, "sentence": finding.sentence, "fix": finding.fix, "mends": finding.mends,
    }  # fmt: skip


def _work(work: Work, thumbs: bool) -> dict[str, Json]:
    return {
        "task": work.task.name,
        "title": work.task.title,
        "file": work.file.name,
        "fields": {name: said.value for name, said in work.fields.items()},
        "entries": [_entry(entry, thumbs) for entry in work.entries],
    }


def _entry(entry: Entry, thumbs: bool) -> dict[str, Json]:
    return {
        "number": entry.number,
        "line": entry.place.line,
        "column": entry.place.column,
        "fields": {name: said.value for name, said in entry.fields.items()},
        "extra": {name: said.value for name, said in entry.extra.items()},
        "pictures": [_shot(shot, thumbs) for shot in entry.shots],
    }


def _shot(shot: Shot, thumbs: bool) -> dict[str, Json]:
    look, place = shot.look, {"line": shot.place.line, "column": shot.place.column}
    seen: Mapping[str, Json] = (
        {"form": look.form, "width": look.width, "height": look.height, "pixels": look.pixels,
         "maker": look.reading.maker if look.reading else None,
         **({"thumb": b64encode(look.thumb).decode()} if thumbs else {})}
        if look else {}
    )  # fmt: skip
    return {"path": shot.path, **place, "file": shot.file.name if shot.file else None, "seen": look is not None, **seen}


def junit(reports: Sequence[Report]) -> str:
    """JUnit XML: a case for each task of each hand-in, and one for how it is packed; an error is a failure."""
    suites = ElementTree.Element("testsuites", name="limner course validate")
    for report in reports:
        cases = [("the hand-in", [f for f in report.findings if f.file not in {w.file.name for w in report.works}])]
        cases += [(work.task.name, [f for f in report.findings if f.file == work.file.name]) for work in report.works]
        failed = sum(code(found) > 0 for _, found in cases)
        suite = ElementTree.SubElement(
            suites, "testsuite", name=_xml(report.name), tests=str(len(cases)), failures=str(failed)
        )
        for name, found in cases:
            case = ElementTree.SubElement(suite, "testcase", classname=_xml(report.name), name=name)
            _case(case, found)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _case(case: ElementTree.Element, found: Sequence[Finding]) -> None:
    said = {bad: [line(f) for f in found if (f.severity != Severity.WARNING) == bad] for bad in (True, False)}
    if said[True]:
        failure = ElementTree.SubElement(case, "failure", message=_xml(said[True][0]), type="error")
        failure.text = _xml("\n".join(said[True]))
    if said[False]:
        ElementTree.SubElement(case, "system-out").text = _xml("\n".join(said[False]))


def line(finding: Finding) -> str:
    """A finding in one line, which editors and graders can follow."""
    place = f"{finding.file}:{finding.place.line}:{finding.place.column}"
    return f"{place}: {finding.severity} {finding.rule}: {finding.sentence}; {finding.fix}"


def _xml(text: str) -> str:
    """Without what XML 1.0 cannot hold, in whatever spelling."""
    return "".join(each if each in "\n\t" or each.isprintable() else "\ufffd" for each in text)


def _many(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
