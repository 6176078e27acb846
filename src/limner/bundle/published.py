"""Published models by the labels that courses use, with sources, checksums and licences: `models.toml`, read."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from limner.recipe import Value

TABLE = Path(__file__).with_name("models.toml")


@dataclass(frozen=True, slots=True)
class Licence:
    """What may be done with weights; `restrictions` sum its terms up, `url` is where they stand.

    One that `asks` has to be accepted before its models draw.
    """

    key: str
    name: str
    url: str
    also: str = ""
    ids: tuple[str, ...] = ()
    asks: bool = False
    restrictions: tuple[str, ...] = ()

    def text(self) -> str:
        """The page that is accepted, and that travels with the weights."""
        places = "\n".join(filter(None, (self.url, self.also)))
        return f"{self.name}\n\nThe text that counts:\n{places}\n{self._summary()}"

    def _summary(self) -> str:
        if not self.restrictions:
            return ""
        terms = "".join(f"  - {line}\n" for line in self.restrictions)
        whom = "They bind whoever uses the weights or models made of them; who passes those on, passes these on too."
        return f"\nRestrictions of use, summed up in limner's words. {whom}\n{terms}"

    @property
    def digest(self) -> str:
        """sha256 (hex) of the page: who accepted another one is asked again."""
        return hashlib.sha256(self.text().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Origin:
    """A repository on a hub, perhaps of one file; `told` says what is known of it, and from where."""

    hub: str
    told: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Quoted:
    """The sha256 of a file, and the public document that quotes it."""

    sha256: str
    by: str


@dataclass(frozen=True, slots=True)
class Published:
    """A model that is known by its label; `size` in pixels along a side, 0 where the weights say it."""

    label: str
    about: str
    licence: Licence
    family: str = ""
    prediction: str = ""
    size: int = 0
    defaults: Mapping[str, Value] = field(default_factory=dict)
    sources: tuple[Origin, ...] = ()
    files: Mapping[str, Quoted] = field(default_factory=dict)


@cache
def licences() -> Mapping[str, Licence]:
    """Every licence that is known here, by its key."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["licences"]
    out = dict[str, Licence]()
    for key, row in rows.items():
        terms = rows[row["same_restrictions_as"]] if "same_restrictions_as" in row else row
        out[key] = Licence(
            key, row["name"], row["url"], row.get("also", ""), tuple(row["ids"]), row["asks"],
            tuple(terms["restrictions"]),
        )  # fmt: skip
    return out


@cache
def published() -> Mapping[str, Published]:
    """Every model that has a label."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["models"]
    return {
        label: Published(
            label, row["about"], licences()[row["licence"]], row.get("family", ""), row.get("prediction", ""),
            row.get("size", 0), row.get("defaults", {}), tuple(Origin(**each) for each in row.get("sources", ())),
            {file: Quoted(each["is"], each["quoted"]) for file, each in row.get("sha256", {}).items()},
        )
        for label, row in rows.items()
    }  # fmt: skip


def licence_named(said: str) -> Licence | None:
    """The licence that a model card means by `license:`, or that we mean by its key or name."""
    wanted = said.strip().strip("'\"").lower()
    for each in licences().values():
        if wanted in (each.key, each.name.lower(), *each.ids):
            return each
    return None


def quoted(sha256: str) -> tuple[str, str, Quoted] | None:
    """The label and the file that somebody quoted this sha256 for."""
    for model in published().values():
        for file, each in model.files.items():
            if each.sha256 == sha256:
                return model.label, file, each
    return None
