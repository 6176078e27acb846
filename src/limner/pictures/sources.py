"""How each package is read: its files become drawings, each with its words, its author and its licence."""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from limner.pictures.catalogue import PictureSet
from limner.pictures.faces import COUNT, describe, draw_faces
from limner.pictures.nouns import Noun, head_noun
from limner.pictures.sets import Record
from limner.pictures.words import COLOURS, Words, code_of, colour_of, drawable

Files = Mapping[str, bytes]
Packages = Mapping[str, Files]
Vocabulary = Mapping[str, Words]

_NO_SILHOUETTE = re.compile(
    r"^(abstract|card|tarot|dice|inverted-dice|perspective-dice|logic-gate|hieroglyph|usa|union-jack)\b"
    r"|-symbol$|suicide|hanging|severed|guillotine|gibbet|sperm|venus-of|nude|genitals|swastika"
)
_NO_CLIPART_FOLDER = re.compile(
    r"^(computer|signs_and_symbols|shapes|special|logos|buttons|geography|decorations|people/(stickmen|smilies)"
    r"|transportation/(roadsigns|aiga-symbols)|recreation/(games/cards|religion)|unsorted/duplicates)/"
)
_NO_CLIPART = re.compile(r"nude|naked|sexy|bikini|lingerie|breast|erotic|devil girl|pinup|hitler|nazi|swastika", re.I)
_USELESS_TITLE = re.compile(r"clip ?art by|cliparts?$|sibmission|road signs|^untitled|^drawing\d*$", re.I)
# Which kinds of noun a folder of clip art may hold: a cat among the tools is a scratching post.
_CLIPART_KINDS: Mapping[str, set[str]] = {
    "animals": {"animal"},
    "food": {"food", "fruit", "vegetable", "plant", "household"},
    "plants": {"plant", "fruit", "vegetable"},
    "transportation": {"vehicle"},
    "people": {"people", "clothing", "body", "character"},
    "buildings": {"place", "household"},
    "tools": {"tool", "household", "paper"},
}
_SPEAKING_FOLDERS = ("animals/birds/", "animals/mammals/", "plants/")  # where a keyword names the whole picture
# What icons put before the noun they show; after any other word the noun is only a part of the picture.
_ICON_PREFIXES = {
    "adventure", "aircraft", "amusement", "animal", "astronomy", "award", "body", "bread", "care", "cash", "circus",
    "classical", "close", "color", "computer", "design", "dentistry", "desktop", "drinks", "electric", "fast", "food",
    "fruit", "gift", "home", "ice", "instrument", "kitchenware", "make", "medical", "mobile", "modern", "money",
    "movies", "music", "night", "office", "outdoors", "park", "party", "products", "public", "queen", "railroad",
    "retro", "road", "rose", "science", "seafood", "service", "shopping", "simple", "smart", "soft", "space",
    "sports", "tool", "tools", "up", "vegetables", "vintage", "vip", "warehouse", "water", "weather",
}  # fmt: skip
_MISNAMED = {  # drawn as something else than the emoji of that name
    "fxemoji": {"kiss", "sunglasses", "keyboard", "tramcar", "gamedie", "window"},
}
_NO_ICON = {"mouse"}  # the one that is plugged in


@dataclass(frozen=True)
class Drawing:
    """A picture that is still to be rendered: `content` is SVG text, or the bytes of a raster file."""

    record: Record
    content: str | bytes


def _record(which: PictureSet, name: str, label: str, tags: tuple[str, ...] = (), group: str = "") -> Record:
    """A record with the set's own author and licence, and no emoji behind it."""
    return Record(
        key=f"{which.name}-{name}",
        set=which.name,
        style=which.style,
        label=label,
        tags=tags,
        group=group,
        subgroup="",
        code="",
        tone="",
        gender="",
        colour=colour_of(label),
        author=which.artist,
        source=which.source,
        licence=which.licence,
    )


