"""What stands behind a key is what the assignment wants there, or a finding says what it wants."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from limner.coursework.finding import Finding, Place, shown
from limner.coursework.handin import HandIn
from limner.coursework.loose import Array, Node, Object
from limner.coursework.spec import PICTURED, Key, Kind, Spec
from limner.coursework.text import Edit, Text
from limner.coursework.works import Plain, Said, Shot
from limner.recipe import SEEDS

NOUNS = {
    Kind.TEXT: "a text", Kind.TEXTS: "a list of texts", Kind.MODEL: "a model's label", Kind.SEED: "a whole number",
    Kind.PICTURE: "the name of a picture", Kind.PICTURES: "a list of pictures' names",
}  # fmt: skip
BRACKETED = re.compile(r"\s*(?:\[[^|:\]]*\]|<[^>]*>)\s*")  # with | or : it may be a prompt's own
FOLDERS = re.compile(r"[/\\]")
DEEP = 8


@dataclass(slots=True)
class Values:
    """Reads the values of one JSON file; what is wrong with them gathers in `findings`, what mends it in `edits`."""

    spec: Spec
    text: Text
    file: str
    handin: HandIn
    findings: list[Finding] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)

    def found(self, at: int, rule: str, sentence: str, fix: str, edits: Sequence[Edit] = ()) -> None:
        self.findings.append(Finding(self.file, self.text.place(at), rule, sentence, fix, bool(edits)))
        self.edits.extend(edits)

    def place(self, node: Node) -> Place:
        return self.text.place(node.start)

    def said(self, node: Node) -> Said:
        """The value as it stands, whatever it is."""
        parts = tuple(map(self.said, node.value.items)) if isinstance(node.value, Array) else ()
        return Said(plain(node), self.place(node), parts)

    def check(self, key: Key, node: Node) -> Said:
        """The value behind a key."""
        if key.kind in (Kind.TEXTS, Kind.PICTURES):
            self._listed(key, node)
        elif key.kind == Kind.SEED:
            return Said(self._seed(key, node), self.place(node))
        elif self._worded(key.name, NOUNS[key.kind], node) and key.kind == Kind.MODEL:
            return Said(self._label(node), self.place(node))
        return self.said(node)

    def shots(self, keys: Sequence[Key], nodes: dict[str, Node]) -> tuple[Shot, ...]:
        """The pictures that an entry names, each with its file."""
        shots = list[Shot]()
        for key in keys:
            if key.kind in PICTURED and (node := nodes.get(key.name)):
                many = node.value.items if isinstance(node.value, Array) else (node,)
                shots += [self._shot(each) for each in many if isinstance(each.value, str) and each.value.strip()]
        return tuple(shots)

    def _listed(self, key: Key, node: Node) -> None:
        noun = "a text" if key.kind == Kind.TEXTS else "the name of a picture"
        if not isinstance(node.value, Array):
            self._kind(key.name, NOUNS[key.kind], node)
            return
        if not node.value.items:
            self.found(node.start, "value.empty", f"{key.name} is an empty list", f"write {NOUNS[key.kind]}")
        for item in node.value.items:
            self._worded(key.name, noun, item)

    def _worded(self, name: str, noun: str, node: Node) -> bool:
        """Whether this is a text with words of somebody's own."""
        if not isinstance(node.value, str):
            self._kind(name, noun, node)
        elif not node.value.strip():
            self.found(node.start, "value.empty", f"{name} is empty", f"write {noun}")
        elif left := self._left_over(node.value):
            self.found(node.start, "template.text", f"{name} still holds the form's {left!r}", "write your own words")
        else:
            return True
        return False

    def _left_over(self, text: str) -> str:
        folded = text.casefold()
        word = next((word for word in self.spec.templates if word in folded), "")
        return word or (shown(text.strip())[:60] if BRACKETED.fullmatch(text) else "")

    def _kind(self, name: str, noun: str, node: Node) -> None:
        self.found(node.start, "value.kind", f"{name} is {_noun(node)}, not {noun}", f"write {noun}")

    def _seed(self, key: Key, node: Node) -> Plain:
        """The number; one in quotes, or with a zero behind its point, is what it says."""
        value = node.value
        exact = isinstance(value, float) and math.isfinite(value) and value.is_integer()
        quoted = isinstance(value, str) and re.fullmatch(r"\s*\d{1,10}\s*", value, re.ASCII) is not None
        meant: object = int(value) if isinstance(value, str | float) and (exact or quoted) else value
        if isinstance(meant, bool) or not isinstance(meant, int):
            if isinstance(value, float) and not math.isnan(value) and abs(value) >= SEEDS:
                self._seeds(key, node)
            else:
                self._kind(key.name, NOUNS[key.kind], node)
            return plain(node)
        if meant is not value:
            edits = (Edit(node.start, node.end, str(meant)),)
            self.found(
                node.start, "value.kind", f"{key.name} is {_noun(node)}, not a whole number", f"write {meant}", edits
            )
        if not 0 <= meant < SEEDS:
            self._seeds(key, node)
        return meant

    def _seeds(self, key: Key, node: Node) -> None:
        self.found(node.start, "seed.range", f"{key.name} is no seed that there is", f"seeds go from 0 to {SEEDS - 1}")

    def _label(self, node: Node) -> str:
        """The label that is meant, if it is one but for capitals and blanks."""
        label, labels = str(node.value), self.spec.models
        if label in labels:
            return label
        same = next((each for each in labels if _bare(each) == _bare(label)), None)
        near = get_close_matches(label, labels, n=1)
        edits = (Edit(node.start, node.end, f'"{same}"'),) if same else ()
        meant = f"write {same}" if same else f"did you mean {near[0]}?" if near else f"choose from {', '.join(labels)}"
        self.found(node.start, "model.label", f"the assignment knows no model {shown(label)[:60]!r}", meant, edits)
        return same or label

    def _shot(self, node: Node) -> Shot:
        """A picture by its name; one that is called nearly so is it, and a finding says so."""
        said = str(node.value)
        if self._left_over(said):
            return Shot(said, self.place(node), (node.start, node.end))
        name = FOLDERS.split(said)[-1]
        here = self.handin.file(name) or self.handin.alike(name)
        edits = (Edit(node.start, node.end, f'"{here.name}"'),) if here and here.name.isprintable() else ()
        edits = edits if not set(here.name if here else "") & {'"', "\\"} else ()
        if name != said:
            self.found(
                node.start, "path.folder", f"{shown(said)!r} leads into a folder", f"write {shown(name)!r} alone", edits
            )
        if here is None:
            self.found(node.start, "path.missing", f"there is no picture {shown(name)!r}", self._near(name))
        elif here.name != name:
            sentence = f"the picture is called {shown(here.name)!r}, not {shown(name)!r}"
            self.found(node.start, "path.case", sentence, f"write {shown(here.name)!r}", edits)
        return Shot(said, self.place(node), (node.start, node.end), here)

    def _near(self, name: str) -> str:
        names = [file.name for file in self.handin.files if not file.name.lower().endswith(".json")]
        stem = name.rpartition(".")[0].casefold()
        same = [each for each in names if each.rpartition(".")[0].casefold() == stem and stem]
        near = same or get_close_matches(name[:100], names[:200], n=1, cutoff=0.75)
        return f"did you mean {shown(near[0])!r}?" if near else "hand it in beside the JSON, or correct its name"


def plain(node: Node, depth: int = 0) -> Plain:
    """A value as plain data; of what is nested too deep, nothing."""
    if depth > DEEP:
        return None
    if isinstance(node.value, Array):
        return [plain(item, depth + 1) for item in node.value.items]
    if isinstance(node.value, Object):
        return {key: plain(member, depth + 1) for key, member in node.value.members.items()}
    if isinstance(node.value, float) and not math.isfinite(node.value):
        return None
    return node.value


def _noun(node: Node) -> str:
    value = node.value
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    named = {str: "a text", Array: "a list", Object: "an object", type(None): "null"}
    return named[type(value)]


def _bare(label: str) -> str:
    return re.sub(r"[\s_.-]", "", label).casefold()
