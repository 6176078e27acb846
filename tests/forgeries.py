"""What may befall a picture on its way, by accident or on purpose; and a class's worth of pictures to try it on."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from PIL import Image, ImageDraw, ImageEnhance

from limner.audit import receipt
from limner.audit.issuing import seen
from limner.audit.keys import CURRENT, Key, Public
from limner.audit.likeness import coded
from limner.audit.receipt import Entry, Receipt, for_jpeg, signed, stated
from limner.metadata import filed
from limner.recipe import Recipe

ME, HER = "1" * 16, "2" * 16
DEVICE = {"Device": "cpu", "Precision": "float32", "Backend": "eager"}
DAY = 1.7e9
NEAREST, BICUBIC, LANCZOS = Image.Resampling.NEAREST, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS


def fresh() -> Key:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret = Ed25519PrivateKey.generate()
    return Key(secret, secret.public_key().public_bytes_raw())


def drawing(seed: int, width: int = 128, height: int = 128) -> Image.Image:
    """Shapes of many colours, with edges as a real picture has them, and unlike any other seed's."""
    chance, image = Random(seed), Image.new("RGB", (256, 256), "white")
    pen = ImageDraw.Draw(image)
    for _ in range(14):
        across, down, half = chance.randrange(256), chance.randrange(256), chance.randrange(20, 70)
        box = (across - half, down - half, across + half, down + half)
        colour = (chance.randrange(40, 220), chance.randrange(40, 220), chance.randrange(40, 220))
        (pen.ellipse if chance.random() < 0.5 else pen.rectangle)(box, colour)
    return image.resize((width, height), LANCZOS)


@dataclass(frozen=True, eq=False)
class Made:
    """A picture that was drawn here, by `owner`, and whoever else has drawn it."""

    recipe: Recipe
    image: Image.Image
    key: Key
    owner: str = ME

    @cached_property
    def entry(self) -> Entry:
        statement = stated(self.recipe, seen(self.image, DEVICE), self.owner, DAY)
        return Entry(signed(self.key, statement), self.recipe, self.owner)

    @property
    def receipt(self) -> Receipt:
        return self.entry.receipt

    def by(self, owner: str) -> "Made":
        return Made(self.recipe, self.image, self.key, owner)

    def file(self, form: str = "png") -> bytes:
        said = self.receipt
        if form == "jpeg":
            said = for_jpeg(self.key, said, coded(file(self.image, self.recipe, None, form)))
        return file(self.image, self.recipe, said, form)


def file(image: Image.Image, recipe: Recipe, said: Receipt | None, form: str = "png") -> bytes:
    return filed(image, form, recipe, "a picture, Steps: 10, Device: cpu", said.text() if said else "")


def known(*keys: Key) -> dict[str, Public]:
    return {key.id: Public(key.public, "2026-11-27T00:00:00Z", CURRENT) for key in keys}


