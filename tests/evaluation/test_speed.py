"""What a command takes is its own, not its parent's."""

import pytest

from limner.errors import LimnerError
from limner.evaluation.speed import command


def test_a_commands_memory_is_its_own() -> None:
    held = bytearray(b"\1") * 400_000_000  # a system counts it into a child that is born of this process
    assert 0 < command(["--help"]).megabytes < len(held) / 1e6 / 4


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(LimnerError, match="limner make failed: limner: no prompt"):
        command(["make"])
