"""One studio whose worker draws, for tests that want pictures; and one without for each of the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from served import Served, announced, drawing, served
from windows import CHROMIUM, complaints

from limner.bundle import Bundle
from limner.studio.house import House
from limner.studio.rules import Rules

QUICK = Rules(pulse=0.02, patience=1.0)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No page has complained of anything when a test is over."""
    complaints.clear()
    yield
    assert complaints == []


@pytest.fixture(scope="module")
def busy(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("busy")
    house = House(f"sqlite:///{folder / 'studio.db'}", folder / "pictures", QUICK)
    with drawing(house, bundle), served(house) as here:
        yield here


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """For tests in which all is refused: the same for all of a file."""
    folder = tmp_path_factory.mktemp("desk")
    house = House(f"sqlite:///{folder / 'studio.db'}", folder / "pictures", QUICK)
    announced(house)
    with served(house) as here:
        yield here


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Served]:
    """Nobody draws here; a model is announced, whose pictures are of no size."""
    house = House(f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "pictures", QUICK)
    announced(house)
    with served(house) as here:
        yield here
