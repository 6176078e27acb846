"""The golden corpus: hand-ins with one defect each, made from good ones by a table that says where it lies.

In a table's texts, the character MARK stands before the place that a finding has to name, and is taken out.
"""

import io
import json
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from handins import bare, good, picture

MARK = "\u00a6"
TASKS = ("bias", "movie-poster", "open-ended", "story")
LISTS = {"bias": "biases"}
FIRST = {  # the first entry's prompt, and its first picture
    "bias": ("a canadian medical doctor", "bias-1-01.jpg", "bias-1-02.jpg"),
    "movie-poster": ("film poster with the title The Slow Comet, night", "poster-1.jpg", "poster-2.jpg"),
    "open-ended": ("my old house, 1 trees", "try-01.jpg", "try-02.jpg"),
    "story": ("a fox with a green scarf, woodcut, scene 1", "story-1.jpg", "story-2.jpg"),
}
MADE = {"open-ended": ("SDv2.1", 1), "story": ("SDv2.1", 4_000_000_001)}  # by what, from which seed
Pack = Mapping[str, bytes] | bytes


@dataclass(frozen=True, slots=True)
class Defect:
    """`pack` is the hand-in: a zip's bytes, or the files of one; the finding has to name this rule and place."""

    task: str
    name: str
    rule: str
    pack: Pack
    file: str
    line: int = 1
    column: int = 1


def defects(task: str) -> Iterator[Defect]:
    """All of a task's."""
    for name, rule, old, new in (*SPELLING, *VALUES, *OF_TASKS[task]):
        yield swapped(task, name, rule, old, new)
    yield from whole_texts(task)
    yield from pictures(task)
    yield from zips(task)


def filled(task: str, text: str) -> str:
    prompt, first, second = FIRST[task]
    words = {"P": prompt, "P1": prompt[:2], "P2": prompt[2:], "A": first, "B": second, "U": first.upper()}
    words["L"] = LISTS.get(task, "pairs")
    for name, word in words.items():
        text = text.replace(f"<{name}>", word)
    return text


def swapped(task: str, name: str, rule: str, old: str, new: str) -> Defect:
    """A defect by other words in the JSON, the first time that the old ones stand there."""
    text, old, new = good(task)[f"{task}.json"].decode(), filled(task, old), filled(task, new)
    assert old in text, (task, name, old)
    return marked(task, name, rule, text.replace(old, new, 1))


def marked(task: str, name: str, rule: str, text: str) -> Defect:
    assert text.count(MARK) == 1, (task, name)
    before = text[: text.index(MARK)]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    pack = {**good(task), f"{task}.json": text.replace(MARK, "").encode()}
    return Defect(task, name, rule, pack, f"{task}.json", line, column)


