"""What a command takes is its own, not its parent's."""

import pytest

from limner.bundle.catalogue import SHIPPED
from limner.errors import LimnerError
from limner.evaluation.opening import measured
from limner.evaluation.speed import command


def test_a_commands_memory_is_its_own() -> None:
    held = bytearray(b"\1") * 400_000_000  # a system counts it into a child that is born of this process
    assert 0 < command(["--help"]).megabytes < len(held) / 1e6 / 4


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(LimnerError, match="limner make failed: limner: no prompt"):
        command(["make"])


def test_what_a_model_takes_is_told_whatever_the_parent_holds() -> None:
    held = bytearray(b"\1") * 900_000_000  # more than the other process ever does
    read = measured("read", str(SHIPPED / "limner-mini"))
    assert 0.9 * read.bytes < read.peak < 1.5 * read.bytes < len(held)
