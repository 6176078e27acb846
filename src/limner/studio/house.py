"""Where a studio lives: its database, its pictures and its rules, in words that may be sent to another process."""

from dataclasses import dataclass, field
from pathlib import Path

from limner.studio.back import Back
from limner.studio.badge import BADGE
from limner.studio.database import Database, connect
from limner.studio.leases import Leases
from limner.studio.notary import Notary
from limner.studio.rules import USUAL, Rules
from limner.studio.staff import Staff
from limner.studio.store import Store
from limner.studio.vault import Vault


@dataclass(frozen=True, slots=True)
class House:
    """A database's URL, which may hold a password and is shown to nobody, and the folder that the pictures are in."""

    url: str = field(repr=False)
    pictures: Path
    rules: Rules = USUAL

    def store(self, patience: float = 10.0) -> Store:
        """For those who wait at a page: LimnerError after `patience` seconds without a database."""
        return Store(connect(self.url, patience=patience), self.rules)

    def leases(self) -> Leases:
        """For workers, who are patient."""
        return Leases(connect(self.url, patience=self.rules.patience), self.rules, self.notary())

    def staff(self, database: Database | None = None) -> Staff:
        return Staff(database or connect(self.url, patience=self.rules.patience))

    def vault(self) -> Vault:
        return Vault(self.pictures)

    def notary(self) -> Notary:
        """Who signs for what is drawn here."""
        return Notary(self.vault())

    def back(self) -> Back:
        leases = self.leases()
        return Back(leases, self.vault(), self.staff(leases.database))

    @property
    def badge(self) -> Path:
        """A file by whose token workers from elsewhere are let in, where there are no accounts."""
        return self.pictures.with_name(BADGE)
