"""What may come through a door: requests that nearly mean something, for each of the studio's, by hypothesis."""

import io
import json
import re
import zipfile
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from urllib.parse import quote, quote_from_bytes, urlencode

from campus import CARDS, Campus, Way
from fragments import LEAVES, TREES, broken, drawn, rosters, spelt, telling, whole
from handins import good
from hypothesis import strategies as st
from knocking import Request
from oddities import ASKED_OF, FIELDS_OF, HANDED, NASTY, ODD, PLAIN

from limner.recipe import FIELDS

WORDS = st.sampled_from(NASTY) | st.text(max_size=20)


def odd() -> st.SearchStrategy[dict[bytes, bytes]]:
    """A header or two as no client of ours sends it."""
    one = st.sampled_from(sorted(ODD)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(ODD[name])))
    return st.lists(one, max_size=2).map(dict)


def valued(campus: Campus, name: str) -> st.SearchStrategy[str]:
    """Something that is so called, mostly; or what is nothing."""
    there = [*campus.ids.get(name, ()), *PLAIN.get(name, ())]
    if name in FIELDS:
        there.append(str(FIELDS[name].example))
    good = st.sampled_from(there) if there else st.sampled_from(("x", "1"))
    return st.integers(0, 9).flatmap(lambda luck: WORDS if luck < 2 else good)


@st.composite
def filled(draw: st.DrawFn, campus: Campus, path: str) -> str:
    """A path, quoted, in whose gaps stands what is there, mostly."""

    def gap(found: re.Match[str]) -> str:
        return quote_from_bytes(draw(valued(campus, found[1])).encode("utf-8", "surrogatepass"), safe="")

    return re.sub(r"\{(\w+)(?::\w+)?\}", gap, path)


@st.composite
def formed(draw: st.DrawFn, campus: Campus, names: Sequence[str]) -> dict[str, str]:
    some = draw(st.lists(st.sampled_from(names), max_size=8, unique=True)) if names else []
    if "prompt" in names and draw(st.booleans()):
        some.append("prompt")
    if "x" in names:
        some += [each for each in ("x", "y", "xs", "ys") if draw(st.integers(0, 5))]
    return {name: draw(valued(campus, name)) for name in some}


def posted(fields: Mapping[str, str]) -> tuple[bytes, bytes]:
    body = urlencode({name: text.encode("utf-8", "surrogatepass") for name, text in fields.items()}).encode()
    return b"application/x-www-form-urlencoded", body


def parted(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, bytes]:
    """The same as parts, files among them."""
    out = bytearray()
    for name, text in fields.items():
        out += f'--edge\r\nContent-Disposition: form-data; name="{quote(name)}"\r\n\r\n'.encode()
        out += text.encode("utf-8", "surrogatepass") + b"\r\n"
    for name, (title, data) in files.items():
        out += f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="{title}"\r\n'.encode(
            "utf-8", "replace"
        )
        out += b"Content-Type: image/png\r\n\r\n" + data + b"\r\n"
    return b"multipart/form-data; boundary=edge", bytes(out) + b"--edge--\r\n"


@st.composite
def knocked(draw: st.DrawFn, campus: Campus, who: str, door: Way) -> Request:
    """A page asked for, or a form sent, with what stands in the address and the headers."""
    query = draw(formed(campus, ASKED_OF.get(door.path, ("x",))))
    if door.path in ("/compare", "/gallery.zip"):
        jobs = draw(st.lists(valued(campus, "job"), max_size=5))
        asked = urlencode([("job", each.encode("utf-8", "surrogatepass")) for each in jobs]).encode()
    else:
        asked = urlencode({name: text.encode("utf-8", "surrogatepass") for name, text in query.items()}).encode()
    kind, body = b"", b""
    if door.method != "GET":
        fields = draw(formed(campus, FIELDS_OF.get(door.path, ("why", "name", "how", "role", "more"))))
        kind, body = draw(
            st.sampled_from(
                (
                    posted(fields),
                    posted(fields),
                    parted(fields, {}),
                    (b"application/json", json.dumps(fields).encode()),
                    (b"multipart/form-data; boundary=edge", b"--edge\r\n\r\n"),
                )
            ),
        )
    return request(campus, who, door, draw(filled(campus, door.path)), asked, kind, body, draw(odd()))


