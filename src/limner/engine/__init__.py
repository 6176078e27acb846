"""Many at once: the engine, and a picture from a recipe."""

from limner.engine.engine import Engine
from limner.engine.explain import explain
from limner.engine.run import run

__all__ = ["Engine", "explain", "run"]
