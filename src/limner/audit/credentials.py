"""Content credentials (C2PA): a manifest that any program of that standard reads, signed by a certificate of our own.

Nobody vouches for that certificate, so other programs call it unknown; what they check by it is whether the file was
changed since.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from limner import __version__
from limner.audit.keys import secretly
from limner.audit.receipt import Receipt
from limner.errors import LimnerError
from limner.recipe import Recipe

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import CertificateBuilder

FILE = "credentials.pem"  # the secret of the certificate, the certificate, and the root that signed it
YEARS = 10
KINDS: Mapping[str, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
LABEL = "local.limner.receipt"  # of the assertion in which a receipt lies
CLAIMS = "1.3.6.1.4.1.62558.2.1"  # c2pa-kp-claimSigning (C2PA 2.2, 14.5.1.1)
SETTINGS = {
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A secret on the curve P-256, and the certificates to it in PEM, the leaf's first."""

    secret: "EllipticCurvePrivateKey"
    chain: str

    def added(self, data: bytes, form: str, recipe: Recipe, receipt: Receipt | None) -> bytes:
        """The file of one of KINDS with a manifest: a model made it, by limner, and this is its receipt.

        ECDSA with SHA-256 (ES256); what is signed names nobody.  LimnerError where the library refuses.
        """
        import c2pa

        source, out = io.BytesIO(data), io.BytesIO()
        try:
            with (
                c2pa.Context.from_dict(SETTINGS) as context,
                c2pa.Signer.from_callback(self._sign, c2pa.C2paSigningAlg.ES256, self.chain) as signer,
                c2pa.Builder(json.dumps(manifest(form, recipe, receipt)), context=context) as builder,
            ):
                builder.sign(signer, KINDS[form], source, out)
        except c2pa.C2paError as fault:
            raise LimnerError(f"no content credentials were signed: {fault}", "leave --credentials out") from fault
        return out.getvalue()

    def _sign(self, data: bytes) -> bytes:
        """R and S as two numbers of 32 bytes, which COSE wants (RFC 9053, 2.1)."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        numbers = decode_dss_signature(self.secret.sign(data, ECDSA(SHA256())))
        return b"".join(number.to_bytes(32) for number in numbers)


@dataclass(frozen=True, slots=True)
class Told:
    """What a file's credentials say: `state` is the library's word, Valid, Trusted or Invalid; `by` who signed."""

    state: str
    by: str
    faults: tuple[str, ...]


def manifest(form: str, recipe: Recipe, receipt: Receipt | None) -> dict[str, object]:
    """What is signed, beside the file itself (C2PA 2.2, 18.16: c2pa.created by trained algorithmic media)."""
    made = "compositeWithTrainedAlgorithmicMedia" if recipe.edit_picture else "trainedAlgorithmicMedia"
    agent = {"name": "limner", "version": __version__}
    action = {"action": "c2pa.created", "digitalSourceType": SOURCES + made, "softwareAgent": agent}
    assertions: list[object] = [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}]
    if receipt:
        assertions.append({"label": LABEL, "data": json.loads(receipt.text())})
    return {"claim_generator_info": [agent], "format": KINDS[form], "assertions": assertions}


def installed() -> bool:
    return find_spec("c2pa") is not None


def credentials(folder: Path) -> Credentials:
    """Those in this folder, made at first use, for its owner's eyes alone; LimnerError where they cannot be used."""
    if not installed():
        raise LimnerError("c2pa-python is not installed", "pip install 'limner[credentials]'")
    path = folder / FILE
    if not path.exists():
        secretly(path, _made(), replaces=False)
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        text = path.read_text(encoding="ascii")
        secret = load_pem_private_key(text.encode(), None)
        at = text.index("-----BEGIN CERTIFICATE-----")
    except (OSError, ValueError, TypeError) as fault:
        raise LimnerError(f"{path} holds no certificate any more", "move it away: another is made") from fault
    if not isinstance(secret, EllipticCurvePrivateKey):
        raise LimnerError(f"{path} holds a key of another kind", "move it away: another is made")
    return Credentials(secret, text[at:])


def told(data: bytes, form: str, roots: str = "") -> Told | None:
    """What the credentials in a file say, by these trusted root certificates; None where it has none."""
    import c2pa

    settings = {**SETTINGS, **({"trust": {"user_anchors": roots}} if roots else {})}
    try:
        with c2pa.Context.from_dict(settings) as context:
            reader = c2pa.Reader.try_create(KINDS[form], io.BytesIO(data), context=context)
            if reader is None:
                return None
            with reader:
                said = json.loads(reader.json())
    except c2pa.C2paError as fault:
        return Told("Invalid", "", (str(fault),))
    active = said.get("manifests", {}).get(said.get("active_manifest"), {})
    faults = tuple(str(each.get("code")) for each in said.get("validation_status", []))
    return Told(str(said.get("validation_state")), str(active.get("signature_info", {}).get("common_name", "")), faults)


def _made() -> bytes:
    """A root, whose secret is forgotten at once, and the one certificate that it signs (C2PA 2.2, 14.5)."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509 import AuthorityKeyIdentifier

    above, secret = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = _certificate("limner root", "limner root", above, True)
    authority = AuthorityKeyIdentifier.from_issuer_public_key(above.public_key())
    first = root.sign(above, SHA256())
    leaf = _certificate("limner", "limner root", secret, False).add_extension(authority, False).sign(above, SHA256())
    key = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + leaf.public_bytes(Encoding.PEM) + first.public_bytes(Encoding.PEM)


def _certificate(name: str, by: str, secret: "EllipticCurvePrivateKey", root: bool) -> "CertificateBuilder":
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def called(word: str) -> x509.Name:
        attributes = [(NameOID.COMMON_NAME, word), (NameOID.ORGANIZATION_NAME, "limner, which nobody vouches for")]
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])

    usage = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    now, public = datetime.now(UTC) - timedelta(minutes=5), secret.public_key()
    builder = x509.CertificateBuilder().subject_name(called(name)).issuer_name(called(by)).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=365 * YEARS))
    builder = builder.add_extension(x509.BasicConstraints(root, 0 if root else None), True)
    kinds = x509.KeyUsage(digital_signature=not root, key_cert_sign=root, crl_sign=root, **usage)
    builder = builder.add_extension(kinds, True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    if root:
        return builder
    purposes = [ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.ObjectIdentifier(CLAIMS)]
    return builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
