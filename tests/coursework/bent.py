"""`make fuzz-course`: of 10,000 broken hand-ins none crashes the checker, writes elsewhere, or takes too long.

`limner course validate` judges each, in a process that notes whatever Python opens for writing, makes, moves or runs.
"""

import argparse
import io
import json
import os
import platform
import random
import resource
import signal
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from defects import TASKS, bare, defects, forged, packed, phone
from handins import good, picture

SECONDS, MEGABYTES = 5.0, 300
TOKENS = (
    b'"', b"'", b",", b",,", b":", b"{", b"}", b"[", b"]", b"\\", b"\\u", b"\\ud800", b"//", b"/*", b"#", b"\0", b"\n",
    b"null", b"NaN", b"-", b"1e999", b"9" * 400, b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\x9c", b"[" * 3000,
    b'{"a":' * 500, b"../", b"..\\", b"image-path", b" " * 5000, b'"' * 999, b"\xe2\x80\x9c" * 999, b"\xf0\x9f\xa6\x8a",
    b"x " * 50_000, b"," * 100_000,
)  # fmt: skip
NAMES = (
    "../../limner-evil", "/tmp/limner-evil", "C:\\limner-evil", "..\\..\\limner-evil", "a/../../limner-evil", "", ".",
    "..", "a" * 4000, "story.json/", "\u202estory.json", "con", "nul\0.jpg", "story.json ", "STORY.JSON",
    "story\u0301.json", "a/b/c/" * 40,
)  # fmt: skip
WRITES = {
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate", "os.putenv",
    "os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "shutil.move",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A mutated hand-in; a bomb has to be stopped, which is an exit code above 0."""

    number: int
    kind: str
    name: str
    data: bytes
    bomb: bool = False
    fix: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    number: int
    kind: str
    code: int
    seconds: float  # of the processor; `wall` by the clock, on a machine that does other things, too
    wall: float
    peak: float  # megabytes that the process has had at most, so far
    fault: str
    outside: tuple[str, ...]
    bomb: bool


def mutated(data: bytes, dice: random.Random) -> bytes:
    """One to eight bites at it."""
    made = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4, 8))):
        at, other = (dice.randrange(len(made) + 1) for _ in range(2))
        length = dice.choice((1, 2, 4, 30, 300))
        put = (
            b"",
            dice.choice(TOKENS),
            dice.randbytes(length),
            bytes(made[at : at + length]),
            bytes(made[other:][:length]),
        )
        way = dice.randrange(7)
        if way == 0 and made:
            made[min(at, len(made) - 1)] ^= 1 << dice.randrange(8)
        elif way < 6:
            made[at : at + length * dice.randrange(2)] = put[way - 1]
        elif dice.random() < 0.3:
            del made[at:]
    return bytes(made)


def text(dice: random.Random) -> tuple[str, bytes]:
    """The JSON alone, or in a zip with its pictures."""
    task = dice.choice(TASKS[1:])
    data = mutated(good(task)[f"{task}.json"], dice)
    return (f"{task}.json", data) if dice.random() < 0.7 else ("a.zip", packed({**good(task), f"{task}.json": data}))


def seeded(dice: random.Random) -> tuple[str, bytes]:
    """A defect of the corpus, broken further."""
    case = dice.choice(CORPUS)
    whole = case if isinstance(case, bytes) else packed(case)
    return "a.zip", mutated(whole, dice)


def archive(dice: random.Random) -> tuple[str, bytes]:
    """A zip's own bytes; more often than not in the directory at its end."""
    whole = packed(good(dice.choice(("story", "movie-poster"))))
    at = whole.index(b"PK\x01\x02")
    if dice.random() < 0.7:
        return "a.zip", whole[:at] + mutated(whole[at:], dice)
    return "a.zip", mutated(whole, dice)


def image(dice: random.Random) -> tuple[str, bytes]:
    """A picture of some format, broken, in a hand-in that is good."""
    form = dice.choice(("jpeg", "png", "webp", "heic", "GIF", "TIFF"))
    data = phone() if form == "heic" else bare(2, form) if form.isupper() else picture(9, form=form)
    return "a.zip", packed({**good("story"), "story-1.jpg": mutated(data, dice)})


