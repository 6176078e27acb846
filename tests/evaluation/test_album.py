"""A picture file comes as it looks, and what was seen of a folder is not forgotten."""

import io

import numpy as np
import pytest
from PIL import Image

from limner.evaluation.album import upright


@pytest.mark.parametrize("kind", [np.uint16, ">u2", np.int32])
def test_a_grey_picture_of_16_bits_keeps_its_greys(kind: type | str) -> None:
    greys, file = np.arange(256, dtype=np.uint8).reshape(16, 16), io.BytesIO()
    Image.fromarray((greys.astype(np.int32) * 257).astype(kind)).save(file, "PNG" if kind is np.uint16 else "TIFF")
    assert np.array_equal(np.asarray(upright(file.getvalue()))[..., 0], greys)


def test_what_is_transparent_in_16_bits_stays_so() -> None:
    file = io.BytesIO()
    Image.fromarray(np.asarray([[0, 4096], [8192, 65535]], np.uint16)).save(file, "PNG", transparency=4096)
    assert np.asarray(upright(file.getvalue()))[..., 3].tolist() == [[255, 0], [255, 255]]
