"""A hand-in of anybody's becomes a sheet in a process of its own, which may fall and takes nothing with it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from limner.coursework.finding import Severity
from limner.coursework.grading import paper
from limner.coursework.grading.blind import Blind, blind
from limner.coursework.grading.folder import replaced
from limner.coursework.grading.gather import Desk, broken, prepared, shots
from limner.coursework.grading.roll import Student
from limner.coursework.handin import Source
from limner.coursework.specfile import read
from limner.errors import LimnerError

MEMORY, SECONDS, FILE = 1 << 30, 150, 1 << 26  # of address space, on a processor, of a file that is written
BODY, TOLD = "body.html", "told.json"


@dataclass(frozen=True, slots=True)
class Wish:
    """`path` is the zip, `spec` the assignment's file; `out` an empty folder; `source` begins pictures' addresses.

    `name`, `mail` and `also` are what nobody who marks may read.
    """

    path: str
    out: str
    source: str
    spec: str = ""
    tasks: tuple[str, ...] = ()
    name: str = ""
    mail: str = ""
    also: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


def main() -> int:
    """Reads a wish as JSON on stdin, and writes what was found, or a fault as `{"fault": [what, remedy]}`."""
    _bound()
    said: Mapping[str, object] = json.load(sys.stdin)
    try:
        answer = told(Wish(**said))  # type: ignore[arg-type]  # from the studio
    except LimnerError as fault:
        answer = {"fault": [fault.what, fault.remedy]}
    json.dump(answer, sys.stdout)
    return 0


def told(wish: Wish) -> Mapping[str, object]:
    """The folder holds the sheet's middle part and its pictures now; what is said of it, in figures."""
    from dataclasses import asdict, replace

    spec, out = read(Path(wish.spec) if wish.spec else None), Path(wish.out)
    spec = replace(spec, models=tuple(dict.fromkeys((*spec.models, *wish.models))))
    student = Student("", wish.name, wish.mail)
    hide = blind(student, tuple(wish.also)) if wish.name else Blind()
    sources = [Source(Path(wish.path), "hand-in.zip")]
    view, found = prepared(sources, "hand-in.zip", student, hide, Desk(spec, tuple(wish.tasks)), out, wish.source)
    replaced(paper.side_by_side(view).encode(), out / BODY)
    faults = [*view.faults, *(each for piece in view.pieces for each in piece.faults)]
    faults += [each for piece in view.pieces for part in piece.parts for each in part.faults]
    answer = {
        "verdict": view.verdict, "errors": view.errors, "warnings": view.warnings, "pictures": len(view.pictures),
        "broken": list(broken(found)), "faults": [asdict(each) for each in faults],
        "files": [shot.file.name if shot.file and shot.look else "" for shot in shots(found)],
        "readable": all(each.severity != Severity.UNREADABLE for each in faults),
    }  # fmt: skip
    replaced(json.dumps(answer).encode(), out / TOLD)
    return answer


def _bound() -> None:
    """No more memory, time and disk than that, where the system can see to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, FILE)):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.exit(main())
