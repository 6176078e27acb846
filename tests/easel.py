"""Whoever draws without an engine: noise of a job's seed, in a file that says by which recipe."""

from collections.abc import Collection
from secrets import token_hex

import numpy as np
from studios import MODEL

from limner.metadata import encode
from limner.studio.house import House
from limner.studio.leases import Pulse


def draw(house: House, jobs: Collection[str], model: str = "mini") -> list[str]:
    """These jobs are done, and their pictures there; other jobs that wait are handed back."""
    leases, vault, made = house.leases(), house.vault(), dict[str, str]()
    held = leases.lease("easel", MODEL, 40, token_hex(8))
    for each in held:
        if each.job in jobs:
            side = each.recipe.height // 8, each.recipe.width // 8, 3
            coarse = np.random.default_rng(each.recipe.seed).integers(0, 256, side, dtype=np.uint8)
            made[each.job] = vault.keep(encode(coarse.repeat(8, 0).repeat(8, 1), "png", each.recipe, {"Model": model}))
            assert leases.finish(Pulse(each.job, each.lease, 2, 2, 0.5), made[each.job])
    leases.release([Pulse(each.job, each.lease, 0, 0, 0.0) for each in held if each.job not in jobs], "not mine")
    leases.database.close()
    return [made[job] for job in jobs]
