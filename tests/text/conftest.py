"""A tokenizer trained on the spot, on captions that hold everything a prompt may trip over."""

import pytest

from limner.text.tokenizer import Tokenizer, train

CAPTIONS = [
    "a red cat and a blue dog, running in the rain",
    "the dog's hat isn't red; it's a 1970s poster!!",
    "a photograph of two cats under a red umbrella",
    "un café à Montréal, l'été",
    "a catalogue of cattle -- red, red, red",
]


@pytest.fixture(scope="session")
def captions() -> list[str]:
    return CAPTIONS * 20


@pytest.fixture(scope="session")
def tokenizer(captions: list[str]) -> Tokenizer:
    return train(captions, 640, length=24)
