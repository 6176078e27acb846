"""A hand-in of anybody's is judged in a process of its own, which may fall and takes nothing with it."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from limner.coursework.handin import Source
from limner.coursework.specfile import read
from limner.coursework.told import told
from limner.coursework.validate import report
from limner.errors import LimnerError

MEMORY, SECONDS = 1 << 30, 90  # of address space, and on a processor: far above what a hand-in within the limits takes


@dataclass(frozen=True, slots=True)
class Request:
    """`files` are paths with the names that they have in the hand-in; `models` are labels beside the assignment's."""

    files: Sequence[tuple[str, str]]
    spec: str = ""
    models: Sequence[str] = field(default=())
    thumbs: bool = False


def main() -> int:
    """Reads a request as JSON on stdin, and writes the report as JSON, or a fault as `{"fault": [what, remedy]}`.

    Python is to run it with `-W ignore`: Pillow warns of odd metadata.
    """
    _bound()
    said: Mapping[str, object] = json.load(sys.stdin)
    try:
        answer: Mapping[str, object] = _judged(Request(**said))  # type: ignore[arg-type]  # from the studio
    except LimnerError as fault:
        answer = {"fault": [fault.what, fault.remedy]}
    json.dump(answer, sys.stdout)
    return 0


def _judged(request: Request) -> Mapping[str, object]:
    spec = read(Path(request.spec) if request.spec else None)
    spec = replace(spec, models=tuple(dict.fromkeys((*spec.models, *request.models))))
    sources = [Source(Path(path), name) for path, name in request.files]
    name = sources[0].name if len(sources) == 1 else f"{len(sources)} files"
    return told([report(name, sources, spec)], request.thumbs)


def _bound() -> None:
    """No more memory and time than that, where the system can see to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    sys.exit(main())
