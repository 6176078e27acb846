"""What is asked of a model, written down before anybody looks: prompts, seeds, answers, and what they are held against.

A study is a small TOML file.  It changes no more once somebody has answered: a question that is fitted to its answers
tests nothing.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from limner.audit.shares import Reference
from limner.errors import LimnerError
from limner.recipe import FIELDS, SEEDS, Value, checked

UNTOLD = "cannot tell"  # every study's last answer, and no category
FEWEST, MOST, KEYS = 2, 1000, 9  # pictures of a prompt; categories, as there are keys
PRESENTS = "How does the figure present?"  # what is asked of a figure: never who it is
LONGEST = 200  # characters of a category, or of whoever says so
SETTINGS = tuple(
    name
    for name in FIELDS
    if name not in ("version", "model", "prompt", "seed") and not name.startswith(("edit_", "excite"))
)


@dataclass(frozen=True, slots=True)
class Study:
    """One question: `count` pictures of each prompt at seeds `seed` and up, each to be called one of `categories`.

    `counted` is the category whose share is in question: beside a `reference`; or, with two prompts, on the same seeds
    in the one and the other.  `shares`, instead of a reference, are those of all categories.  `settings` are fields of
    a recipe that are not left to the model.  LimnerError where something is missing, or says two things.
    """

    prompts: tuple[str, ...]
    categories: tuple[str, ...]
    counted: str
    question: str = PRESENTS
    model: str = ""
    seed: int = 42
    count: int = 100
    reference: Reference | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    harm: str = ""
    settings: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for wrong, what, remedy in self._faults():
            if wrong:
                raise LimnerError(what, remedy)
        for name, value in self.settings.items():
            if name not in SETTINGS:
                raise LimnerError(f"a study has no setting {name[:64]!r}", f"choose of {', '.join(SETTINGS)}")
            checked(name, value)

    def _faults(self) -> Sequence[tuple[bool, str, str]]:
        seeds, held = f"choose 0 to {SEEDS - self.count}", self.reference is not None or bool(self.shares)
        two = len(self.prompts) == 2
        return (
            (not 1 <= len(self.prompts) <= 2, "a study has one prompt, or two to compare", "say them"),
            (not all(map(str.strip, self.prompts)), "a prompt is empty", "say what the pictures show"),
            (len(set(self.prompts)) < len(self.prompts), "the two prompts are the same", "change one word"),
            (not FEWEST <= self.count <= MOST, f"{self.count} pictures of a prompt", f"choose {FEWEST} to {MOST}"),
            (not 0 <= self.seed <= SEEDS - self.count, f"seed {self.seed} is out of range", seeds),
            (
                not 2 <= len(self.categories) <= KEYS,
                f"{len(self.categories)} categories",
                f"choose 2 to {KEYS}: each has a key; 0 is {UNTOLD!r}, which is always there",
            ),
            (not all(map(_name, self.categories)), "a category has no name", f"write 1 to {LONGEST} characters"),
            (len(set(self.categories)) < len(self.categories), "a category stands there twice", "name each once"),
            (UNTOLD in self.categories, f"{UNTOLD!r} is no category", "leave it out: it is always there"),
            (
                self.counted not in self.categories,
                f"{self.counted[:64]!r} is none of the categories",
                f"count one of {', '.join(self.categories)}",
            ),
            (two and held, "two prompts are held against each other", "leave the reference out"),
            (
                self.reference is not None and bool(self.shares),
                "a reference and shares say two things",
                "leave one out",
            ),
            (
                held and not self.source.strip(),
                "a reference without a source is nobody's",
                "say who found it, where and when (source)",
            ),
            (
                bool(self.shares) and set(self.shares) != set(self.categories),
                "the shares are not those of the categories",
                "say one for each",
            ),
            (
                bool(self.shares) and abs(sum(self.shares.values()) - 1) > 1e-6,
                "the shares do not sum to 1",
                "write them as 0.25, not 25",
            ),
        )

    @property
    def name(self) -> str:
        """By which answers are known to be of this question and no other."""
        return sha256(written(self, asked_only=True).encode()).hexdigest()[:16]

    @property
    def against(self) -> str:
        """By which answers are known to be from before anybody changed the shares that they are held against."""
        one, shares = self.reference, sorted((name, float(share)) for name, share in self.shares.items())
        told = [float(one.low), float(one.high)] if one else [], shares, self.source.strip()
        return sha256(json.dumps(told).encode()).hexdigest()[:16]

    @property
    def pictures(self) -> tuple["Picture", ...]:
        """All that are to be looked at, seed by seed."""
        return tuple(Picture(arm, self.seed + k) for k in range(self.count) for arm in range(len(self.prompts)))


@dataclass(frozen=True, slots=True, order=True)
class Picture:
    """One of a study's: of its first prompt or its second, at this seed."""

    arm: int
    seed: int

    @property
    def name(self) -> str:
        return f"{'ab'[self.arm]}-{self.seed}"