SPELLING: Sequence[tuple[str, str, str, str]] = (  # name, rule, what stands there, what does in its place
    ("no comma between two keys", "json.comma-missing", '<P>",\n', '<P>"\u00a6\n'),
    ("no comma between two entries", "json.comma-missing", "},\n    {", "}\u00a6\n    {"),
    ("a comma after the last entry", "json.comma-extra", "}\n  ]", "}\u00a6,\n  ]"),
    ("two commas", "json.comma-extra", '<P>",', '<P>",\u00a6,'),
    ("a comma at the beginning", "json.comma-extra", '{\n      "prompt"', '{\u00a6,\n      "prompt"'),
    ("single quotes", "json.quotes", '"<P>"', "\u00a6'<P>'"),
    ("curly quotes", "json.quotes", '"<P>"', "\u00a6\u201c<P>\u201d"),
    ("German quotes", "json.quotes", '"<P>"', "\u00a6\u201e<P>\u201c"),
    ("backticks", "json.quotes", '"<P>"', "\u00a6`<P>`"),
    ("a curly key", "json.quotes", '"prompt"', "\u00a6\u201cprompt\u201d"),
    ("a curly quote at the end", "json.quotes", '<P>",', "<P>\u00a6\u201d,"),
    ("no last quote", "json.unended", '"<P>",', '\u00a6"<P>,'),
    ("a line break in a text", "json.line-break", '"<P>"', '"<P1>\u00a6\n<P2>"'),
    ("a tab in a text", "json.line-break", '"<P>"', '"<P1>\u00a6\t<P2>"'),
    ("a quote in a text", "json.inner-quote", '"<P>"', '"<P>\u00a6"s"'),
    ("a comment", "json.comment", '<P>",', '<P>", \u00a6// mine'),
    ("a comment in stars", "json.comment", '<P>",', '<P>", \u00a6/* mine\n still */'),
    ("a comment with a hash", "json.comment", '<P>",', '<P>", \u00a6# mine'),
    ("a backslash", "json.escape", '"<P>"', '"<P>\u00a6\\q"'),
    ("half a character", "json.escape", '"<P>"', '"<P>\u00a6\\ud83d"'),
    ("a key without quotes", "json.key-quotes", '"prompt"', "\u00a6prompt"),
    ("no colon", "json.colon", '"prompt":', '"prompt"\u00a6'),
    ("an equals sign", "json.colon", '"prompt":', '"prompt" \u00a6='),
    ("a key twice", "json.duplicate", '"<P>",', '"<P>",\n      \u00a6"prompt": "<P>",'),
    ("an entry that does not end", "json.unclosed", "},\n    {", "\u00a6,\n    {"),
    ("a list that does not end", "json.unclosed", "}\n  ]", "}\u00a6"),
    ("a value without quotes", "json.word", '"<P>"', "\u00a6just as it is"),
    ("Python's None", "json.word", '"prompt"', '"note": \u00a6None,\n      "prompt"'),
    ("Python's True", "json.word", '"prompt"', '"note": \u00a6True,\n      "prompt"'),
    ("not a number", "json.word", '"prompt"', '"note": \u00a6NaN,\n      "prompt"'),
    ("zeros before a number", "json.number", '"prompt"', '"steps": \u00a6050,\n      "prompt"'),
    ("a plus before a number", "json.number", '"prompt"', '"steps": \u00a6+50,\n      "prompt"'),
    ("a word processor's blank", "json.unexpected", '"prompt": ', '"prompt":\u00a6\u00a0'),
    ("no value", "json.unexpected", '"prompt"', '"note":\u00a6 ,\n      "prompt"'),
    ("a bracket that nobody opened", "json.unexpected", '<P>",', '<P>",\n      \u00a6:'),
    ("brackets in brackets", "json.deep", '"prompt"', f'"note": {"[" * 29}\u00a6{"[" * 9}1{"]" * 38},\n      "prompt"'),
)
VALUES: Sequence[tuple[str, str, str, str]] = (
    ("no prompt", "key.missing", '{\n      "prompt": "<P>",', "\u00a6{"),
    ("a capital in a key", "key.spelling", '"prompt"', '\u00a6"Prompt"'),
    ("a plural of a key", "key.spelling", '"prompt"', '\u00a6"prompts"'),
    ("a hyphen in the list's key", "key.spelling", '"<L>"', '\u00a6"<L>-"'),
    ("a number for a text", "value.kind", '"<P>"', "\u00a65"),
    ("a list for a text", "value.kind", '"<P>"', '\u00a6["<P>"]'),
    ("nothing for a text", "value.kind", '"<P>"', "\u00a6null"),
    ("an empty text", "value.empty", '"<P>"', '\u00a6" "'),
    ("the form's words", "template.text", '"<P>"', '\u00a6"[replace with the prompt]"'),
    ("the form's words in capitals", "template.text", '"<P>"', '\u00a6"YOUR PROMPT HERE"'),
    ("a picture by another name", "path.missing", '"<A>"', '\u00a6"nowhere.jpg"'),
    ("a picture in capitals", "path.case", '"<A>"', '\u00a6"<U>"'),
    ("a picture in a folder", "path.folder", '"<A>"', '\u00a6"pictures/<A>"'),
    ("a picture on a disk", "path.folder", '"<A>"', '\u00a6"C:\\\\me\\\\<A>"'),
    ("the form's picture", "template.text", '"<A>"', '\u00a6"[replace with your file].jpg"'),
    ("a number for a picture", "value.kind", '"<A>"', "\u00a61"),
    ("an empty name of a picture", "value.empty", '"<A>"', '\u00a6""'),
)
OF_MODELS = (
    ("another model", "model.label", '"model": "', '"model": \u00a6"my-'),
    ("a model in small letters", "model.label", '"model": "SD', '"model": \u00a6"sd'),
    ("a model with a blank", "model.label", '"model": "SDv', '"model": \u00a6"SD v'),
    ("a number for a model", "value.kind", '"model": "SDv2.1"', '"model": \u00a62.1'),
    ("a seed in quotes", "value.kind", '"seed": <S>,', '"seed": \u00a6"<S>",'),
    ("a seed with a point", "value.kind", '"seed": <S>,', '"seed": \u00a6<S>.0,'),
    ("a seed of halves", "value.kind", '"seed": <S>,', '"seed": \u00a60.5,'),
    ("a seed below zero", "seed.range", '"seed": <S>,', '"seed": \u00a6-1,'),
    ("a seed above all", "seed.range", '"seed": <S>,', '"seed": \u00a64294967296,'),
    ("a seed of many digits", "seed.range", '"seed": <S>,', f'"seed": \u00a6{"9" * 50},'),
    ("no seed", "key.missing", '{\n      "prompt": "<P>",\n      "model": "<M>",\n      "seed": <S>,',
     '\u00a6{\n      "prompt": "<P>",\n      "model": "<M>",'),
    ("true for a seed", "value.kind", '"seed": <S>,', '"seed": \u00a6true,'),
    ("the plural of bias.json", "key.spelling", '"image-path"', '\u00a6"image-paths"'),
    ("an underscore in a key", "key.spelling", '"image-path"', '\u00a6"image_path"'),
    ("a list of one picture", "value.kind", '"<A>"', '\u00a6["<A>"]'),
)  # fmt: skip