def _emoji_record(which: PictureSet, name: str, words: Words) -> Record:
    return replace(
        _record(which, name, words.label, words.tags, words.group),
        subgroup=words.subgroup,
        code=words.code,
        tone=words.tone,
        gender=words.gender,
    )


def read_files(which: PictureSet, packages: Packages, vocabulary: Vocabulary) -> Iterator[Drawing]:
    """A package of raster files named by code points."""
    files = packages[which.package.name]
    by_code = {code_of(PurePosixPath(name).stem): name for name in sorted(files) if name.endswith(".webp")}
    for code, name in by_code.items():
        words = vocabulary.get(code)
        if words and drawable(words):
            yield Drawing(_emoji_record(which, words.code, words), files[name])


class Icons:
    """An Iconify package: named SVG bodies, some of them under several names."""

    def __init__(self, files: Files) -> None:
        self._raw = json.loads(files["icons.json"])
        self.names: dict[str, str] = {name: name for name, icon in self._raw["icons"].items() if "hidden" not in icon}
        for alias, target in self._raw.get("aliases", {}).items():
            if set(target) == {"parent"} and target["parent"] in self.names:
                self.names[alias] = target["parent"]

    def svg(self, name: str) -> str:
        """The complete document of one icon."""
        icon = self._raw["icons"][self.names[name]]
        width = icon.get("width", self._raw.get("width", 16))
        height = icon.get("height", self._raw.get("height", 16))
        left, top = icon.get("left", 0), icon.get("top", 0)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width}" '
            f'height="{height}" viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
        )


def read_emoji(which: PictureSet, packages: Packages, vocabulary: Vocabulary) -> Iterator[Drawing]:
    """An Iconify package that maps code points to icon names."""
    files = packages[which.package.name]
    icons = Icons(files)
    by_code = {code_of(code): name for code, name in json.loads(files["chars.json"]).items()}
    for code, name in by_code.items():
        words = vocabulary.get(code)
        if name in icons.names and words and drawable(words):
            yield Drawing(_emoji_record(which, words.code, words), icons.svg(name))


def read_names(which: PictureSet, packages: Packages, vocabulary: Vocabulary) -> Iterator[Drawing]:
    """An Iconify package whose icons bear emoji names, hyphenated or run together, perhaps with a variant's number."""
    icons = Icons(packages[which.package.name])
    named = {re.sub(r"[^a-z0-9]", "", words.name): words for words in vocabulary.values()}
    drawn: set[str] = set()
    for name in sorted(icons.names):
        words = named.get(re.sub(r"-\d+$", "", name).replace("-", ""))
        misnamed = name in _MISNAMED.get(which.name, ())
        if words and drawable(words) and not misnamed and icons.names[name] not in drawn:
            drawn.add(icons.names[name])
            yield Drawing(_emoji_record(which, name, words), icons.svg(name))


def read_icons(which: PictureSet, packages: Packages, vocabulary: Vocabulary) -> Iterator[Drawing]:
    """An Iconify package of icons for screens: those that are a noun of ours after words that sort ("fruit banana")."""
    icons = Icons(packages[which.package.name])
    for name in sorted(icons.names):
        words = re.sub(r"-\d+$", "", name).replace("-", " ")
        noun = head_noun(words)
        if noun and name not in _NO_ICON and set(words.removesuffix(noun.word).split()) <= _ICON_PREFIXES:
            yield Drawing(_record(which, name, noun.word, group=noun.kind), icons.svg(name))


def read_silhouettes(which: PictureSet, packages: Packages, vocabulary: Vocabulary) -> Iterator[Drawing]:
    """An Iconify package of black silhouettes with telling names."""
    icons = Icons(packages[which.package.name])
    for name in sorted(icons.names):
        if name == icons.names[name] and not _NO_SILHOUETTE.search(name):
            label = re.sub(r"-\d+$", "", name).replace("-", " ")
            noun = head_noun(label)
            yield Drawing(_record(which, name, label, group=noun.kind if noun else ""), icons.svg(name))


