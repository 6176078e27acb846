"""Files as nobody should send them: pictures and rosters, whole, bent in a place, cut off, or lying of themselves."""

import io
import json
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

from hypothesis import strategies as st
from PIL import Image

from limner.recipe import DEFAULTS, Recipe, Wish, resolve, to_json

Chunk: TypeAlias = tuple[bytes, bytes]
Nested: TypeAlias = "bool | int | float | str | list[Nested] | dict[str, Nested] | None"

MARK = b"\x89PNG\r\n\x1a\n"
RECIPE = resolve(Wish(prompt="a red apple"), {**DEFAULTS, "model": "a" * 64, "width": 64, "height": 64})
SETTINGS = (
    "a cat <lora:x:0.8>\nNegative prompt: rain\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 9, Size: 512x512"
)
GRAPH: Nested = {
    "3": {"class_type": "KSampler", "inputs": {
        "seed": 5, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "karras", "denoise": 1.0,
        "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a bottle, (galaxy:1.2)", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["4", 1]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}  # fmt: skip
PAGE: Nested = {
    "nodes": [
        {"id": 3, "type": "KSampler", "mode": 0, "widgets_values": [5, "fixed", 20, 8, "euler", "karras", 1],
         "inputs": [{"name": "positive", "link": 1, "type": "CONDITIONING"}, {"name": "latent_image", "link": 2}]},
        {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a cat"], "inputs": []},
        {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 512, 1]},
    ],
    "links": [[1, 6, 0, 3, 0, "CONDITIONING"], [2, 5, 0, 3, 1, "LATENT"]],
}  # fmt: skip
INVOKE: Nested = {
    "app_version": "4.2.0", "generation_mode": "txt2img", "positive_prompt": "a cat++", "negative_prompt": "rain",
    "seed": 7, "steps": 30, "cfg_scale": 7.5, "scheduler": "euler_a", "width": 512, "height": 512, "clip_skip": 0,
    "model": {"name": "sd", "hash": "x"}, "loras": [{"model": {"name": "ink"}, "weight": 0.7}],
}  # fmt: skip
FOOOCUS: Nested = {
    "base_model": "juggernaut", "prompt": "a cat", "full_prompt": ["a cat", "fine"], "negative_prompt": "rain",
    "seed": "7", "steps": 30, "resolution": "(512, 512)", "guidance_scale": 4.0, "sampler": "euler", "styles": "[]",
}  # fmt: skip
OLD: Nested = {
    "model_weights": "sd-v1-4",
    "image": {"prompt": [{"prompt": "a cat [rain]"}], "seed": 4, "steps": 20, "sampler": "k_lms", "cfg_scale": 7},
}
OURS: Nested = json.loads(to_json(RECIPE))
SAID: Mapping[str, Nested] = {  # the names under which programs put what they say
    "prompt": GRAPH, "workflow": PAGE, "invokeai_metadata": INVOKE, "sd-metadata": OLD, "parameters": FOOOCUS,
    "limner": OURS,
}  # fmt: skip

DIGITS = st.sampled_from([9, 300, 4299, 4300]).map(lambda length: int("9" * length))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), DIGITS,
    st.sampled_from(["", "\ud800", "\udfff\ud800", "\0", "a" * 5000, "(" * 60, "[" * 300, "<lora:a:nan>", "\u202e"]),
    st.text(max_size=30), st.text(st.characters(), max_size=10),
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=12,
)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A piece of a PNG, whose checksum is right."""
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def drawn(texts: Mapping[str, str], recipe: Recipe | None = None) -> bytes:
    """One grey pixel that carries what a picture does."""
    said = {**({"limner": to_json(recipe), "parameters": f"{recipe.prompt}\nSteps: 4"} if recipe else {}), **texts}
    return png([(b"iTXt", f"{name}\0\0\0\0\0{text}".encode("utf-8", "replace")) for name, text in said.items()])


def png(extra: list[Chunk]) -> bytes:
    header = (1).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    ends = [(b"IDAT", zlib.compress(b"\0\x80\x80\x80")), (b"IEND", b"")]
    return MARK + b"".join(chunk(kind, body) for kind, body in [(b"IHDR", header), *extra, *ends])


@cache
def whole() -> tuple[bytes, ...]:
    """Good files of all three formats, and of all programs whose pictures are read."""
    image, out = Image.new("RGB", (16, 16), "red"), [png([])]
    block = Image.Exif()
    block.endian = ">"
    block.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + SETTINGS.encode("utf-16-be")
    block[0x0110] = f"prompt:{json.dumps(GRAPH)}"
    packet = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r xmlns="urn:limner:1.0/" recipe=\'{to_json(RECIPE)}\'/></x:xmpmeta>'
    )
    for form in ("PNG", "JPEG", "WEBP"):
        file = io.BytesIO()
        image.save(file, form, exif=block, **({} if form == "PNG" else {"xmp": packet.encode()}))
        out.append(file.getvalue())
    out += [drawn({name: json.dumps(said)}) for name, said in SAID.items()]
    return (
        *out,
        drawn({"parameters": SETTINGS}),
        drawn({"Dream": '"a cat [rain]" -s 50 -S 42 -A k_lms'}),
        drawn({}, RECIPE),
    )


@st.composite
def bent(draw: st.DrawFn, said: Nested) -> Nested:
    """The same, with something else in one place, or two."""

    def walked(each: Nested, luck: int) -> Nested:
        if draw(st.integers(0, luck)) == 0:
            return draw(TREES)
        if isinstance(each, dict):
            return {key: walked(value, luck) for key, value in each.items()}
        return [walked(value, luck) for value in each] if isinstance(each, list) else each

    return walked(said, draw(st.sampled_from([6, 20, 60])))


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


def spelt(tree: Nested) -> str:
    """JSON, with whatever Python's own writer lets through."""
    return json.dumps(tree)


