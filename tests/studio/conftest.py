"""A studio on each of its databases; and passwords that are hashed in no time, for who has many."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from cluster import Cluster, cluster
from studios import Studio, Time

from limner.studio.database import connect
from limner.studio.people import passwords

REAL = passwords.HASHER


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with cluster() as here:
        yield here


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'studio.db'}"
    here: Cluster = request.getfixturevalue("postgres")
    here.clear()
    return here.url


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """Another hasher; limner's own, which takes its time, is given back."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobody_s.cache_clear()
    return REAL


@pytest.fixture
def studio(url: str) -> Iterator[Studio]:
    time = Time()
    database = connect(url, time, patience=1.0)
    yield Studio(url, time, database)
    database.close()
