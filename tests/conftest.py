"""Shapes are checked while the tests run; and one model of random weights is there for all of them."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

CHECKED = ("bundle", "control", "engine", "network", "process", "sampler", "score", "taps", "text", "types")
if os.environ.get("JAXTYPING_DISABLE") != "1":  # torch.compile stumbles over what wraps a function, be it disabled
    install_import_hook([f"limner.{package}" for package in CHECKED], "sparing.sparing")

LONG = (
    "evaluation/test_twin.py", "evaluation/test_bench.py", "evaluation/test_switches.py", "cli/test_attention.py",
    "cli/test_measure.py", "studio/test_crash.py", "engine/test_backends.py", "evaluation/test_golden.py",
    "evaluation/test_speed.py", "evaluation/test_oracle.py", "web/test_gradio.py", "training/test_workshop.py",
    "docs/test_lecture.py", "cli/test_studio.py",
)  # fmt: skip

settings.register_profile("limner", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("limner")
torch.set_num_threads(1)  # on tensors this small a second thread only gets in the way

import sparing  # noqa: E402
import tiny  # noqa: E402 - whatever is imported before the hook goes unchecked
from apart import said_by  # noqa: E402
from tiny_registry import Registry, emojibase, icons, pack  # noqa: E402

from limner.bundle import Bundle, open_bundle  # noqa: E402


def pytest_runtest_setup(item: pytest.Item) -> None:
    sparing.anew()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest begin, so that at the end no process works alone on one of them."""
    rank = {file: number for number, file in enumerate(LONG)}
    items.sort(key=lambda item: rank.get("/".join(item.path.parts[-2:]), len(LONG)))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m tiny`, a file without such a test is not even imported: some of their imports take seconds."""
    if config.getoption("markexpr") == "tiny" and collection_path.suffix == ".py":
        return "mark.tiny" not in collection_path.read_text(encoding="utf-8") or None
    return None


from limner.pictures.build import build  # noqa: E402
from limner.pictures.catalogue import PictureSet  # noqa: E402
from limner.pictures.sets import Corpus  # noqa: E402


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder of limner-mini's shape: velocity prediction, zero terminal SNR.  Not to be written to."""
    return tiny.write(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def bundle(folder: Path) -> Bundle:
    return open_bundle(folder)


@pytest.fixture(scope="session")
def prepared(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """limner's own folder on a machine where `doctor --prepare` has exported that model and asked the canary."""
    home = tmp_path_factory.mktemp("home")
    said = said_by(home, "-m", "limner", "doctor", "--prepare", "--model", str(folder), "--device", "cpu")
    assert "trial" in said
    return home


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("registry")
    shapes = {
        "round": '<circle cx="16" cy="16" r="13" fill="{fill}"/>',
        "square": '<path d="M4 6h24v20H4z" fill="{fill}"/><path d="M14 14h2v2h-2z" fill="#fff"/>',
    }
    table = {
        name: PictureSet(name, f"{name} style", pack(folder, name, icons(shape)), "MIT", "Ada", "test://", "emoji")
        for name, shape in shapes.items()
    }
    return Registry(pack(folder, "words", emojibase()), table, folder)


@pytest.fixture(scope="session")
def corpus(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The tiny corpus, built from archives that are in the cache already: no client is called."""
    folder = tmp_path_factory.mktemp("corpus")
    for _ in build(folder, cache=registry.folder, words=registry.words, table=registry.table):
        pass
    return Corpus(folder)
