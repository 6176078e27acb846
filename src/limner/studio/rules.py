"""What the house has agreed on: how long, how often, how many."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds, unless said otherwise."""

    lease: float = 60.0  # a worker that was not heard of for so long is taken for dead
    pulse: float = 1.0  # from one heartbeat to the next
    stuck: float = 900.0  # an engine that did not come round for so long is no longer vouched for
    patience: float = 600.0  # a worker waits so long for a database or a disk to come back, with its pictures in hand
    lapses: int = 3  # leases of one job that may run out before it is taken for the reason
    cap: int = 40  # pictures of one owner that may wait
    halflife: float = 3600.0  # after which a second on a device counts half against its owner


USUAL = Rules()
