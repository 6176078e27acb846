"""Passwords and tokens, of which only hashes are kept: slow ones of what people choose, quick ones of what is drawn."""

from functools import cache
from hashlib import sha256
from secrets import token_urlsafe
from unicodedata import normalize

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from limner.errors import LimnerError

SHORTEST, LONGEST = 10, 200  # characters
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


def hashed(password: str) -> str:
    """Argon2id (Biryukov, Dinu and Khovratovich 2016; RFC 9106) with a new salt: 19 MiB and two passes.

    That is OWASP's least for a server, on which forty may sign in at once.  LimnerError for a password that is too
    short or too long; nothing is demanded of its characters (NIST SP 800-63B, 3.1.1.2).
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise LimnerError(
            f"a password has {SHORTEST} to {LONGEST} characters, and this has {len(password)}",
            "a few words that you remember will do",
        )
    return HASHER.hash(_plain(password))


def right(kept: str | None, password: str) -> bool:
    """Whether this is the password; it takes as long where there is none to compare with."""
    try:
        HASHER.verify(kept or _nobody_s(), _plain(password[: LONGEST + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def stale(kept: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return HASHER.check_needs_rehash(kept)


def digest(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so it needs no salt and no slowness."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


@cache
def _nobody_s() -> str:
    return HASHER.hash(token_urlsafe())


def _plain(password: str) -> str:
    """The same however a keyboard composes its letters; half a surrogate pair is no letter."""
    return normalize("NFKC", password).encode("utf-8", "replace").decode()
