"""How often one may guess: after some tries each next one waits twice as long, by name, by address and by both."""

from collections.abc import Mapping
from hashlib import sha256
from math import ceil

from sqlalchemy import delete, insert, select, update

from limner.errors import LimnerError
from limner.studio.database import Moment
from limner.studio.register import TRIES

FREE = {
    "both": 5,
    "name": 30,
    "address": 100,
}  # a class comes from one address; who guesses, mostly not from the name's
LONGEST_WAIT = 900.0  # seconds
FORGOTTEN = 3600.0  # seconds after the last one


def charge(moment: Moment, name: str, address: str) -> None:
    """Count a try before it is known how it ends, or many at once would all be the first; LimnerError: wait."""
    moment.run(delete(TRIES).where(TRIES.c.at < moment.now - FORGOTTEN))
    keys = _keys(name, address)
    known = {row.key: row for row in moment.run(select(TRIES).where(TRIES.c.key.in_(keys)))}
    waits = [row.at + _pause(row.tries - keys[key]) - moment.now for key, row in known.items()]
    if (wait := max(waits, default=0.0)) > 0:
        raise LimnerError("too many tries", f"wait {ceil(wait)} seconds and try again", 429, ceil(wait))
    for key in keys:
        if key in known:
            moment.run(update(TRIES).where(TRIES.c.key == key).values(tries=TRIES.c.tries + 1, at=moment.now))
        else:
            moment.run(insert(TRIES).values(key=key, tries=1, at=moment.now))


def forgive(moment: Moment, name: str, address: str) -> None:
    """That one was right: it counts for nothing, and who knows the password from here has no past."""
    keys = _keys(name, address)
    moment.run(update(TRIES).where(TRIES.c.key.in_(keys)).values(tries=TRIES.c.tries - 1))
    moment.run(delete(TRIES).where(TRIES.c.key == next(iter(keys))))


def pace(moment: Moment, who: str, burst: int, every: float) -> float:
    """Seconds that somebody has to wait: none, and it is counted, for `burst` at once and one in `every` seconds."""
    key = sha256(f"pace {who}".encode("utf-8", "replace")).hexdigest()
    known = moment.run(select(TRIES.c.at).where(TRIES.c.key == key))
    wait, free = cell(known[0].at if known else moment.now, moment.now, burst, every)
    if wait <= 0 and known:
        moment.run(update(TRIES).where(TRIES.c.key == key).values(at=free))
    elif wait <= 0:
        moment.run(insert(TRIES).values(key=key, tries=1, at=free))
    return max(0.0, wait)


def cell(free: float, now: float, burst: int, every: float) -> tuple[float, float]:
    """Seconds to wait, and when all is forgiven then: the generic cell rate algorithm (ITU-T I.371, annex A).

    `free` is when all was forgiven before: the one number that is kept of somebody.
    """
    free = max(now, free)
    return free - now - (burst - 1) * every, free + every


def _pause(over: int) -> float:
    """Seconds to wait after so many tries above the free ones."""
    return 0.0 if over < 0 else min(2.0 ** min(over, 30), LONGEST_WAIT)


def _keys(name: str, address: str) -> Mapping[str, int]:
    """Under which hash each kind is counted, and how many are free."""
    words = {"both": f"{name} {address}", "name": name, "address": address}
    return {sha256(f"{kind} {words[kind]}".encode("utf-8", "replace")).hexdigest(): FREE[kind] for kind in FREE}
