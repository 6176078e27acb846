"""Who works here and what can be drawn: each model's card, and the workers that were heard of of late."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, update

import limner
from limner.errors import LimnerError
from limner.metadata import LADDERS, SAMPLERS
from limner.recipe import DEFAULTS, Recipe, Value, Wish, check, checked, resolve
from limner.studio.database import Database, Moment
from limner.studio.schema import CARDS, WORKERS

SHIPPED = Path(limner.__path__[0]) / "models" / "limner-mini"
WALKS = (*SAMPLERS, "langevin")  # one that other programs have no name for
PRESENT = 20.0  # seconds for which a worker that was heard of is believed to be there
CALL = 5.0  # from one word of a worker's to the next


@dataclass(frozen=True, slots=True)
class Card:
    """All that must be known of a model to ask for a picture of it: no weights, and no torch."""

    identity: str
    name: str
    factor: int  # pixels a latent pixel, along a side
    defaults: Mapping[str, Value]
    licence: str = ""

    def recipe(self, wish: Wish) -> Recipe:
        """The wish with what it leaves open as this model likes it; LimnerError where there is no such picture."""
        recipe = resolve(wish, {**self.defaults, "model": self.identity})
        check(recipe, self.factor, WALKS, LADDERS)
        return recipe


@dataclass(frozen=True, slots=True)
class Staff:
    """Every call is one transaction, and may be made again where its answer was lost."""

    database: Database

    def announce(self, card: Card) -> None:
        """From here on there is this model; what was said of these weights before is forgotten."""
        about = json.dumps(asdict(card), sort_keys=True)

        def act(moment: Moment) -> None:
            moment.run(delete(CARDS).where(CARDS.c.identity == card.identity))
            moment.run(insert(CARDS).values(identity=card.identity, name=card.name, about=about, at=moment.now))

        self.database.write(act)

    def here(self, worker: str, model: str, device: str) -> None:
        """A worker that draws with this model is there; those who were not heard of for a day are forgotten."""

        def act(moment: Moment) -> None:
            moment.run(delete(WORKERS).where(WORKERS.c.seen < moment.now - 86400))
            if moment.run(select(WORKERS.c.name).where(WORKERS.c.name == worker)):
                moment.run(update(WORKERS).where(WORKERS.c.name == worker).values(seen=moment.now))
            else:
                moment.run(insert(WORKERS).values(name=worker, model=model, device=device, seen=moment.now))

        self.database.write(act)

    def left(self, worker: str) -> None:
        self.database.write(lambda moment: moment.run(delete(WORKERS).where(WORKERS.c.name == worker)))

    def cards(self) -> list[Card]:
        """The models, the latest announced first, and of those of one name that one alone."""
        statement = select(CARDS.c.about).order_by(CARDS.c.at.desc(), CARDS.c.identity)
        found = self.database.read(lambda connection: connection.scalars(statement).all())
        cards = dict[str, Card]()
        for card in (Card(**json.loads(about)) for about in found):
            cards.setdefault(card.name, card)
        return list(cards.values())

    def card(self, model: str = "") -> Card:
        """The model of that name or identity, or without one the latest; LimnerError where there is none."""
        cards = self.cards()
        if not cards:
            raise LimnerError("no model has been opened here yet", "try again in a moment", 503)
        known = {each: card for card in reversed(cards) for each in ("", card.identity, card.name)}
        if model not in known:
            names = ", ".join(card.name for card in cards)
            raise LimnerError(f"there is no model {model[:64]!r} here", f"choose one of {names}", 404)
        return known[model]

    def present(self) -> dict[str, int]:
        """How many workers there are for each model."""
        return self.database.read(lambda connection: present(connection, self.database.clock(connection)))


def present(connection: Connection, now: float) -> dict[str, int]:
    """How many workers were heard of within PRESENT seconds, for each model."""
    statement = select(WORKERS.c.model, func.count()).where(WORKERS.c.seen > now - PRESENT).group_by(WORKERS.c.model)
    return {str(model): int(count) for model, count in connection.execute(statement)}


def stated(folder: Path) -> Card | None:
    """The card of a diffusers folder that says its own identity, as those do that limner has trained; else None."""
    try:
        own, vae, unet = (
            json.loads((folder / file).read_text(encoding="utf-8"))
            for file in ("limner.json", "vae/config.json", "unet/config.json")
        )
        factor = 2 ** (len(vae["block_out_channels"]) - 1)
        side = unet["sample_size"] * factor
        defaults = {name: checked(name, value) for name, value in own["defaults"].items()}
        sized: dict[str, Value] = {"width": side, "height": side}
        card = Card(own["identity"], folder.name, factor, DEFAULTS | sized | defaults, own.get("licence", ""))
        card.recipe(Wish(prompt=""))
    except (OSError, ValueError, KeyError, TypeError, LimnerError):
        return None
    return card
