"""An `npm` that serves the tiny registry from a folder."""

from pathlib import Path

import pytest
from tiny_registry import Registry


@pytest.fixture
def npm(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `npm` on an otherwise empty PATH: `npm pack NAME@VERSION` copies the archive from the registry."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "npm"
    script.write_text(
        '#!/bin/sh\nspec="$2"; name="${spec%@*}"; version="${spec##*@}"\n'
        f'exec /bin/cp "{registry.folder}/$name-$version.tgz" .\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    return script
