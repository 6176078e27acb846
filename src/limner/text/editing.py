"""A sentence may say something else at every step: [from:to:when] changes its mind once, [one|other] each step."""

import re
from dataclasses import dataclass, field
from itertools import groupby

_SIGN = re.compile(r"(?:[^\\\[\]():|]|\\.)+|.", re.S)
_WHEN = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a sentence says in the steps start, ..., stop - 1, counted from 0."""

    text: str
    start: int
    stop: int


def stretches(sentence: str, steps: int) -> tuple[Stretch, ...]:
    """What a sentence says in each of `steps` steps, without those brackets; brackets that weigh stay.

    `when` with a decimal point is a share of all steps, without one a number of steps.  The rule is AUTOMATIC1111's
    (modules/prompt_parser.py) also in this: the step is counted from 0 where it is compared, so the first text holds
    for one step longer than `when` says; and brackets that do not pair are text, but a | outside of any makes all of
    the sentence text.
    """
    first = _Reading(steps, 1).read(sentence)
    if first.failed:
        return (Stretch(sentence, 0, steps),)
    switches = sorted({steps, *first.switches})
    said = {switch: _Reading(steps, switch).read(sentence).text for switch in switches}
    told = [said[next(switch for switch in switches if step <= switch)] for step in range(steps)]
    out = list[Stretch]()
    for text, alike in groupby(told):
        start = out[-1].stop if out else 0
        out.append(Stretch(text, start, start + len(list(alike))))
    return tuple(out)


@dataclass(slots=True)
class _Group:
    """Brackets that are still open: the texts in them so far, and the signs between those."""

    bracket: str
    texts: list[str] = field(default_factory=lambda: [""])
    signs: list[str] = field(default_factory=list)

    @property
    def literal(self) -> str:
        return self.bracket + "".join(text + sign for text, sign in zip(self.texts, [*self.signs, ""], strict=True))


@dataclass(slots=True)
class _Reading:
    """A sentence as it is said in one of `steps` steps, `at`, counted from 1; `switches` are those it changes after.

    Without recursion, as brackets may be nested as deeply as they like.
    """

    steps: int
    at: int
    text: str = ""
    failed: bool = False
    switches: list[int] = field(default_factory=list)
    open: list[_Group] = field(default_factory=list)

    def read(self, sentence: str) -> "_Reading":
        for match in _SIGN.finditer(sentence):
            sign = match[0]
            if sign in ("(", "["):
                self.open.append(_Group(sign))
            elif sign in (")", "]"):
                self._close(sign)
            elif sign in (":", "|") and self.open:
                self.open[-1].texts.append("")
                self.open[-1].signs.append(sign)
            else:
                self.failed |= sign in ("|", "\\")
                self._say(sign)
        self._give_up()
        return self

    def _say(self, text: str) -> None:
        if self.open:
            self.open[-1].texts[-1] += text
        else:
            self.text += text

    def _give_up(self) -> None:
        """Brackets that do not pair are text, and so are those around them."""
        opened, self.open = self.open, []
        self.failed |= any("|" in group.signs for group in opened)
        self.text += "".join(group.literal for group in opened)

    def _close(self, sign: str) -> None:
        text = self._meaning(self.open[-1], sign) if self.open else None
        if text is None:
            self._give_up()
        else:
            self.open.pop()
        self._say(sign if text is None else text)

    def _meaning(self, group: _Group, sign: str) -> str | None:
        """What a closed pair of brackets says; None if it is none."""
        pair, signs = group.bracket + sign, "".join(group.signs)
        if (pair == "[]" and not signs) or (pair == "()" and signs in ("", ":")):
            return group.literal + sign
        if pair == "[]" and set(signs) == {"|"}:
            self.switches += range(1, self.steps + 1)
            return group.texts[(self.at - 1) % len(group.texts)]
        return self._edited(group) if pair == "[]" and signs in (":", "::") else None

    def _edited(self, group: _Group) -> str | None:
        when = _WHEN.fullmatch(group.texts[-1])
        if when is None:
            return None
        share = float(when[1]) * (self.steps if "." in when[1] else 1)
        last = int(max(0, min(self.steps, share)))
        self.switches += [last] if last else []
        return ("", *group.texts)[len(group.texts) - 2] if self.at <= last else group.texts[-2]
