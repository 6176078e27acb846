"""What Gradescope and MarkUs run: the same core as everywhere, its report in their own words."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from limner.coursework.finding import Finding, Severity, code
from limner.coursework.handin import Source, gathered
from limner.coursework.spec import Spec
from limner.coursework.specfile import read
from limner.coursework.told import Json, line
from limner.coursework.validate import Report, report
from limner.errors import LimnerError
from limner.home import beside

HOW = "How it is handed in"


def gradescope(found: Report) -> dict[str, Json]:
    """Gradescope's results.json: a test for how it is packed, and one for each task, worth a point each."""
    tests = [_test(name, findings) for name, findings in cases(found)]
    return {"tests": tests, "visibility": "visible", "stdout_visibility": "hidden", "output": _verdict(found)}


def markus(found: Report) -> Iterator[dict[str, Json]]:
    """MarkUs' results, an object for each test."""
    for name, findings in cases(found):
        good = code(findings) == 0
        status = "pass" if good else "fail"
        yield {"name": name, "output": _output(findings), "marks_earned": int(good), "marks_total": 1, "status": status}


def cases(found: Report) -> Iterator[tuple[str, Sequence[Finding]]]:
    """The findings of each task by its title, after those of the hand-in itself."""
    files = {work.file.name for work in found.works}
    yield HOW, [finding for finding in found.findings if finding.file not in files]
    for work in found.works:
        yield work.task.title, [finding for finding in found.findings if finding.file == work.file.name]


def submitted(folder: Path, ours: Sequence[str] = ()) -> tuple[str, list[Source]]:
    """The hand-in in a grader's folder: the one zip, or whatever files and folders are not `ours`."""
    paths = [path for path in sorted(folder.iterdir()) if path.name not in ours]
    zips = [path for path in paths if path.suffix.lower() == ".zip" and path.is_file()]
    if len(paths) == 1 and zips:
        return "the hand-in", gathered(zips)[0][1]
    if not ours:
        return "the hand-in", [Source(folder, folder.name)]
    return "the hand-in", [Source(path, path.name) for path in paths if path.is_file()]


def main(argv: Sequence[str]) -> int:
    """The command that the packages call; 0 unless the grader itself could not do its work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("grader", choices=("gradescope", "markus"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--task", action="append", default=[])
    parser.add_argument("--ours", action="append", default=[])
    args = parser.parse_args(argv)
    spec = read(args.spec)
    found = _report(args.folder, spec, args.task, args.ours)
    if args.grader == "gradescope":
        _write(args.out, gradescope(found))
    else:
        sys.stdout.writelines(f"{json.dumps(each)}\n" for each in markus(found))
    return 0


def _report(folder: Path, spec: Spec, tasks: Sequence[str], ours: Sequence[str]) -> Report:
    name, sources = submitted(folder, ours)
    if not sources:
        raise LimnerError("nothing was handed in", "hand in a zip, or the files")
    return report(name, sources, spec, tasks)


def _write(path: Path, results: Mapping[str, Json]) -> None:
    with beside(path) as part:
        part.write_text(json.dumps(results, indent=2), encoding="utf-8")


def _test(name: str, findings: Sequence[Finding]) -> dict[str, Json]:
    good = code(findings) == 0
    return {
        "name": name, "score": float(good), "max_score": 1.0, "status": "passed" if good else "failed",
        "output": _output(findings), "output_format": "text", "visibility": "visible",
    }  # fmt: skip


def _output(findings: Sequence[Finding]) -> str:
    return "\n".join(map(line, findings)) or "Nothing is wrong with it."


def _verdict(found: Report) -> str:
    errors, warned = found.count(Severity.ERROR) + found.count(Severity.UNREADABLE), found.count(Severity.WARNING)
    missing = ", ".join(task.file for task in found.missing)
    return f"Errors: {errors}. Warnings: {warned}. Not in it: {missing or 'nothing'}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
