"""The same pixels are known whatever their file, and a perceptual hash is the published one."""

import pytest
from forgeries import Made, drawing, fresh, saved
from PIL import Image
from studios import recipe

from limner.audit import likeness
from limner.errors import LimnerError

imagehash = pytest.importorskip("imagehash")
pytestmark = pytest.mark.tiny


def test_it_is_imagehashs_bit_for_bit() -> None:
    for seed in range(12):
        image = drawing(seed, 40 + 13 * seed, 200)
        assert likeness.perceptual(image) == str(imagehash.phash(image, hash_size=16))
    blank = Image.new("RGB", (64, 64), "white")
    assert likeness.perceptual(blank) == str(imagehash.phash(blank, hash_size=16))


def test_pixels_are_the_same_in_every_lossless_file_and_a_jpegs_code_without_its_words() -> None:
    image = drawing(1)
    names = {likeness.pixels(likeness.opened(saved(image, form, **how)))
             for form, how in (("PNG", {}), ("PNG", {"compress_level": 0}), ("WEBP", {"lossless": True}))}  # fmt: skip
    assert names == {likeness.pixels(image)}
    assert likeness.pixels(image) != likeness.pixels(image.transpose(Image.Transpose.ROTATE_90))
    codes = {likeness.coded(saved(image, "JPEG", quality=90, **how)) for how in ({}, {"comment": b"a word"})}
    assert len(codes) == 1
    assert codes != {likeness.coded(saved(image, "JPEG", quality=89))}
    assert [likeness.coded(data) for data in (saved(image, "PNG"), b"", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00")] == [
        ""
    ] * 4


def test_a_jpegs_code_is_another_where_its_colours_are_decoded_otherwise() -> None:
    made = Made(recipe(), drawing(3), fresh())
    whole = made.file("jpeg")
    end = 4 + int.from_bytes(whole[4:6])
    assert whole[2:4] == b"\xff\xe0"  # JFIF, which says how colours are decoded, too: it has to go
    rest = whole[end:]
    forged = b"\xff\xd8\xff\xee\x00\x0eAdobe\x00d\x00\x00\x00\x00\x00" + rest
    assert likeness.pixels(likeness.opened(forged)) != likeness.pixels(likeness.opened(whole))
    assert likeness.coded(b"\xff\xd8" + rest) == likeness.coded(whole)
    assert likeness.coded(forged) not in ("", likeness.coded(whole))
    assert likeness.coded(b"\xff\xd8\xff\xe2\x00\x04ab" + rest) != likeness.coded(whole)
    head = whole[: whole.index(b"\xff\xda")]
    assert b"\xff\xee" not in head  # what limner signed before stays as it is
    assert b"\xff\xe2" not in head


def test_a_difference_is_the_worst_cells() -> None:
    image = drawing(2)
    spotted = image.copy()
    spotted.paste((255, 0, 0), (64, 64, 72, 72))
    assert likeness.difference(image, image) == 0
    assert likeness.difference(image.resize((64, 64)), image) < 6
    assert likeness.difference(spotted, image) > 40
    assert likeness.difference(image.resize((64, 128)), image) is None


@pytest.mark.parametrize("data", [b"", b"GIF89a", saved(drawing(1), "PNG")[:300], saved(drawing(1), "JPEG")[:50]])
def test_what_is_no_picture_is_one_line(data: bytes) -> None:
    with pytest.raises(LimnerError, match=r"cannot read it|it is no picture"):
        likeness.opened(data, "it")


def test_a_jpeg_of_very_many_scans_is_not_decoded() -> None:
    data = saved(drawing(1, 16, 16), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert likeness.opened(data[:-2] + 10 * last + data[-2:]).size == (16, 16)
    with pytest.raises(LimnerError, match="it is a JPEG of more than 100 scans; save it anew"):
        likeness.opened(data[:-2] + 100 * last + data[-2:], "it")