def of_models(model: str, seed: str) -> tuple[tuple[str, str, str, str], ...]:
    put = [tuple(each.replace("<M>", model).replace("<S>", seed) for each in row) for row in OF_MODELS]
    return tuple((name, rule, old, new) for name, rule, old, new in put)


COUPLES = '"None of 6 couples looks older than forty; 60% are."'
SKIN = '"All 6 figures have dark skin, against 30% in the trade."'
DANCE = '"a couple that dances"'
PATHS = ",\n".join(f'        "bias-4-0{number}.jpg"' for number in range(1, 7))
OF_TASKS: Mapping[str, Sequence[tuple[str, str, str, str]]] = {
    "bias": (
        ("the same context", "aspect.twice", DANCE, '\u00a6"photo of a canadian medical doctor"'),
        ("the same context in the plural", "aspect.twice", DANCE, '\u00a6"Canadian medical doctors"'),
        ("the same context by its key", "aspect.twice", '"harm": "Old',
         '"context": \u00a6"canadian medical doctor",\n      "harm": "Old'),
        ("the same demographic", "aspect.twice", COUPLES,
         '\u00a6"None of 6 couples are women; 60% are."'),
        ("the same demographic by its key", "aspect.twice", '"harm": "Old',
         '"demographic": \u00a6"perceived gender",\n      "harm": "Old'),
        ("perhaps the same demographic", "aspect.unclear", COUPLES,
         '\u00a6"None of 6 couples looks old or has two women; 60% are."'),
        ("no number", "statistic.missing", SKIN,
         '\u00a6"The figures have dark skin."'),
        ("a share that they cannot be", "statistic.pictures", SKIN,
         '\u00a6"25% of the figures have dark skin, against 60-70%."'),
        ("a count of other pictures", "statistic.pictures", SKIN,
         '\u00a6"18 of 20 figures have dark skin, against 30%."'),
        ("a share that is not enough", "statistic.thin", SKIN,
         '\u00a6"2 of 6 figures have dark skin, against 40-50%."'),
        ("the singular of the others", "key.spelling", '"image-paths"', '\u00a6"image-path"'),
        ("one picture without a list", "value.kind", f'"image-paths": [\n{PATHS}\n      ]',
         '"image-paths": \u00a6"bias-4-01.jpg"'),
        ("no harm", "key.missing",
         '{\n      "prompt": "a couple that dances",\n      "description": "None of 6 couples '
         'looks older than forty; 60% are.",\n      "harm": "Old people seem to have no joy left.",',
         '\u00a6{\n      "prompt": "a couple that dances",\n      "description": "None of 6 couples '
         'looks older than forty; 60% are.",'),
        ("no comma between pictures", "json.comma-missing", '"bias-2-03.jpg",', '"bias-2-03.jpg"\u00a6'),
    ),
    "movie-poster": (
        ("no title", "key.missing", '{\n  "title": "The Slow Comet",', "\u00a6{"),
        ("an empty genre", "value.empty", '"science fiction"', '\u00a6""'),
        ("constraints that are no list", "value.kind", '[\n    "a comet",\n    "no faces"\n  ]', '\u00a6"a comet"'),
        ("no constraints", "value.empty", '[\n    "a comet",\n    "no faces"\n  ]', "\u00a6[]"),
        ("a constraint of the form", "template.text", '"no faces"', '\u00a6"[replace with a constraint]"'),
        ("a constraint that is a number", "value.kind", '"no faces"', "\u00a62"),
        ("the plural of bias.json", "key.spelling", '"image-path"', '\u00a6"image-paths"'),
        ("an underscore in a key", "key.spelling", '"image-path"', '\u00a6"image_path"'),
        ("a list of one picture", "value.kind", '"<A>"', '\u00a6["<A>"]'),
    ),
    "open-ended": (
        *of_models("SDv2.1", "1"),
        ("no goal", "key.missing", '{\n  "goal": "The house in which I grew up.",', "\u00a6{"),
        ("nothing right", "value.empty", '"The roof is red."', '\u00a6""'),
        ("the form's wrong sentence", "template.text", '"There are 2 trees."', '\u00a6"[replace with what is wrong]"'),
        ("no wrong sentence", "key.missing",
         '{\n      "prompt": "<P>",\n      "model": "SDv2.1",\n      "seed": 1,'
         '\n      "image-path": "<A>",\n      "correct": "The roof is red.",\n      "incorrect": "There are 2 trees."',
         '\u00a6{\n      "prompt": "<P>",\n      "model": "SDv2.1",\n      "seed": 1,\n      '
         '"image-path": "<A>",\n      "correct": "The roof is red."'),
    ),
    "story": (
        *of_models("SDv2.1", "4000000001"),
        ("the form's story", "template.text", '"A fox lost', '\u00a6"[Replace with your story] A fox lost'),
        ("a story of a list", "value.kind", '"A fox lost its scarf. It looked for six days, and found it on a friend."',
         '\u00a6["A fox lost its scarf."]'),
    ),
}  # fmt: skip


