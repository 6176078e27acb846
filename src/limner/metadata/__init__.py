"""Nothing a picture says about itself is lost: its recipe, and the text other programs read, live inside its file."""

from limner.metadata.departure import leaving
from limner.metadata.names import LADDERS, SAMPLERS, named
from limner.metadata.parameters import Parameters, parameters, parse
from limner.metadata.picture import FORMATS, encode, filed, fits, read, read_from, stamped, texts, write
from limner.metadata.place import deposit, place, prepare
from limner.metadata.reading import Reading

__all__ = [
    "FORMATS",
    "LADDERS",
    "SAMPLERS",
    "Parameters",
    "Reading",
    "deposit",
    "encode",
    "filed",
    "fits",
    "leaving",
    "named",
    "parameters",
    "parse",
    "place",
    "prepare",
    "read",
    "read_from",
    "stamped",
    "texts",
    "write",
]
