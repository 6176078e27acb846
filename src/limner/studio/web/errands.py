"""What Gradio is asked, looked at before: calls that it has, with as many arguments as they take; events it knows."""

from collections.abc import Mapping
from json import dumps, loads
from typing import TYPE_CHECKING

from limner.errors import LimnerError

if TYPE_CHECKING:
    import gradio as gr

KEPT = ("data", "fn_index", "session_hash", "trigger_id", "event_data")  # of a call's body; the rest is its own affair


def errand(blocks: "gr.Blocks", call: str, said: Mapping[str, object]) -> dict[str, object]:
    """The body of a call, by its name or, from Gradio's page, its number; LimnerError where there is none such.

    Left to itself Gradio answers so with 500, and a traceback in the log.
    """
    index, data = said.get("fn_index"), said.get("data")
    named = [each for each in blocks.fns.values() if each.api_name == call and each.api_visibility == "public"]
    if index is not None:
        named = [each for number, each in blocks.fns.items() if type(index) is int and number == index]
    if not named:
        names = sorted({each.api_name for each in blocks.fns.values() if each.api_visibility == "public"})
        raise LimnerError(f"there is no call {call[:64]!r}", f"choose from {', '.join(names)}", 404)
    wanted = len(named[0].inputs)
    if not isinstance(data, list) or len(data) != wanted:
        raise LimnerError(f"that call takes {wanted} arguments", 'send them all, in order, as {"data": [...]}')
    return {name: said[name] for name in KEPT if name in said}


def awaited(blocks: "gr.Blocks", name: str) -> None:
    """Nothing, where an event or a session is so called that Gradio has something to say of still; else LimnerError.

    It would begin a stream, and break it off, or wait in it for nothing.
    """
    waiting = blocks._queue.pending_event_ids_session
    if not (waiting.get(name) or any(name in events for events in waiting.values())):
        raise LimnerError("there is no such event here any more", "make the call anew", 404)


def plain(body: bytes) -> bool:
    """Whether an answer of Gradio's with 500 says no more than what is wrong with the question."""
    try:
        said = loads(body)
    except ValueError:
        return False
    return isinstance(said, dict) and isinstance(said.get("error"), str)


def spelt(said: Mapping[str, object]) -> bytes:
    """A body as Gradio reads it; LimnerError where something in it is no JSON, as NaN is not."""
    try:
        return dumps(said, allow_nan=False).encode()
    except (ValueError, RecursionError) as fault:
        raise LimnerError("the request's body cannot be read", "send JSON", 400) from fault
