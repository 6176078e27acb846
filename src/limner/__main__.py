"""`python -m limner` is the command `limner`."""

import sys

from limner.cli import main

sys.exit(main())
