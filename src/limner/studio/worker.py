"""An engine that serves the studio's queue, a process for each device: the studio's one part that knows tensors."""

import io
import os
import platform
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex

from limner.engine.backends import circumstances
from limner.engine.preview import Thumbnail
from limner.engine.worker import HELD, Failed, Finished, Report, Stepped, Wanted, opened, work
from limner.metadata import encode
from limner.recipe import Recipe
from limner.studio.house import House
from limner.studio.shift import Shift

AHEAD = 2  # jobs that a CPU's worker holds: the one that is drawn, and the next


@dataclass(frozen=True, slots=True)
class Counter:
    """The studio as an engine sees it (`engine.worker.Desk`): reports become heartbeats, files and results."""

    shift: Shift
    extras: Mapping[str, str]  # what a picture's file says beside its recipe
    recipes: dict[str, Recipe]

    def pull(self, room: int, wait: bool) -> Sequence[Wanted] | None:
        jobs = self.shift.pull(room, wait)
        self.recipes.update(jobs or [])
        return None if jobs is None else [Wanted(name, recipe) for name, recipe in jobs]

    def cancelled(self) -> Sequence[str]:
        gone = self.shift.gone()
        for name in gone:
            self.recipes.pop(name, None)
        return gone

    def report(self, report: Report) -> None:
        if isinstance(report, Stepped):
            self.shift.step(report.name, report.done, report.total, small(report.thumbnail))
            return
        recipe = self.recipes.pop(report.name, None)
        if recipe is None:
            return  # nobody waits for it any more
        if isinstance(report, Failed):
            self.shift.fail(report.name, report.what, report.remedy)
        else:
            self.shift.finish(report.name, self._file(report, recipe), report.notes)

    def _file(self, report: Finished, recipe: Recipe) -> bytes:
        said = {"Notes": "; ".join(report.notes)} if report.notes else {}
        return encode(report.picture, "png", recipe, {**self.extras, **said})


def small(thumbnail: Thumbnail) -> bytes:
    """A look at a picture on its way, as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(thumbnail).save(file, "PNG")
    return file.getvalue()


def serve(
    house: House, model: str, device: str | None = None, dtype: str | None = None, backend: str | None = None
) -> None:
    """Work until this process is asked to end (SIGTERM), which hands back what it holds.  For a process of its own."""
    bundle, chosen = opened(model, device, dtype, backend)
    worker = f"{platform.node()} {os.getpid()} {token_hex(4)}"
    most = AHEAD if bundle.device.type == "cpu" else HELD
    shift = Shift(house.leases(), house.vault(), worker, bundle.identity, most)
    signal.signal(signal.SIGTERM, lambda *_: shift.end())
    work(Counter(shift, {"Model": bundle.name, **circumstances(bundle, chosen)}, {}), bundle, backend=chosen)
