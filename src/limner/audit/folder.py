"""A study in a folder: its question, its pictures, and answers of which a line is only ever added."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from limner.audit.study import LONGEST, Study, read, written
from limner.audit.tally import UNDONE, Answer, Answers, last_of, standing
from limner.errors import LimnerError
from limner.metadata import place, prepare

QUESTION, ANSWERS, PICTURES = "study.toml", "answers.jsonl", "pictures"
LARGEST = 16 * 2**20  # bytes of a file of answers


@dataclass(frozen=True, slots=True)
class Folder:
    """One study on the disk; whoever opens it sees what the last line left."""

    path: Path
    study: Study

    def picture(self, name: str) -> Path:
        return self.path / PICTURES / f"{name}.png"

    def there(self) -> list[str]:
        """The names of those pictures that are drawn."""
        return [each.name for each in self.study.pictures if self.picture(each.name).is_file()]

    def lines(self) -> list[Answer]:
        """All that was ever answered; LimnerError names the line that is none, or is of another question."""
        file = self.path / ANSWERS
        try:
            text = file.read_bytes() if file.exists() else b""
        except OSError as fault:
            raise LimnerError(f"cannot read {file}: {fault.strerror}", "check that it is a file") from fault
        if len(text) > LARGEST:
            raise LimnerError(f"{file} is larger than {LARGEST // 2**20} MiB", "that is no tally")
        whole = text[: text.rfind(b"\n") + 1]  # who died while writing left half a line, which was promised to nobody
        return [self._line(line, number) for number, line in enumerate(whole.splitlines(), 1) if line.strip()]

    def answers(self) -> Answers:
        return standing(self.study, self.lines())

    def add(self, answer: Answer) -> None:
        """On the disk when this returns: one line, written at once, behind what stands there."""
        if not 0 < len(answer.rater) <= LONGEST or not answer.rater.isprintable():
            raise LimnerError("a rater has no name", f"give one of 1 to {LONGEST} characters")
        told = {"study": self.study.name, "against": self.study.against, "rater": answer.rater,
                "picture": answer.picture, "answer": answer.answer,
                "at": datetime.now(UTC).isoformat(timespec="seconds")}  # fmt: skip
        line = json.dumps(told, ensure_ascii=False).encode() + b"\n"
        try:
            number = os.open(self.path / ANSWERS, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(number).st_size
                torn = size and os.pread(number, 1, size - 1) != b"\n"
                os.write(number, b"\n" + line if torn else line)
                os.fsync(number)
            finally:
                os.close(number)
        except OSError as fault:
            raise LimnerError(f"cannot write {self.path / ANSWERS}: {fault.strerror}", "free some space") from fault

    def undo(self, rater: str) -> str | None:
        """The name of the picture whose answer is taken back; None where there is none."""
        last = last_of(self.lines(), rater)
        if last is None:
            return None
        self.add(Answer(rater, last.picture, UNDONE))
        return last.picture

    def _line(self, line: bytes, number: int) -> Answer:
        where = f"{self.path / ANSWERS}, line {number}"
        try:
            said = json.loads(line)
            answer = Answer(str(said["rater"]), str(said["picture"]), str(said["answer"]))
            name, against = said["study"], said.get("against", self.study.against)  # which older lines do not say
        except (ValueError, LookupError, TypeError, RecursionError):
            if line.lstrip().startswith(b"{") and not line.rstrip().endswith(b"}"):
                return Answer("", "", UNDONE)  # a torn line that another followed
            raise LimnerError(f"{where} is no answer", "take it out, or the file from a copy") from None
        remedy = "a question stays as it was answered: take the change back, or begin a new study"
        if name != self.study.name:
            raise LimnerError(f"{where} answers another question than {QUESTION} asks now", remedy)
        if against != self.study.against:
            raise LimnerError(f"{where} was given beside another reference than {QUESTION} has now", remedy)
        return answer


def create(path: Path, study: Study) -> Folder:
    """A new folder with a question; LimnerError where there is one already."""
    prepare(path / PICTURES)
    try:
        place(written(study).encode(), path / QUESTION)
    except FileExistsError as fault:
        raise LimnerError(f"{path} is a study already", "choose another name: nothing is overwritten") from fault
    return Folder(path, study)


def opened(path: Path) -> Folder:
    """LimnerError where that is none."""
    file = path / QUESTION
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as fault:
        raise LimnerError(f"there is no study in {path}", "limner bias new makes one") from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise LimnerError(f"cannot read {file}", "write it in UTF-8") from fault
    return Folder(path, read(text, str(file)))


def imported(folder: Folder, rater: str, rows: Sequence[Mapping[str, str]]) -> int:
    """How many answers of a table (`picture`, `answer`) were added; LimnerError, and none, where one is amiss."""
    known, may = {each.name for each in folder.study.pictures}, {*folder.study.categories, "cannot tell"}
    found = []
    for number, row in enumerate(rows, 1):
        picture, answer = (row.get("picture") or "").strip(), (row.get("answer") or "").strip()
        if picture not in known:
            raise LimnerError(f"row {number}: the study has no picture {picture[:40]!r}", "such as a-42")
        if answer not in may:
            raise LimnerError(f"row {number}: {answer[:40]!r} is no answer", f"choose of {', '.join(sorted(may))}")
        found.append(Answer(rater, picture, answer))
    for each in found:
        folder.add(each)
    return len(found)
