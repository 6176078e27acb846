"""A receipt beside a picture on a sheet: a verdict with its reasons, and what only a person can decide."""

from collections.abc import Collection

from limner.coursework.grading.view import Vouched
from limner.coursework.verify import Book, verify
from limner.errors import LimnerError


def words(name: str, data: bytes, book: Book, you: Collection[str]) -> Vouched:
    """What is said of a picture; one that cannot be read says why.  Nothing is drawn again.

    What others have drawn too is no fault of anybody's: equal recipes make equal pixels.
    """
    try:
        found = verify(name, data, book, you)
    except LimnerError as fault:
        return Vouched("unknown", (fault.what,))
    return Vouched(found.words, (*found.why, *(f"to be looked at by a person: {each}" for each in found.look)))
