"""One look of the network from the inside: Q, K, similarity, softmax, V, and what is added to what was there."""

from dataclasses import dataclass, replace

from limner.sampler.sampling import Asking, Query
from limner.taps import Look, Site


@dataclass(slots=True)
class Closeup:
    """A witness of one layer in one step, counted from 0, and of one row; `at` and `look` are None until then."""

    layer: str
    step: int
    row: int = -1
    at: Site | None = None
    look: Look | None = None
    sigma: float = 0.0
    passed: int = 0

    def wants(self, site: Site) -> bool:
        return site.name == self.layer

    def witness(self, site: Site, look: Look) -> None:
        row = slice(self.row, self.row + 1 or None)
        parts = (look.q, look.k, look.v, look.probs, look.mixed, look.added, look.before)
        self.at, self.look = site, Look(*(part.detach()[row].float().cpu() for part in parts))

    def control(self, query: Query) -> Asking:
        if query.objective is not None:
            return (yield query)
        here = self.passed == self.step
        self.passed += 1
        if not here:
            return (yield query)
        self.sigma = query.sigma
        return (yield replace(query, taps=(*query.taps, self)))
