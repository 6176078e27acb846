"""What is imported when: typing `limner --help` must not wait for torch, and a recipe never does."""

import subprocess
import sys
from pathlib import Path

import limner.studio
from limner.cli import COMMANDS

STUDIO = Path(limner.studio.__path__[0])
HEAVY = "torch", "numpy", "PIL", "matplotlib", "tokenizers", "safetensors", "tqdm"


def brought(statement: str) -> set[str]:
    """The packages that a statement imports in a fresh interpreter."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_recipe_is_plain_data() -> None:
    assert not brought("import limner.recipe, limner.errors") & {*HEAVY, "jaxtyping"}


def test_the_studio_needs_no_torch_but_for_its_worker() -> None:
    files = [file.relative_to(STUDIO).with_suffix("") for file in STUDIO.rglob("*.py")]
    parts = sorted(".".join(file.parts) for file in files if file.name not in ("__init__", "worker", "blocks"))
    assert {"store", "web.serve", "people.sessions"} < {*parts}
    brings = brought("; ".join(f"import limner.studio.{part}" for part in parts))
    assert {"sqlalchemy", "fastapi"} < brings
    assert not brings & {*HEAVY, "jaxtyping", "gradio"}


def test_gradios_page_needs_numpy_and_no_torch() -> None:
    assert {"gradio", "numpy", "torch"} & brought("import limner.studio.web.blocks") == {"gradio", "numpy"}


def test_no_command_imports_torch_before_it_is_called() -> None:
    flags = "; ".join(f"import limner.cli.{name} as m; m.flags(Parser())" for name in COMMANDS)
    assert not brought(f"from limner.cli import Parser; {flags}") & set(HEAVY)
