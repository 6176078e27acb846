"""Whatever was asked for is found by its words, seed, model and state, on either database, page by page."""

from studios import Studio, pulse

from limner.studio.schema import State
from limner.studio.search import Sought, search

PROMPTS = ["a red apple", "A RED boat", "a 100% \u00c9clair, red_hot", 'so "red": \\5']
FOUND = [
    (Sought(), 5),
    (Sought("red"), 4),
    (Sought("Apple RED"), 1),
    (Sought("\u00e9clair"), 1),
    (Sought("100%"), 1),
    (Sought("red_hot"), 1),
    (Sought("r_d"), 0),
    (Sought("\\5"), 1),
    (Sought('"red"'), 1),
    (Sought("euler"), 0),  # which is in every recipe, but in no prompt
    (Sought(seed=41), 1),
    (Sought("boat", 42), 0),
    (Sought(seed=4), 0),
    (Sought(model="b" * 64), 1),
    (Sought(state=State.QUEUED), 4),
    (Sought(state=State.DONE), 1),
]


def test_what_is_sought_is_found(studio: Studio) -> None:
    for number, prompt in enumerate(PROMPTS):
        studio.ask(prompt=prompt, seed=40 + number)
    studio.ask(prompt="green", seed=7, model="b" * 64)
    (held,) = studio.lease()
    studio.leases.finish(pulse(held, 10, 1.0), "c" * 64)
    studio.ask("bob", prompt="a red apple")
    for sought, count in FOUND:
        found = search(studio.store, "ada", sought, 100)
        assert len(found) == count, sought
        assert all(job.owner == "ada" for job in found)
        for size in range(1, count):
            some = search(studio.store, "ada", sought, size)
            assert some + search(studio.store, "ada", sought, 100, some[-1].id) == found