def forging(dice: random.Random) -> tuple[str, bytes]:
    """A zip with names, links, flags, methods, sizes or copies that lie."""
    files = dict(good("story"))
    way = dice.randrange(7)
    if way == 0:
        return "a.zip", packed({**files, dice.choice(NAMES): dice.randbytes(dice.randrange(99))})
    if way == 1:
        return "a.zip", packed({**files, "link": dice.choice(NAMES).encode()}, link="link")
    whole = bytearray(packed(files))
    entry = dice.choice([at for at in range(len(whole)) if whole[at : at + 4] == b"PK\x01\x02"])
    if way == 2:
        whole[entry + 8 : entry + 12] = dice.randbytes(4)  # flags and method
    elif way == 3:
        struct.pack_into("<I", whole, entry + dice.choice((20, 24)), dice.choice((0, 1, 77, 2**31, 2**32 - 1)))
    elif way == 4:
        struct.pack_into("<I", whole, entry + 42, dice.choice((0, 5, len(whole), 2**32 - 1)))  # where it lies
    elif way == 5:
        struct.pack_into("<H", whole, entry + dice.choice((28, 30, 32)), dice.choice((0, 3, 65535)))
    else:
        return "a.zip", forged(bytes(whole), dice.randrange(2**16) & 0xFF)
    return "a.zip", bytes(whole)


def bomb(dice: random.Random) -> tuple[str, bytes]:
    """Something small that would be large."""
    files = dict(good("story"))
    made: Mapping[str, Callable[[], bytes]] = {
        "zeros": lambda: packed({**files, "zeros.txt": bytes(dice.choice((2, 30)) * 2**20)}),
        "one file many times": lambda: overlapping(dice.choice((200, 1500))),
        "zips in zips": lambda: packed({**files, "inner.zip": nested(dice.randrange(1, 4))}),
        "a PNG": lambda: packed({**files, "story-2.jpg": png(dice.choice((20_000, 60_000)))}),
        "a JPEG": lambda: packed({**files, "story-1.jpg": widened(files["story-1.jpg"], dice.choice((300, 65_500)))}),
        "a lie": lambda: lying(files, dice.choice((1, 2**31))),
        "brackets": lambda: packed({"story.json": b'{"pairs": ' + b"[" * dice.choice((100, 100_000)) + b"1"}),
        "many files": lambda: packed({**files, **{f"x{n}": b"" for n in range(dice.choice((1100, 5000)))}}),
    }
    return "a.zip", made[dice.choice(sorted(made))]()


def nested(depth: int) -> bytes:
    inner = packed({f"{n}.txt": bytes(2**20) for n in range(4)})
    for _ in range(depth):
        inner = packed({f"{n}.zip": inner for n in range(4)})
    return inner


def widened(data: bytes, width: int) -> bytes:
    """A JPEG whose head says that it has other sides."""
    made = bytearray(data)
    struct.pack_into(">HH", made, made.index(b"\xff\xc0") + 5, 65_500, width)
    return bytes(made)


FORMS = ("PNG", "JPEG", "WEBP")


@cache
def large(number: int, form: str) -> bytes:
    """A picture of as many pixels as are read, and of one colour."""
    from PIL import Image

    file, side = io.BytesIO(), 3200 if form == "WEBP" else 4090
    Image.new("RGBA" if form == "PNG" else "RGB", (side, side), (number, 90, 90)).save(file, form)
    return file.getvalue()


def png(side: int) -> bytes:
    """A PNG of so many white pixels a side, in a few kilobytes (of its rows only the first are there)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(2**21))) + chunk(b"IEND", b"")
    )


def overlapping(copies: int) -> bytes:
    """Many entries in the directory that share one file's bytes (Fifield 2019)."""
    whole = packed({"story.json": good("story")["story.json"], "story-1.jpg": bytes(2**22)}, zipfile.ZIP_DEFLATED)
    at, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    last = whole[whole.rindex(b"PK\x01\x02") : end]
    more = [last.replace(b"story-1.jpg", f"{n:07}.jpg".encode()) for n in range(copies)]
    directory = whole[at:end] + b"".join(more)
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, copies + 2, copies + 2, len(directory), at, 0)
    return whole[:at] + directory + tail


