"""A studio on each of its databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster, cluster
from studios import Studio, Time

from limner.studio.database import connect


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
def studio(url: str) -> Iterator[Studio]:
    time = Time()
    database = connect(url, time, patience=1.0)
    yield Studio(url, time, database)
    database.close()