def saved(image: Image.Image, form: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def scaled(image: Image.Image, by: float, how: Image.Resampling = LANCZOS) -> Image.Image:
    return image.resize((round(image.width * by), round(image.height * by)), how)


def forged(made: Made) -> bytes:
    """A bit of the signature is another."""
    broken = replace(made.receipt, signature=bytes([made.receipt.signature[0] ^ 1, *made.receipt.signature[1:]]))
    return file(made.image, made.recipe, broken)


def renamed(made: Made) -> bytes:
    """Somebody else's picture, and another owner in its receipt, under the old signature."""
    hers = made.by(HER)
    return file(made.image, made.recipe, replace(hers.receipt, statement=replace(hers.receipt.statement, owner=ME)))


def resigned(made: Made) -> bytes:
    """Somebody else's picture, and a receipt of one's own key, in one's own name."""
    statement = replace(made.by(HER).receipt.statement, owner=ME)
    return file(made.image, made.recipe, signed(fresh(), statement))


def replayed(made: Made, other: Made) -> bytes:
    """A receipt and its recipe, on a picture that nobody drew here."""
    return file(other.image, made.recipe, made.receipt)


def patched(image: Image.Image) -> Image.Image:
    """An eighth of its side is painted over, where it is, in the opposite colour."""
    side = image.width // 8
    out, box = image.copy(), (side * 4, side * 4, side * 5, side * 5)
    red, green, blue = out.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    out.paste((255 - red, 255 - green, 255 - blue) if abs(red - 128) > 40 else (255, 0, 0), box)
    return out


def nudged(image: Image.Image) -> Image.Image:
    """One value of one pixel is one level away."""
    out = image.copy()
    red, green, blue = out.getpixel((3, 3))
    out.putpixel((3, 3), (red ^ 1, green, blue))
    return out


def cropped(image: Image.Image) -> Image.Image:
    return image.crop((image.width // 10, image.height // 10, image.width, image.height))


def kept(made: Made, image: Image.Image, form: str, **how: object) -> bytes:
    """Saved anew by a program that keeps XMP, and so the receipt."""
    with Image.open(io.BytesIO(made.file("jpeg"))) as source:
        packet = source.info["xmp"]
    return saved(image, form, xmp=packet, **how)


def reworded(**fields: object) -> Callable[[Made], bytes]:
    """What it says of itself is not so."""
    return lambda made: file(made.image, replace(made.recipe, **fields), made.receipt)


WORDS: Mapping[str, Callable[[Made], bytes]] = {
    "untouched PNG": lambda made: made.file(),
    "untouched JPEG": lambda made: made.file("jpeg"),
    "untouched WebP": lambda made: made.file("webp"),
    "its metadata stripped": lambda made: saved(made.image, "PNG"),
    "signature forged": forged,
    "caption changed": reworded(prompt="a masterpiece of mine"),
    "seed changed": reworded(seed=4_000_000_000),
    "model changed": reworded(model="f" * 64),
}
PIXELS: Mapping[str, Callable[[Made], bytes]] = {
    "JPEG 90, receipt kept": lambda made: kept(made, made.image, "JPEG", quality=90),
    "JPEG 90": lambda made: saved(made.image, "JPEG", quality=90),
    "JPEG 50": lambda made: saved(made.image, "JPEG", quality=50),
    "WebP 80": lambda made: saved(made.image, "WEBP", quality=80),
    "halved": lambda made: saved(scaled(made.image, 0.5), "PNG"),
    "halved, JPEG 75": lambda made: saved(scaled(made.image, 0.5, BICUBIC), "JPEG", quality=75),
    "screenshot (1.37 times, JPEG 85)": lambda made: saved(scaled(made.image, 1.37, BICUBIC), "JPEG", quality=85),
    "one level of one pixel": lambda made: saved(nudged(made.image), "PNG"),
    "an eighth painted over": lambda made: saved(patched(made.image), "PNG"),
    "an eighth painted over, receipt kept": lambda made: file(patched(made.image), made.recipe, made.receipt),
    "darker by a fifth": lambda made: saved(ImageEnhance.Brightness(made.image).enhance(0.8), "PNG"),
    "cropped by a tenth": lambda made: saved(cropped(made.image), "PNG"),
    "turned by 90 degrees": lambda made: saved(made.image.transpose(Image.Transpose.ROTATE_90), "PNG"),
    "mirrored": lambda made: saved(made.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"),
}
HERS: Mapping[str, Callable[[Made], bytes]] = {  # somebody else's picture, handed in as one's own
    "another's, untouched": lambda made: made.by(HER).file(),
    "another's, stripped": lambda made: saved(made.image, "PNG"),
    "another's, JPEG 50": lambda made: saved(made.image, "JPEG", quality=50),
    "another's, owner changed": renamed,
    "another's, signed by a foreign key": resigned,
}
SURVIVING = ("JPEG 90", "JPEG 50", "WebP 80", "halved", "halved, JPEG 75", "screenshot (1.37 times, JPEG 85)")


def said(data: bytes) -> Receipt:
    """The receipt that a PNG file carries."""
    from limner.metadata import texts

    return receipt.read(texts(data)["limner-receipt"])


def untrue(text: str, **fields: object) -> str:
    """A receipt's text in which the statement says something else."""
    told = json.loads(text)
    told["statement"] |= fields
    return json.dumps(told)