def read_clipart(which: PictureSet, packages: Packages, vocabulary: Vocabulary) -> Iterator[Drawing]:
    """Clip art by many hands with noisy titles: what is kept says in the public domain, and is named by a noun of ours.

    The noun is the head of the title, else of the file name, else the only one among the keywords.
    """
    root, drawn = "usr/share/openclipart/svg/", set[str]()
    for path, content in sorted(packages[which.package.name].items()):
        place = path.removeprefix(root)
        if not path.startswith(root) or not path.endswith(".svg") or _NO_CLIPART_FOLDER.match(place):
            continue
        svg = content.decode("utf-8", "replace")
        title, author, keywords = _metadata(svg)
        public = re.search(r'license\s+rdf:resource="[^"]*public ?domain[^"]*"', svg, re.I)
        noun = _clipart_noun(title, place, keywords)
        if not public or noun is None or _NO_CLIPART.search(f"{title} {place} {keywords}"):
            continue
        first = title.lower().split()[0] if title else ""
        label = f"{first} {noun.word}" if first in COLOURS and f" {noun.word}" in title.lower() else noun.word
        name = re.sub(r"[^a-z0-9]+", "-", place.removesuffix(".svg").lower()).strip("-")
        if name in drawn:
            continue
        drawn.add(name)
        record = _record(which, name, label, tuple(sorted(keywords - {noun.word})), noun.kind)
        yield Drawing(replace(record, author=author or which.artist, source=f"{which.source}: {place}"), svg)


def _metadata(svg: str) -> tuple[str, str, set[str]]:
    """Title, creator and keywords of a Dublin Core block."""
    title = re.search(r"<cc:Work.*?<dc:title>([^<]*)</dc:title>", svg, re.S)
    creator = re.search(r"<dc:creator>.*?<dc:title>([^<]*)</dc:title>.*?</dc:creator>", svg, re.S)
    keywords = {html.unescape(each).strip().lower() for each in re.findall(r"<rdf:li>([^<]+)</rdf:li>", svg)}
    said = html.unescape(title.group(1)).strip() if title else ""
    return (
        "" if _USELESS_TITLE.search(said) else said,
        html.unescape(creator.group(1)).strip() if creator else "",
        keywords,
    )


def _clipart_noun(title: str, place: str, keywords: set[str]) -> Noun | None:
    plain = re.sub(r"\(.*?\)|[\d#]+", " ", title.replace("_", " ").lower())
    noun = head_noun(re.split(r" (?:with|in|on|by|and|of|from) |,| - ", plain.strip())[0])
    if noun is None:
        stem = re.sub(r"[\d_-]+", " ", PurePosixPath(place).stem.lower()).strip()
        bare = re.sub(r"\b(bw|simple|small|new)$", "", stem).strip()
        noun = head_noun(bare) if len(bare.split()) <= 2 else None  # longer names end in the artist's
    if noun is None and place.startswith(_SPEAKING_FOLDERS):
        found = {each.word: each for each in (head_noun(word) for word in sorted(keywords)) if each}
        noun = next(iter(found.values())) if len(found) == 1 else None
    return noun if noun and noun.kind in _CLIPART_KINDS.get(place.split("/")[0], {noun.kind}) else None


def read_faces(which: PictureSet, packages: Packages, vocabulary: Vocabulary) -> Iterator[Drawing]:
    """Faces drawn by a library from parameters, which are their words."""
    for number, (svg, attributes) in enumerate(draw_faces(which.name, packages, COUNT)):
        said = describe(which.name, attributes)
        if said:
            record = _record(which, f"{number:04}", said[0], group="faces")
            yield Drawing(replace(record, gender=said[1]), svg)


Reader = Callable[[PictureSet, Packages, Vocabulary], Iterator[Drawing]]
READERS: Mapping[str, Reader] = {
    "files": read_files,
    "emoji": read_emoji,
    "names": read_names,
    "icons": read_icons,
    "silhouettes": read_silhouettes,
    "clipart": read_clipart,
    "faces": read_faces,
}
