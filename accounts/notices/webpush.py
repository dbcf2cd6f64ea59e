"""Web push: the encryption (RFC 8188, 8291) and the proof of who sends (RFC 8292)."""

from __future__ import annotations

import base64
import secrets
import time
from functools import cache
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

CURVE = ec.SECP256R1()
RECORD = 4096  # bytes of a whole message: services take no larger one
MOST = 3993  # bytes of a text in it
EXPIRES = 12 * 3600  # seconds that a proof is valid; the standard allows 24 hours


class TooLong(ValueError):
    """A text of more than MOST bytes."""


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode(text: str) -> bytes:
    """Raises ValueError for what is no base64url."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as its 65 bytes, uncompressed."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def read_point(text: str) -> ec.EllipticCurvePublicKey:
    """The public key in base64url. Raises ValueError for what is no point of the curve."""
    data = decode(text)
    if len(data) != 65:
        raise ValueError(f"{len(data)} bytes are no uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, data)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def encrypt(
    text: bytes,
    *,
    p256dh: str,
    auth: str,
    ours: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push message that only the browser with these keys can read. `ours` and `salt` are new
    for each message, unless a test gives them. Raises TooLong, and ValueError for keys that are none."""
    if len(text) > MOST:
        raise TooLong(len(text))
    theirs = read_point(p256dh)
    ours, salt = ours or ec.generate_private_key(CURVE), salt or secrets.token_bytes(16)
    sender = point(ours.public_key())
    shared = ours.exchange(ec.ECDH(), theirs)
    secret = _derived(shared, decode(auth), b"WebPush: info\0" + point(theirs) + sender, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    last = text + b"\2"  # the delimiter of the last record, which is the only one
    head = salt + RECORD.to_bytes(4, "big") + len(sender).to_bytes(1, "big") + sender
    return head + AESGCM(key).encrypt(nonce, last, None)


# ---------------------------------------------------------------- VAPID


@cache
def private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError for what is no such key."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, UnsupportedAlgorithm) as e:
        raise ValueError(str(e)) from e
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != CURVE.name:
        raise ValueError("not a P-256 key")
    return key


def public_key(pem: str) -> str:
    """What browsers subscribe with (applicationServerKey), base64url."""
    return encode(point(private_key(pem).public_key()))


def authorization(pem: str, *, audience: str, contact: str) -> str:
    """The header Authorization for a push service. `audience` is its origin, `contact` a mailto: or https:
    address of ours."""
    claims: dict[str, Any] = {"aud": audience, "exp": int(time.time()) + EXPIRES, "sub": contact}
    token = jwt.encode(claims, private_key(pem), algorithm="ES256")
    return f"vapid t={token},k={public_key(pem)}"