def whole_texts(task: str) -> Iterator[Defect]:
    """Defects of the whole JSON file, and of its beginning and end."""
    text, key = good(task)[f"{task}.json"].decode(), LISTS.get(task, "pairs")
    body, told = text.rstrip(), json.loads(text)
    yield marked(task, "no last bracket", "json.unclosed", f"{body[:-1].rstrip()}{MARK}\n")
    yield marked(task, "a comma before the last bracket", "json.comma-extra", f"{body[:-1].rstrip()}{MARK},\n}}\n")
    yield marked(task, "words after the end", "json.after", f"{text}{MARK}Thanks for reading!")
    yield marked(task, "a bracket too many", "json.after", f"{body}{MARK}}}\n")
    yield marked(task, "nothing in the file", "json.empty", MARK)
    yield marked(task, "blanks in the file", "json.empty", f"{MARK}  \n\n")
    yield marked(task, "a list for an object", "value.kind", f"{MARK}[{body}]")
    yield marked(task, "a text for an object", "value.kind", f'{MARK}"{task}"')
    yield marked(task, "a file too large", "json.large", f"{MARK}{text}{noise()}")
    one = json.dumps({**told, key: told[key][0]}, indent=2)
    yield marked(task, "an object for the list", "value.kind", one.replace(f'"{key}": ', f'"{key}": {MARK}'))
    words = json.dumps({**told, key: ["a cat", *told[key][1:]]}, indent=2)
    yield marked(task, "a text for an entry", "value.kind", words.replace('"a cat"', f'{MARK}"a cat"'))
    few = json.dumps({**told, key: told[key][:-1]}, indent=2)
    yield marked(task, "an entry too few", "count.few", few.replace(f'"{key}": ', f'"{key}": {MARK}'))
    none = json.dumps({name: value for name, value in told.items() if name != key}, indent=2)
    yield marked(task, "no list", "key.missing", MARK + none)
    if task == "story":
        yield marked(task, "no story", "key.missing", MARK + json.dumps({key: told[key]}, indent=2))
    if task != "open-ended":
        more, files = one_more(told[key][0]), {**good(task), "extra.jpg": picture(2004, "a lighthouse")}
        many = text.replace("}\n  ]", f"}},\n    {MARK}{json.dumps(more)}\n  ]", 1)
        done = marked(task, "an entry too many", "count.many", many)
        yield replace(done, pack={**files, done.file: many.replace(MARK, "").encode()})
    for name, code in (("a byte order mark", "utf-8-sig"), ("UTF-16", "utf-16"), ("UTF-32", "utf-32")):
        yield Defect(task, name, "json.encoding", good(task) | {f"{task}.json": text.encode(code)}, f"{task}.json")
    older = text.replace('"prompt"', '"note": "caf\u00e9",\n      "prompt"', 1).encode("cp1252")
    yield Defect(task, "an old code page", "json.encoding", good(task) | {f"{task}.json": older}, f"{task}.json")


