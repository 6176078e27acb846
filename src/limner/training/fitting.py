"""A plan that ends when the time does: bent again every few seconds, by how long steps take now."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from limner.training.loop import Plan
from limner.training.processes import led

LOOKS = 8  # the last so many decide how long a step takes


@dataclass(slots=True)
class Fit:
    """The plan as it was asked for, the seconds that there are, and the last looks: a step's number and its second."""

    whole: Plan
    seconds: float
    seen: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=LOOKS))

    def again(self, plan: Plan, number: int, now: float) -> Plan:
        """The plan to go on with after step `number`, which was over at this second; of several processes the first's.

        Each began at a second of its own, and only the first stops to show what it has learnt.
        """
        self.seen.append((number, now))
        bent = fitted(plan, self.whole, self.seconds, self.seen)
        return replace(bent, steps=int(led(bent.steps)), fall=led(bent.fall))

    def forget(self) -> None:
        """Something else took time, which says nothing of steps."""
        self.seen.clear()


def fitted(plan: Plan, whole: Plan, seconds: float, seen: Sequence[tuple[int, float]]) -> Plan:
    """The plan with its end where the seconds end, at the pace of these looks, and never later than it was asked for.

    Its rate goes on from where it is: once it falls it only falls, more or less steeply, to nearly nothing at the end.
    """
    (first, then), (number, now) = seen[0], seen[-1]
    if number == first or now <= then:
        return plan
    end = min(whole.steps, number + max(0, int((seconds - now) * (number - first) / (now - then))))
    if end <= number:
        return replace(plan, steps=number)
    left, ahead = plan.left_at(number), (end - number + 1) / end
    return replace(plan, steps=end, fall=min(whole.fall, ahead) if left == 1 else ahead / left)
