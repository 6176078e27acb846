"""What an autoencoder sees of a scene comes from everywhere in it."""

from collections import Counter

import numpy as np
import pytest

from limner.pictures.scenes import MINI, Scene
from limner.pictures.sets import Corpus
from limner.training import autoencoder

SIDE = 8


def test_windows_of_chance_lie_anywhere(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place of a window's corner is as frequent as any other; a pixel says where it is."""
    image = np.repeat(np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE, 1), 3, 2)
    bare = Scene("single", image, "", [np.zeros((SIDE, SIDE), bool)], [], "white")
    monkeypatch.setattr(autoencoder, "compose", lambda *given: bare)
    views = autoencoder.windows(corpus, MINI, 0, 1, 4000, SIDE)
    assert views.shape == (4000, 3, SIDE // 2, SIDE // 2)
    corners = ((views.amin((1, 2, 3)) + 1) * 127.5).round().int().tolist()
    for places in (Counter(corner // SIDE for corner in corners), Counter(corner % SIDE for corner in corners)):
        assert sorted(places) == [*range(SIDE // 2 + 1)]
        assert max(places.values()) < 1.2 * 4000 / (SIDE // 2 + 1)
