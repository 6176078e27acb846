"""Passwords that are hashed in no time, but where their hashing is what is tested."""

import pytest
from argon2 import PasswordHasher

from limner.studio.people import passwords

REAL = passwords.HASHER


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> PasswordHasher:
    """What a studio hashes by: limner's own hasher, which takes its time, is given back."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobody_s.cache_clear()
    return REAL