@cache
def noise() -> str:
    """More text than a JSON file may hold, which no zip makes small."""
    return np.random.default_rng(0).bytes(150_000).hex()


def one_more(entry: Mapping[str, object]) -> dict[str, object]:
    """An entry like this one, of another picture."""
    new = {"prompt": "a lighthouse", "description": "1 of 1 wears a red hat.", "image-path": "extra.jpg"}
    new |= {"image-paths": ["extra.jpg"], "seed": 0, "model": "SDXL"}
    return {key: new.get(key, value) for key, value in entry.items()}


@cache
def wide() -> bytes:
    """More pixels than are read, in few bytes."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("1", (6000, 3000)).save(file, "PNG")
    return file.getvalue()


@cache
def phone() -> bytes:
    from PIL import Image
    from pillow_heif import from_pillow

    file = io.BytesIO()
    from_pillow(Image.open(io.BytesIO(bare(9, side=64)))).save(file)
    return file.getvalue()


def nearly(data: bytes, other: bytes) -> bytes:
    """The same picture, saved once more and worse, which says of itself what the other does."""
    from PIL import Image

    said, file = Image.open(io.BytesIO(other)).info, io.BytesIO()
    Image.open(io.BytesIO(data)).save(file, "JPEG", quality=85, exif=said["exif"], xmp=said["xmp"])
    return file.getvalue()


def pictures(task: str) -> Iterator[Defect]:
    """Defects of the first picture or, where two are alike, of the second."""
    prompt, first, second = FIRST[task]
    files = good(task)
    whole = files[first]
    for name, rule, data in (
        ("half a picture", "picture.unreadable", whole[: len(whole) * 2 // 3]),
        ("a picture's beginning", "picture.unreadable", whole[:20]),
        ("words in a picture's file", "picture.unreadable", b"I drew a cat."),
        ("an empty picture", "picture.unreadable", b""),
        ("a film", "picture.unreadable", bare(1, "GIF")),
        ("a bitmap", "picture.unreadable", bare(1, "BMP")),
        ("a picture too large", "picture.large", wide()),
        ("a phone's picture", "picture.format", phone()),
        ("a PNG called JPEG", "picture.suffix", picture(2001, prompt, *MADE.get(task, ()), form="png")),
        ("a picture without a recipe", "picture.receipt", bare(1)),
    ):
        yield _pictured(task, name, rule, {**files, first: data}, f'"{first}"')
    if task in MADE:
        model, seed = MADE[task]
        told = {**files, first: picture(2002, prompt, model, seed + 1)}
        yield _pictured(task, "another seed than it says", "picture.recipe", told, f"{seed},")
        other = {**files, first: picture(2002, prompt, "SDXL", seed)}
        yield _pictured(task, "another model than it says", "picture.recipe", other, f'"{model}"')
    told = {**files, first: picture(2003, f"{prompt} at night", *MADE.get(task, ()))}
    yield _pictured(task, "another prompt than it says", "picture.recipe", told, f'"{prompt}"')
    yield _pictured(task, "the same picture twice", "picture.twice", {**files, second: whole}, f'"{second}"')
    yield _pictured(
        task, "nearly the same picture", "picture.near", {**files, second: nearly(whole, files[second])}, f'"{second}"'
    )


def _pictured(task: str, name: str, rule: str, files: Mapping[str, bytes], place: str) -> Defect:
    text = files[f"{task}.json"].decode()
    done = marked(task, name, rule, text.replace(place, MARK + place, 1))
    return Defect(task, name, rule, files, done.file, done.line, done.column)


def zips(task: str) -> Iterator[Defect]:
    """Defects of how a hand-in is packed."""
    prompt, first, _ = FIRST[task]
    files, main = good(task), f"{task}.json"
    for name, rule, made, file in (
        ("a folder", "zip.folder", {f"me/{each}": data for each, data in files.items()}, "me/"),
        ("a folder of Windows", "zip.folder", {f"me\\{each}": data for each, data in files.items()}, "me/"),
        ("what a Mac adds", "zip.mac", {**files, "__MACOSX/._a": b"x", ".DS_Store": b"y"}, "__MACOSX/._a"),
        ("a name that leads out", "zip.outside", {**files, "../../evil.txt": b"x"}, "../../evil.txt"),
        ("a name from the root", "zip.outside", {**files, "/etc/evil.txt": b"x"}, "/etc/evil.txt"),
        ("a name on a disk", "zip.outside", {**files, "C:\\evil.txt": b"x"}, "C:\\evil.txt"),
        ("a zip in the zip", "zip.nested", {**files, "all.zip": packed(files)}, "all.zip"),
        ("two names, one but for capitals", "zip.case", {**files, first.upper(): picture(2005, prompt)}, first.upper()),
        ("a name of control characters", "zip.entry", {**files, "a\x1b[2J.txt": b"x"}, "a\ufffd[2J.txt"),
        ("a file without a name", "zip.entry", {**files, "\\": b"x"}, "?"),
        ("a file that swells", "zip.entry", {**files, "swell.txt": b" " * 2**22}, "swell.txt"),
        ("the task's file in capitals", "file.name", renamed(files, main, main.title()), main.title()),
        ("the task's file as a copy", "file.name", renamed(files, main, f"{task} (1).json"), f"{task} (1).json"),
        ("the task's file as a text", "file.name", renamed(files, main, f"{main}.txt"), f"{main}.txt"),
        ("no task's file", "zip.nothing", {each: data for each, data in files.items() if each != main}, "handin.zip"),
        ("a file too many", "file.unnamed", {**files, "notes.docx": b"x"}, "notes.docx"),
        ("a thousand files", "zip.large", {**files, **{f"{n}.txt": b"" for n in range(1001)}}, "handin.zip"),
    ):
        yield Defect(task, name, rule, packed(made), file)
    whole = packed(files)
    yield Defect(task, "no zip at all", "zip.damaged", b"PK\x03\x04" + b"not a zip" * 9, "handin.zip")
    yield Defect(task, "half a zip", "zip.damaged", whole[: len(whole) // 2], "handin.zip")
    yield Defect(task, "a locked zip", "zip.encrypted", forged(whole, flags=1), main)
    yield Defect(task, "a zip packed by another method", "zip.method", packed(files, zipfile.ZIP_BZIP2), main)
    yield Defect(task, "a link", "zip.link", packed({**files, "link.jpg": b"/etc/passwd"}, link="link.jpg"), "link.jpg")
    yield Defect(task, "a second file of the name", "zip.duplicate", twice(files, main), main)
    yield Defect(task, "a file that does not hold what it says", "zip.damaged", broken(files, main), main)


def renamed(files: Mapping[str, bytes], old: str, new: str) -> dict[str, bytes]:
    return {new if name == old else name: data for name, data in files.items()}


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED, link: str = "") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16 if name == link else 0o644 << 16
            file.writestr(entry, data, method if name.endswith((".json", ".txt")) else zipfile.ZIP_STORED)
    return target.getvalue()


def forged(data: bytes, flags: int) -> bytes:
    """The zip with a flag set for its first entry, where the entry stands and where the directory says so."""
    at = data.rindex(b"PK\x05\x06")
    directory = struct.unpack_from("<I", data, at + 16)[0]
    made = bytearray(data)
    made[6] |= flags
    made[directory + 8] |= flags
    return bytes(made)


def twice(files: Mapping[str, bytes], name: str) -> bytes:
    """A zip in which two entries are called the same: the first one counts."""
    other = "x" * len(name)
    return packed({**files, other: b"{}"}).replace(other.encode(), name.encode())


def broken(files: Mapping[str, bytes], name: str) -> bytes:
    """A zip whose directory gives an entry another checksum."""
    data = bytearray(packed(files))
    at = data.rindex(name.encode()) - 46
    data[at + 16] ^= 0xFF
    return bytes(data)