def lying(files: Mapping[str, bytes], size: int) -> bytes:
    """A picture's entry that claims another size than its 20 MB have."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data if name != "story-3.jpg" else b"\xff\xd8\xff" + bytes(20 * 2**20))
    whole = bytearray(target.getvalue())
    at = whole.rindex(b"story-3.jpg") - 46
    struct.pack_into("<I", whole, at + 24, size)
    return bytes(whole)


def largest(dice: random.Random) -> tuple[str, bytes]:
    """Pictures of as many pixels as are read: twenty of them are more than are read of a hand-in."""
    files, count = dict(good("open-ended")), dice.choice((1, 2, 20))
    return "a.zip", packed({**files, **{f"try-{n:02}.jpg": large(n, dice.choice(FORMS)) for n in range(1, count + 1)}})


CORPUS: list[object] = []
WAYS: Sequence[tuple[str, float, Callable[[random.Random], tuple[str, bytes]]]] = (
    ("JSON, bitten", 0.398, text), ("a defect of the corpus, bitten", 0.15, seeded), ("a zip, bitten", 0.15, archive),
    ("a picture, bitten", 0.15, image), ("a zip, forged", 0.12, forging), ("a bomb", 0.03, bomb),
    ("as large as may be", 0.002, largest),
)  # fmt: skip


def cases(numbers: Sequence[int], seed: int) -> Iterator[Case]:
    """Those of these numbers: each depends on the seed and its own number alone."""
    if not CORPUS:
        CORPUS.extend(case.pack for task in TASKS[1:] for case in defects(task) if len(case.pack) < 2000)
    for number in numbers:
        dice = random.Random(f"{seed} {number}")
        kind, _, way = dice.choices(WAYS, [weight for _, weight, _ in WAYS])[0]
        name, data = way(dice)
        yield Case(number, kind, name, data, kind == "a bomb", kind != "a bomb" and dice.random() < 0.1)


class Watch:
    """What Python does to files, told by its audit events (PEP 578), as long as it looks."""

    def __init__(self) -> None:
        self.room, self.found = "", list[str]()
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[object, ...]) -> None:
        if not self.room:
            return
        if event == "open":
            path, mode, flags = args
            writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & 0o1103)
            if writes and isinstance(path, str | bytes | os.PathLike) and not self._inside(path):
                self.found.append(f"open {os.fsdecode(path)[:100]}")
        elif event in WRITES and not self._inside(args[0]):
            self.found.append(f"{event} {args[0]!r:.100}")

    def _inside(self, path: object) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.path.realpath(os.fsdecode(path)).startswith(self.room)


def judge(numbers: Sequence[int], seed: int) -> list[Outcome]:
    """The outcomes of some cases, in this process."""
    os.environ["LIMNER_TRACEBACK"] = "1"  # a crash is raised, not told
    watch, found = Watch(), list[Outcome]()
    signal.signal(signal.SIGPROF, _late)
    with TemporaryDirectory(prefix="limner-fuzz-") as cage:
        for case in cases(numbers, seed):
            room = Path(cage, str(case.number))
            room.mkdir()
            (room / case.name).write_bytes(case.data)
            found.append(_judged(case, room, watch))
    return found


def _judged(case: Case, room: Path, watch: Watch) -> Outcome:
    from limner.cli import main

    words = [
        "course",
        "validate",
        str(room / case.name),
        "--json",
        *(["--fix", str(room / "fixed.zip")] if case.fix else []),
    ]
    out, err, fault, code = io.StringIO(), io.StringIO(), "", -1
    before = set(os.listdir(room.parent))
    signal.setitimer(signal.ITIMER_PROF, 4 * SECONDS)  # of the processor
    started, spent = time.monotonic(), time.process_time()
    watch.room = os.path.realpath(room)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(words)
        if code != 2 or out.getvalue():
            told = json.loads(out.getvalue())
            fault = "" if told["exit"] == code else "the report gives another exit code"
    except BaseException as raised:  # whatever it is, it is what is looked for
        fault = f"{type(raised).__name__}: {raised}"[:300]
    finally:
        watch.room = ""
        signal.setitimer(signal.ITIMER_PROF, 0)
    wall, seconds = time.monotonic() - started, time.process_time() - spent
    outside = (*watch.found, *(set(os.listdir(room.parent)) - before))
    watch.found.clear()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(case.number, case.kind, code, seconds, wall, peak, fault, outside, case.bomb)


def _late(number: int, frame: object) -> None:
    raise RuntimeError("it took too long")


def campaign(count: int, seed: int, workers: int, batch: int = 250) -> list[Outcome]:
    """All outcomes, a batch in a process; of one that died, a single outcome says so."""
    batches = [(start, min(start + batch, count)) for start in range(0, count, batch)]
    with ThreadPoolExecutor(workers) as threads:
        return [each for found in threads.map(lambda span: apart(*span, seed), batches) for each in found]


def apart(start: int, stop: int, seed: int) -> list[Outcome]:
    command = [sys.executable, __file__, "--seed", str(seed), "--batch", str(start), str(stop)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        fault = f"the process of {start} to {stop} died with {done.returncode}: {done.stderr[-300:]}"
        return [Outcome(start, WAYS[0][0], -1, 0.0, 0.0, 0.0, fault, (), False)]
    return [Outcome(**{**each, "outside": tuple(each["outside"])}) for each in json.loads(done.stdout)]


def figure(outcomes: Sequence[Outcome], seed: int, workers: int = 1) -> dict[str, object]:
    codes = {kind: Counter(o.code for o in outcomes if o.kind == kind) for kind, _, _ in WAYS}
    bombs = [o for o in outcomes if o.bomb]
    return {
        "command": f"tests/coursework/bent.py --count {len(outcomes)} --seed {seed} --workers {workers}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "seed": seed,
        "hand-ins": len(outcomes),
        "kinds": {
            kind: {"count": sum(c.values()), **{f"exit {k}": c[k] for k in sorted(c)}} for kind, c in codes.items()
        },
        "crashes": sum(bool(o.fault) or o.code not in (0, 1, 2) for o in outcomes),
        "writes outside the work folder": sum(bool(o.outside) for o in outcomes),
        "bombs": len(bombs),
        "bombs stopped": sum(o.code in (1, 2) for o in bombs),
        "slowest, seconds of the processor": round(max(o.seconds for o in outcomes), 2),
        "slowest, seconds by the clock": round(max(o.wall for o in outcomes), 2),
        "above 5 seconds of the processor": sum(o.seconds > SECONDS for o in outcomes),
        "above 5 seconds by the clock": sum(o.wall > SECONDS for o in outcomes),
        "load of the machine at the end": round(os.getloadavg()[0], 1),
        "peak memory of a process, MB": round(max(o.peak for o in outcomes)),
        "targets": {"crashes": 0, "writes outside the work folder": 0, "seconds": SECONDS, "MB": MEGABYTES},
        "bad": [asdict(o) for o in outcomes if wrong(o)][:20],
    }


def wrong(outcome: Outcome) -> bool:
    """Whether it misses any target."""
    stopped = not outcome.bomb or outcome.code in (1, 2)
    fine = not outcome.fault and outcome.code in (0, 1, 2) and not outcome.outside and stopped
    return not (fine and outcome.seconds <= SECONDS and outcome.peak <= MEGABYTES)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, nargs=2, metavar=("START", "STOP"), help="judge these alone, and print")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.batch:
        sys.stdout.write(json.dumps([asdict(outcome) for outcome in judge(range(*args.batch), args.seed)]))
        return 0
    found = figure(campaign(args.count, args.seed, args.workers), args.seed, args.workers)
    if args.out:
        args.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return int(bool(found["bad"]))


if __name__ == "__main__":
    sys.exit(main())
