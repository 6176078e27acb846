"""Passwords that are hashed in no time, but where their hashing is what is tested."""

import pytest


@pytest.fixture(autouse=True)
def hurried(quick: object) -> None:
    """For every test of this folder."""
