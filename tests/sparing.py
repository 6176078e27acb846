"""Shapes and types are checked in each function's first calls of a test: the ten thousandth is no other shape."""

import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from beartype import beartype

MOST = 20  # checks of one function in one test; a call has two, one of what goes in and one of what comes out
done = Counter[Callable[..., Any]]()
spared: list[Any] = []


def anew() -> None:
    """A test begins, and every function is checked again."""
    done.clear()
    for function in spared:
        del function.__no_type_check__
    spared.clear()


def sparing(function: Callable[..., Any]) -> Callable[..., Any]:
    """beartype's check of a function that jaxtyping made in another's likeness, until that was checked often enough."""
    check = beartype(function)

    @wraps(check)
    def counted(*args: Any, **kwargs: Any) -> Any:
        done[counted] += 1
        if done[counted] == MOST and (likeness := standing(function)) is not None:
            likeness.__no_type_check__ = True  # which jaxtyping asks for at each call
            spared.append(likeness)
        return check(*args, **kwargs)

    return counted


def standing(function: Callable[..., Any]) -> Any:
    """The function of that name that is called; None where it stands in no module or class."""
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = vars(found).get(name) if hasattr(found, "__dict__") else None
    found = getattr(found, "__func__", getattr(found, "fget", found))
    return found if hasattr(found, "__wrapped__") and not hasattr(found, "__no_type_check__") else None
