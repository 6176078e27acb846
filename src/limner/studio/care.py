"""The caretaker of a class: says for how long things are kept, and removes what is older, again and again."""

import time
from contextlib import suppress

from limner.errors import LimnerError
from limner.studio.classfile import Classfile
from limner.studio.house import House
from limner.studio.people.retention import announce, retire

EVERY = 6 * 3600.0  # seconds from one round to the next


def serve(house: House, rules: Classfile, every: float = EVERY) -> None:
    """For a process of its own, which ends when it is told to (SIGTERM).

    A round is one transaction after the other, so a death leaves nothing half done.  A database that is away is waited
    for, and then until the next round.
    """
    store, vault = house.store(house.rules.patience), house.vault()
    announce(store.database, rules.course)
    while True:
        with suppress(LimnerError):  # the database is away for long: the next round finds it
            retire(store.database, vault, rules.course)
        time.sleep(every)
