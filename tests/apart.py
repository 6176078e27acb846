"""What has to run in a process of its own: the tests' shape checks can be neither traced nor compiled."""

import os
import subprocess
import sys
from pathlib import Path


def said_by(home: Path, *words: str) -> str:
    """What a fresh Python with these words printed; limner's own folder is `home`."""
    environment = os.environ | {"LIMNER_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