def request(
    campus: Campus, who: str, door: Way, path: str, query: bytes = b"", kind: bytes = b"", body: bytes = b"",
    more: Mapping[bytes, bytes] = {},
) -> Request:  # fmt: skip
    """As somebody's browser or program sends it."""
    headers = {**campus.known(who, "worker" if door.serves else ""), b"accept": b"text/html", b"content-type": kind}
    headers |= {b"origin": b"http://127.0.0.1"} if door.foreign else {}
    headers |= {b"content-length": str(len(body)).encode(), **more}
    named = tuple((name, value) for name, value in headers.items() if value or name in more)
    return Request(f"{door.method} {door.path}", door.method, path, query, named, body)


@cache
def zips() -> tuple[bytes, ...]:
    """A good hand-in of each task, and one of pictures without words."""
    out = list[bytes]()
    for task in ("bias", "movie-poster", "open-ended", "story", ""):
        files = good(task) if task else {"a.png": drawn({}), "story.json": b"[{]"}
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        out.append(file.getvalue())
    return tuple(out)


@st.composite
def handins(draw: st.DrawFn) -> bytes:
    """A zip as it should be, cut off, or bent in some places."""
    data = bytearray(draw(st.sampled_from(zips())))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.sampled_from((len(data), len(data), len(data) // 2)))])


HANDINS = st.one_of(handins(), handins(), telling(), st.binary(max_size=300))
PICTURES = st.one_of(telling(), telling(), broken(), st.sampled_from(whole()), st.binary(max_size=300))


@st.composite
def sent(draw: st.DrawFn, campus: Campus, who: str, door: Way) -> Request:
    """A file, by one of the doors that take some."""
    kinds = {"/people/invite": rosters(), **dict.fromkeys(HANDED, HANDINS)}
    data = draw(kinds.get(door.path, PICTURES))
    kind, body, query = b"application/octet-stream", data, b""
    title = draw(st.sampled_from(("a.png", "../../a.png", "", "a\0b", 'a"b', "\u202egnp.a")))
    if door.path == "/workers/picture":
        name = sha256(data).hexdigest() if draw(st.integers(0, 5)) else "f" * 64
        query = f"sha256={name}".encode()
    elif door.path == "/sdapi/v1/png-info":
        image = draw(st.sampled_from(("", "data:image/png;base64,", "data:"))) + b64encode(data).decode()
        kind, body = b"application/json", json.dumps({"image": image}).encode()
    else:
        name = {"/read": "picture", "/people/invite": "table", **HANDED}.get(door.path, "files")
        fields = {"how": draw(st.sampled_from(("", "mail")))} if door.path == "/people/invite" else {}
        kind, body = parted(fields, {name: (title, data)})
    if not draw(st.integers(0, 9)):
        body = body[: draw(st.integers(0, len(body)))]
    built = request(campus, who, door, door.path, query, kind, body)
    leaves = not draw(st.integers(0, 20)) and len(body) > 0
    return Request(**{**vars(built), "leaves": leaves})


@st.composite
def worked(draw: st.DrawFn, campus: Campus, who: str, door: Way) -> Request:
    """A worker's word, whose jobs, leases and pictures are there, mostly."""
    made: Mapping[str, Callable[[], object]] = {
        "job": lambda: draw(valued(campus, "job")), "lease": lambda: draw(valued(campus, "lease")),
        "picture": lambda: draw(valued(campus, "picture")),
        "worker": lambda: draw(st.sampled_from(("one", "painter")) | WORDS),
        "model": lambda: draw(st.sampled_from([card.identity for card in CARDS]) | WORDS),
        "room": lambda: draw(st.integers(0, 65)),
        "device": lambda: draw(WORDS), "token": lambda: draw(st.sampled_from(("0" * 16, "f" * 16)) | WORDS),
        "what": lambda: draw(WORDS), "remedy": lambda: draw(WORDS), "why": lambda: draw(WORDS),
        "notes": lambda: draw(st.lists(WORDS, max_size=3)),
    }  # fmt: skip

    def pulse() -> dict[str, object]:
        said = {name: made[name]() for name in ("job", "lease")}
        more = draw(st.dictionaries(st.sampled_from(("done", "total", "spent", "preview")), NUMBERS, max_size=4))
        return {**said, **more}

    told: Mapping[str, Callable[[], object]] = {
        "/workers/here": lambda: {name: made[name]() for name in ("worker", "model", "device")},
        "/workers/left": lambda: {"worker": made["worker"]()},
        "/workers/lease": lambda: {name: made[name]() for name in ("worker", "model", "room", "token")},
        "/workers/beat": lambda: {"pulses": [pulse() for _ in range(draw(st.integers(0, 3)))]},
        "/workers/finish": lambda: {"pulse": pulse(), "picture": made["picture"](), "notes": made["notes"]()},
        "/workers/withhold": lambda: {"pulse": pulse(), "score": draw(st.sampled_from((0.0, 0.9, 1.0, -1.0, 2.0)))},
        "/workers/fail": lambda: {"pulse": pulse(), "what": made["what"](), "remedy": made["remedy"]()},
        "/workers/release": lambda: {"pulses": [pulse()], "why": made["why"]()},
        "/workers/announce": lambda: draw(announced()),
    }
    body = json.dumps(told[door.path]()).encode()
    return request(campus, who, door, door.path, b"", b"application/json", body)


NUMBERS = st.one_of(st.integers(0, 20), st.sampled_from([2**31 - 1, 2**31, 2**32 - 1, 1e5, -1, float("nan")]),
                    st.sampled_from(["", "AAAA", b64encode(whole()[0]).decode()]))  # fmt: skip


@st.composite
def announced(draw: st.DrawFn) -> dict[str, object]:
    """A model's card, some of which is not so."""
    said = {**CARDS[0].defaults, **draw(st.dictionaries(st.sampled_from(sorted(FIELDS)), LEAVES, max_size=2))}
    name, terms = draw(st.sampled_from(("mini", "ruled", "other")) | WORDS), draw(WORDS)
    identity = draw(st.sampled_from(("c" * 64, "d" * 64, "x")))
    return {"identity": identity, "name": name, "factor": draw(st.integers(0, 65)), "defaults": said, "terms": terms,
            "licence": draw(st.sampled_from(("", "Apache-2.0", "OpenRAIL")))}  # fmt: skip


CALLS = ("models", "draw", "job", "cancel", "read", "predict", "look", "latest", "nothing", "\0")


@st.composite
def called(draw: st.DrawFn, campus: Campus, who: str, door: Way) -> Request:
    """One of Gradio's doors, whose call is mostly there."""
    call = draw(st.sampled_from(CALLS))
    path = door.path.replace("{call}", quote(call)).replace(
        "{event}", draw(st.sampled_from(("0" * 32, "x", *campus.ids["event"])))
    )
    path = re.sub(
        r"\{\w+:path\}", lambda _: quote(draw(st.sampled_from(("a", "../x", "js/a.js", "/etc/passwd", "\0")))), path
    )
    path = path.replace("{name}", draw(st.sampled_from([*campus.ids["name"], "x"])))
    query = urlencode(draw(formed(campus, ASKED_OF.get(door.path, ("x",))))).encode("utf-8", "replace")
    if door.method == "GET":
        return request(campus, who, door, path, query, more=draw(odd()))
    wish = ["a cat", "", "", draw(st.integers(1, 3)), None, 2, None, 64, 64, None, None, ""]
    plain: list[object] = {
        "draw": wish, "job": [draw(valued(campus, "job"))], "cancel": [draw(valued(campus, "job"))],
        "read": [{"path": draw(st.sampled_from([*campus.ids["path"], "/etc/passwd"])),
                  "meta": {"_type": "gradio.FileData"}}],
    }.get(call, [])  # fmt: skip
    data = draw(st.one_of(st.just(plain), st.just(plain), st.lists(TREES, max_size=3), swapped(plain)))
    said: dict[str, object] = {"data": data}
    for name in draw(
        st.lists(st.sampled_from(("fn_index", "session_hash", "trigger_id", "event_data", "batched")), max_size=3)
    ):
        said[name] = draw(
            st.integers(-1, 12) if name in ("fn_index", "trigger_id") else st.sampled_from(("abc", "x")) | TREES
        )
    return request(campus, who, door, path, query, b"application/json", spelt(said).encode())  # type: ignore[arg-type]


@st.composite
def swapped(draw: st.DrawFn, plain: list[object]) -> list[object]:
    """One of some arguments is something else."""
    if not plain:
        return [draw(TREES)]
    at = draw(st.integers(0, len(plain) - 1))
    return [*plain[:at], draw(TREES), *plain[at + 1 :]]
