"""An Ed25519 key that signs, which nobody else can read, and public keys as anybody may have them."""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from limner.errors import LimnerError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FOLDER, SECRET = "keys", "signing.pem"
LENGTH = 32  # bytes of a public key (RFC 8032)
CURRENT, RETIRED, TRUSTED = "current", "retired", "trusted"
STANDINGS = (CURRENT, RETIRED, TRUSTED)


@dataclass(frozen=True, slots=True)
class Public:
    """A key that is known here: `current` signs now, `retired` did before, `trusted` is another setup's.

    `name` is for people; `made` is when it came to be known, as ISO 8601 has it.
    """

    raw: bytes
    made: str
    standing: str
    name: str = ""

    @property
    def id(self) -> str:
        return named(self.raw)

    @property
    def ours(self) -> bool:
        return self.standing != TRUSTED

    def jwk(self) -> dict[str, str]:
        """As RFC 8037 writes an Ed25519 key, with what is known of it."""
        x = urlsafe_b64encode(self.raw).decode().rstrip("=")
        about = {"made": self.made, "standing": self.standing, "name": self.name}
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.id, "x": x, **about}


@dataclass(frozen=True, slots=True)
class Key:
    """The key that signs."""

    secret: "Ed25519PrivateKey"
    public: bytes

    @property
    def id(self) -> str:
        return named(self.public)

    def sign(self, data: bytes) -> bytes:
        return self.secret.sign(data)


def named(public: bytes) -> str:
    """What a key is called: the first 16 hexadecimal digits of its sha256."""
    return sha256(public).hexdigest()[:16]


def holds(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether that is the signature of this data (RFC 8032, 5.1.7)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(public) != LENGTH:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def key(folder: Path) -> Key:
    """The one in this folder; it is made where there is none, and then nobody else can read it.

    LimnerError names the file where it is no key or may not be read: nothing is signed by another instead.
    """
    path = folder / SECRET
    if not path.exists():
        _placed(path, replaces=False)
    return _read(path)


def turned(folder: Path) -> Key:
    """A new key in the place of the old one, which signs nothing from here on and cannot be brought back."""
    path = folder / SECRET
    _placed(path, replaces=True)
    return _read(path)


def published(keys: Iterable[Public]) -> dict[str, object]:
    """A JWK Set (RFC 7517): what others register to know our receipts."""
    return {"keys": [each.jwk() for each in keys if each.ours]}


def unpublished(text: str, made: str, name: str = "") -> list[Public]:
    """The keys of such a set, to be trusted from here on; LimnerError where that is none."""
    try:
        said = json.loads(text)
        return [Public(raw(each), made, TRUSTED, name or str(each.get("name", ""))[:200]) for each in said["keys"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as fault:
        raise LimnerError(
            "those are no public keys",
            "give what limner keys export, or a studio's /.well-known/limner-keys.json, says",
        ) from fault


def raw(said: Mapping[str, str]) -> bytes:
    """The public key of a JWK; ValueError or LookupError where that is none of Ed25519."""
    x = said["x"]
    raw = urlsafe_b64decode(x + "=" * (-len(x) % 4))
    if (said["kty"], said["crv"], len(raw)) != ("OKP", "Ed25519", LENGTH):
        raise ValueError("another kind of key")
    return raw


def _read(path: Path) -> Key:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    remedy = "put the file back, or limner keys rotate makes a new key; what the old one signed stays valid"
    try:
        secret = load_pem_private_key(path.read_bytes(), None)
    except OSError as fault:
        raise LimnerError(f"cannot read the signing key {path}: {fault.strerror}", remedy, 503) from fault
    except (ValueError, TypeError) as fault:
        raise LimnerError(f"{path} is no signing key any more", remedy, 503) from fault
    if not isinstance(secret, Ed25519PrivateKey):
        raise LimnerError(f"{path} is a key of another kind", remedy, 503)
    return Key(secret, secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def _placed(path: Path, replaces: bool) -> None:
    """Write a new key beside the place and then into it; another's who came first is left alone, unless replaced."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    data = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    secretly(path, data, replaces)


def secretly(path: Path, data: bytes, replaces: bool) -> None:
    """A file that only its owner can read, whole or not there; LimnerError where it cannot be."""
    part = path.with_name(f".{token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replaces:
                part.replace(path)
            else:
                os.link(part, path)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        return
    except OSError as fault:
        raise LimnerError(f"cannot write {path}: {fault.strerror or fault}", "see that you may write there") from fault
