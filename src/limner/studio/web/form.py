"""The form in which a wish is written: its fields are the recipe's, and what was typed comes back as it was."""

from collections.abc import Mapping
from dataclasses import asdict
from secrets import randbelow, token_hex

from fastapi import Request

from limner.errors import LimnerError
from limner.metadata import LADDERS
from limner.recipe import FIELDS, GROUPS, SEEDS, Recipe, Value, Wish, checked
from limner.studio.rules import USUAL
from limner.studio.staff import WALKS
from limner.studio.web.asked import WISHED
from limner.studio.web.front import Front
from limner.studio.web.user import User

DESK = ("prompt", "negative", "seed", "steps")  # what is seen at once,
DRAWER = ("sampler", "ladder", "guidance", "width", "height", "excite")  # in the drawer,
RARE = tuple(name for name in WISHED if name not in (*DESK, *DRAWER))  # and in the drawer's drawer
NAMES = {"ladder": "Schedule", "excite": "Words that must not be missing"}  # where a field's own name is not enough
CHOICES = {"sampler": sorted(WALKS), "ladder": sorted(LADDERS)}


async def said(request: Request) -> dict[str, str]:
    """What was typed, without what stands around it."""
    form = await request.form(max_files=0)
    typed = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    if unread := [name for name, value in typed.items() if "\0" in value]:
        raise LimnerError(f"{unread[0][:64]} holds a NUL, which is no text", "take it out")
    if typed.get("luck") or "dice" in typed:
        typed["seed"] = str(randbelow(SEEDS - USUAL.cap))
    return typed


def again(recipe: Recipe) -> dict[str, Value]:
    """The form's fields that ask for the same picture; the numbers of a control that is not there are left open."""
    fields = asdict(recipe)
    idle = {name for switch, ruled in GROUPS.items() if not fields[switch] for name in ruled}
    return {name: value for name, value in fields.items() if name in ("model", *WISHED) and name not in idle}


def wish(typed: Mapping[str, str]) -> Wish:
    """The fields that were filled in; one that was left empty is as the model likes it, but an empty prompt counts."""
    full = {name: typed[name] for name in WISHED if name in typed and (typed[name] or name == "prompt")}
    return Wish(**{name: field(name, text) for name, text in full.items()})  # type: ignore[arg-type]  # each checked


def field(name: str, text: str) -> Value:
    """One of them, as its own type and within its range; LimnerError says what is wrong."""
    try:
        return checked(name, FIELDS[name].kind(text))
    except ValueError:
        return checked(name, text)


def whole(text: str) -> int:
    """How many pictures."""
    if not (text.isdecimal() and len(text) < 10 and 1 <= int(text) <= USUAL.cap):
        raise LimnerError(f"{text[:20]!r} is no number of pictures", f"choose 1 to {USUAL.cap}")
    return int(text)


def values(
    front: Front, user: User, typed: Mapping[str, object], fault: LimnerError | None = None
) -> dict[str, object]:
    """All that the form's template needs: `typed` over what the model likes."""
    cards = front.cards()
    chosen = str(typed.get("model", ""))
    card = next((each for each in cards if chosen in (each.name, each.identity)), cards[0] if cards else None)
    usual = card.defaults if card else {}
    return {
        "said": {**{name: value for name, value in usual.items() if name not in RARE}, **typed},
        "fault": fault,
        "cards": cards,
        "chosen": chosen,
        "fields": FIELDS,
        "names": NAMES,
        "drawer": DRAWER,
        "rare": RARE,
        "usual": usual,
        "rarely": any(str(typed.get(name, "")) not in ("", str(usual.get(name, ""))) for name in RARE),
        "choices": CHOICES,
        "key": token_hex(16),
        "most": USUAL.cap,
        "desk": front.room.desk(user, cards) if front.room else None,
    }