def _name(text: str) -> bool:
    return 0 < len(text.strip()) <= LONGEST and text.isprintable()


def written(study: Study, asked_only: bool = False) -> str:
    """The study as a file, which `read` reads; or only what the answers depend on."""
    lines = [f"{key} = {_toml(value)}" for key, value in _plain(study).items()]
    if not asked_only:
        lines += [f"harm = {_toml(study.harm)}"]
    if study.settings:
        lines += ["", "[settings]", *(f"{name} = {_toml(value)}" for name, value in sorted(study.settings.items()))]
    if study.reference and not asked_only:
        one = study.reference
        lines += ["", "[reference]", f"low = {one.low!r}", f"high = {one.high!r}", f"source = {_toml(study.source)}"]
    if study.shares and not asked_only:
        lines += ["", "[shares]", f"source = {_toml(study.source)}", "[shares.of]"]
        lines += [f"{_toml(name)} = {share!r}" for name, share in study.shares.items()]
    return "\n".join(lines) + "\n"


def _plain(study: Study) -> Mapping[str, Value | Sequence[str]]:
    return {
        "question": study.question,
        "prompts": study.prompts,
        "model": study.model,
        "seed": study.seed,
        "count": study.count,
        "categories": study.categories,
        "counted": study.counted,
    }


def _toml(value: Value | Sequence[str]) -> str:
    """A TOML value: its strings are JSON's but for one control character, which names and prompts do not need."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, Sequence) else repr(value)


def read(text: str, name: str) -> Study:
    """The study that a file says; LimnerError names the file, and what is wrong in it."""
    try:
        said = tomllib.loads(text)
        return _read(said)
    except LimnerError as fault:
        raise LimnerError(f"{name}: {fault.what}", fault.remedy) from fault
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise LimnerError(f"{name} is not TOML: {fault}", "limner bias new writes one") from fault
    except (TypeError, ValueError, AttributeError) as fault:
        raise LimnerError(f"{name}: a value is of the wrong kind", "see docs/bias.md for each key") from fault


TABLES = ("reference", "shares", "settings")
KEYED = ("question", "prompts", "model", "seed", "count", "categories", "counted", "harm")


def _read(said: Mapping[str, object]) -> Study:
    if unknown := [key for key in said if key not in (*KEYED, *TABLES)]:
        raise LimnerError(f"there is no key {unknown[0][:64]!r}", f"the keys are {', '.join((*KEYED, *TABLES))}")
    reference, shares, settings = (_table(said, name) for name in TABLES)
    low = _number(reference.get("low", reference.get("share"))) if reference else 0.0
    return Study(
        prompts=_texts(said, "prompts"),
        categories=_texts(said, "categories"),
        counted=_text(said, "counted"),
        question=_text(said, "question", PRESENTS),
        model=_text(said, "model", ""),
        seed=_whole(said, "seed", 42),
        count=_whole(said, "count", 100),
        reference=Reference(low, _number(reference.get("high", low))) if reference else None,
        shares={name: _number(share) for name, share in _table(shares, "of").items()},
        source=_text(reference or shares, "source", ""),
        harm=_text(said, "harm", ""),
        settings={name: value for name, value in settings.items() if isinstance(value, int | float | str)},
    )


def _table(said: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = said.get(name, {})
    if not isinstance(table, dict):
        raise LimnerError(f"{name} is no table", f"begin it with [{name}]")
    return table


def _text(said: Mapping[str, object], name: str, usual: str | None = None) -> str:
    text = said.get(name, usual)
    if not isinstance(text, str):
        raise LimnerError(
            f"{name} is missing, or no text" if usual is None else f"{name} is no text", "write it in quotes"
        )
    return text.strip()


def _texts(said: Mapping[str, object], name: str) -> tuple[str, ...]:
    texts = said.get(name)
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise LimnerError(f"{name} is no list of texts", f'write {name} = ["...", "..."]')
    return tuple(str(each).strip() for each in texts)


def _whole(said: Mapping[str, object], name: str, usual: int) -> int:
    number = said.get(name, usual)
    if not isinstance(number, int) or isinstance(number, bool):
        raise LimnerError(f"{name} is no whole number", f"such as {usual}")
    return number


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise LimnerError(f"{value!r} is no share", "write 0.45")
    return float(value)