TEXTS = st.one_of(
    st.sampled_from([SETTINGS, *(json.dumps(said) for said in SAID.values())]),
    st.sampled_from(sorted(SAID)).flatmap(lambda name: bent(SAID[name])).map(spelt),
    TREES.map(spelt),
    st.integers(1, 1200).map(deep),
    st.builds(lambda depth, tree: json.dumps({**GRAPH, "3": tree, "x": depth}), st.integers(), TREES),
    st.builds(lambda depth: json.dumps(GRAPH).replace('"karras"', deep(depth)), st.integers(100, 1000)),
    st.builds(lambda depth: json.dumps(FOOOCUS).replace('"(512, 512)"', deep(depth)), st.integers(100, 1000)),
    st.lists(st.tuples(st.sampled_from(["Steps", "Sampler", "Size", "Seed", "Eta", "Clip skip", "CFG scale"]),
                       st.text(max_size=20) | LEAVES.map(json.dumps)), max_size=8)
    .map(lambda pairs: "a cat\nNegative prompt: b\n" + ", ".join(f"{name}: {text}" for name, text in pairs)),
    st.text(max_size=200),
)  # fmt: skip


@st.composite
def telling(draw: st.DrawFn) -> bytes:
    """A PNG whose texts are odd and whose checksums are right."""
    extra = list[Chunk]()
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from([*SAID, "Dream", "XML:com.adobe.xmp"]) | st.text(max_size=5)).encode(
            "utf-8", "replace"
        )
        text = draw(TEXTS).encode("utf-8", "replace")
        kind = draw(st.sampled_from([b"iTXt", b"iTXt", b"tEXt", b"zTXt", b"eXIf"]))
        body = {
            b"iTXt": name + draw(st.sampled_from([b"\0\0\0\0\0", b"\0\1\0\0\0", b"\0", b"\0\0\0"])) + text,
            b"tEXt": name + b"\0" + text,
            b"zTXt": name + b"\0\0" + zlib.compress(text) + draw(st.binary(max_size=3)),
            b"eXIf": draw(st.sampled_from([b"MM\0*", b"II*\0", b""])) + draw(st.binary(max_size=80)) + text,
        }[kind]
        extra.append((kind, body))
    return png(extra)


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A good file, a few of whose bytes are others, more, fewer, or as many as it says there are."""
    data = bytearray(draw(st.sampled_from(whole())))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        way = draw(st.sampled_from(["flip", "cut", "put", "twice", "long"]))
        if way == "flip" and data:
            data[at] = draw(st.integers(0, 255))
        elif way == "cut":
            del data[at:]
        elif way == "put":
            data[at:at] = draw(st.binary(max_size=40))
        elif way == "twice":
            data[at:at] = data[at : at + draw(st.integers(1, 400))]
        else:  # a length that is not so
            data[at : at + 4] = draw(st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1])).to_bytes(4)
    return bytes(data)


def giants() -> Mapping[str, Callable[[], bytes]]:
    """Files that are small for what they make a reader do, or large."""
    million = 10**6
    return {
        "a PNG of a million empty chunks": lambda: png([(b"abcd", b"")] * million),
        "a JPEG of forty million markers": lambda: b"\xff\xd8\xff" + b"\xd0\xff" * (20 * million),
        "a JPEG of forty million fillings": lambda: b"\xff\xd8" + b"\xff" * (40 * million),
        "a WebP of five million empty chunks": lambda: b"RIFF\0\0\0\0WEBP" + b"abcd\0\0\0\0" * (5 * million),
        "a text that unpacks to much more": lambda: png([(b"zTXt", b"prompt\0\0" + packed(256))]),
        "sixteen megabytes of settings": lambda: drawn({"parameters": "a\n" + ", ".join(
            f"key {n}: {n}" for n in range(800_000))}),
        "sixteen megabytes of one line": lambda: drawn({"parameters": "a " * (7 * million)}),
        "a graph of many nodes": lambda: drawn({"prompt": json.dumps(
            {str(n): {"class_type": "Reroute", "inputs": {"a": [str(n + 1), 0]}} for n in range(19_000)})}),
        "fifteen megabytes of numbers": lambda: drawn({"prompt": "[" + "1," * (7 * million) + "1]"}),
        "a packet that is nested": lambda: drawn({"XML:com.adobe.xmp": "<a>" * 300_000}),
        "a picture that says it is huge": lambda: png([(b"IHDR", b"\xff" * 8 + bytes([8, 2, 0, 0, 0]))]),
        "pixels that unpack to much more": lambda: MARK + chunk(
            b"IHDR", (4096).to_bytes(4) * 2 + bytes([8, 6, 0, 0, 0])) + chunk(b"IDAT", packed(256)) + chunk(
                b"IEND", b""),
    }  # fmt: skip


def packed(megabytes: int) -> bytes:
    stream = zlib.compressobj(1)
    return b"".join(stream.compress(bytes(2**20)) for _ in range(megabytes)) + stream.flush()


@st.composite
def rosters(draw: st.DrawFn) -> bytes:
    """A table of people, or nearly one."""
    mark = draw(st.sampled_from([",", ";", "\t"]))
    head = draw(st.sampled_from(["name,mail,role", "Full name,Email", "mail,name", "name,name,mail", "x", ""]))
    cells = st.one_of(
        st.sampled_from(["Ada", "ada@example.org", "student", "instructor", '"',
                         '"a\nb"', "", "a@b@c", "\0", "x" * 300]),
        st.emails(), st.text(max_size=12),
    )  # fmt: skip
    rows = draw(st.lists(st.lists(cells, max_size=4).map(mark.join), max_size=6))
    data = "\r\n".join([head.replace(",", mark), *rows]).encode("utf-8", "surrogatepass")
    return (
        draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe"])) + data + draw(st.sampled_from([b"", b"\0", b"\x80"]))
    )
