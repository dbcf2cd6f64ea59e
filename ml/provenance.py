"""Where a file came from: a C2PA signature in the file (proof) and a watermark in its pixels (trace).

Sign last: re-saving removes the signature; the watermark mostly survives.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import tempfile
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from ml import watermark
from ml.errors import MLError
from ml.media import ask_child

GENERATOR = "PhotoFlux"
GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MARK = "com.photoflux.watermark.2"  # names the algorithm of `watermark` in the C2PA soft binding
YEARS = 20  # a signature without a timestamp authority counts only while its certificate is valid
MOST_PIXELS = 50_000_000

# Reading an upload must not use the network: a manifest may name an address to fetch.
OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}
# The only status that is not a fault: our root is on no public trust list.
UNLISTED = "signingCredential.untrusted"


@dataclass(frozen=True)
class Provenance:
    """A file's stated origin. Only `ours` is proof: anybody can sign in our name with another key."""

    signed: bool  # a C2PA manifest in our name, its signature valid and the file unchanged since
    ours: bool  # signed, and by a certificate under one of the known roots
    engine: str | None  # from an intact signature
    created: str | None  # ISO 8601, from an intact signature
    ident: int | None  # from a signature of ours, else from the mark in the pixels
    reason: str | None  # why there is no valid signature of ours, in a few words
    summary: str  # one sentence for the user


class Signer:
    """Signs files made here. `cert_pem` is the chain, leaf first; `key_pem` is the leaf's P-256 key."""

    def __init__(self, cert_pem: bytes, key_pem: bytes):
        self._cert_pem, self._key_pem = cert_pem, key_pem
        try:
            chain = x509.load_pem_x509_certificates(cert_pem)
            key = serialization.load_pem_private_key(key_pem, password=None)
            if key.public_key() != chain[0].public_key():
                raise ValueError("the key is not the certificate's")
            self.root_pem = _pem(chain[-1])
            self._context().close()
        except (ValueError, c2pa.C2paError) as error:
            raise MLError("bad_certificate", "The signing certificate or its key cannot be used.") from error

    def _context(self) -> c2pa.Context:
        """Created for each file (under 1 ms): c2pa's objects do not survive a fork, and workers fork."""
        info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, self._cert_pem, self._key_pem, None)
        settings = {"builder": {"thumbnail": {"enabled": False}}, "verify": OFFLINE}
        return c2pa.Context.from_dict(settings, signer=c2pa.Signer.from_info(info))

    @classmethod
    def open(cls, folder: Path) -> Signer:
        """The signer in `folder`; the first call creates it. Chain and key are in one file, mode 0600."""
        path = folder / "signer.pem"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write_once(path, b"".join(make_chain()))
        chain, mark, key = path.read_bytes().partition(b"-----BEGIN PRIVATE KEY-----")
        return cls(chain, mark + key)

    def sign(self, data: bytes, mime: str, *, engine: str, ident: int, created: datetime) -> bytes:
        """`data` (image/png, image/jpeg, image/webp or video/mp4) with a manifest of about 3.5 KB.

        `engine` is its public name ("nano"), `ident` the watermark's number (0..2^32-1), `created` an aware
        time. The manifest has no prompt and no user. Raises MLError("unsignable") for bytes of another type.
        """
        out = io.BytesIO()
        try:
            with (
                self._context() as context,
                c2pa.Builder(_manifest(mime, engine, ident, created), context) as builder,
            ):
                builder.sign(mime, io.BytesIO(data), out)
        except c2pa.C2paError as error:
            raise MLError(
                "unsignable", "This file cannot be signed: it is damaged or of another type."
            ) from error
        return out.getvalue()


def _manifest(mime: str, engine: str, ident: int, created: datetime) -> dict[str, Any]:
    action = {
        "action": "c2pa.created",
        "when": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "digitalSourceType": GENERATED,
        "softwareAgent": {"name": engine},
    }
    binding = {"alg": MARK, "blocks": [{"scope": {}, "value": f"{ident:08x}"}]}
    return {
        "claim_generator_info": [{"name": GENERATOR}],
        "format": mime,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": "c2pa.soft-binding", "data": binding},
        ],
    }


def make_chain() -> tuple[bytes, bytes, bytes]:
    """A new leaf, its root and the leaf's key (PEM). The root's key is discarded: it signs only this leaf.

    C2PA 2.x requires these extensions of a signing certificate (section 14.5, X.509 certificates).
    """
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate("PhotoFlux signing", leaf_key, root_key, is_root=False)
    root = _certificate("PhotoFlux root", root_key, root_key, is_root=True)
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _pem(leaf), _pem(root), key


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey, *, is_root: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("PhotoFlux root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # other machines' clocks
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_root,
                key_cert_sign=is_root,
                crl_sign=is_root,
                decipher_only=False,
                **usage,
            ),
            critical=True,
        )
    )
    if not is_root:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
    return builder.sign(issuer, hashes.SHA256())


def _name(common: str) -> x509.Name:
    names = (NameOID.ORGANIZATION_NAME, GENERATOR), (NameOID.COMMON_NAME, common)
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in names])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_once(path: Path, data: bytes) -> None:
    """Writes the file atomically. The first of several processes wins: os.link refuses an existing name."""
    handle, aside = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        Path(aside).unlink()


def known_roots(folder: Path) -> bytes:
    """The root certificates (PEM) of the signer in `folder`, and of earlier signers in the same folder
    (*.pem)."""
    roots = b""
    for file in sorted(folder.glob("*.pem")):
        chain, _mark, _key = file.read_bytes().partition(b"-----BEGIN PRIVATE KEY-----")
        if b"BEGIN CERTIFICATE" in chain:  # other keys may lie here too
            roots += _pem(x509.load_pem_x509_certificates(chain)[-1])
    return roots


def verify(data: bytes, picture: watermark.Picture | None = None, *, roots: bytes = b"") -> Provenance:
    """The provenance of any bytes. Never raises, never uses the network.

    `picture` (H, W, 3) RGB uint8 saves decoding `data` (PNG, JPEG, WebP, at most 50 MP). `roots` are the
    known root certificates (PEM, concatenated): `Signer.root_pem` and those of earlier keys; without roots,
    `ours` is False.
    """
    claim, reason = _read_claim(data, roots)
    mark = _read_mark(data, picture)
    if claim is None:
        return Provenance(False, False, None, None, mark, reason, _say_unsigned(mark, reason))
    ours = claim["ours"]
    reason = None if ours else "the key is not one of ours" if roots else "whose key it is was not checked"
    ident = claim["ident"] if ours else mark
    return Provenance(
        True, ours, claim["engine"], claim["created"], ident, reason, _say_signed(claim, reason)
    )


def verify_apart(data: bytes, *, roots: bytes = b"") -> Provenance:
    """Runs `verify` in a child process limited to 2 GB and 20 s: untrusted bytes are not parsed in this
    process."""
    root = str(Path(__file__).resolve().parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from ml import provenance; provenance.answer()"
    head = json.dumps({"roots": roots.decode("ascii", "replace")}).encode() + b"\n"
    try:
        return Provenance(**json.loads(ask_child([sys.executable, "-c", code], head + data, seconds=20)))
    except (ValueError, TypeError):
        return Provenance(False, False, None, None, None, "it cannot be read", _say_unsigned(None, None))


def answer() -> None:
    """The child process: reads one line of JSON and the file from stdin, prints the answer as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3, 2 * 1024**3))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    roots = json.loads(sys.stdin.buffer.readline())["roots"].encode()
    print(json.dumps(asdict(verify(sys.stdin.buffer.read(), roots=roots))))


def _say_signed(claim: dict[str, Any], reason: str | None) -> str:
    made = f"Made by PhotoFlux ({claim['engine']} engine) on {claim['created'][:10]}"
    if reason is None:
        return f"{made}; the signature is intact."
    return f'It says "{made}" and is unchanged since, but {reason}.'


def _say_unsigned(mark: int | None, reason: str | None) -> str:
    if reason and mark is not None:
        return f"The signature does not hold ({reason}), but the invisible mark says it came from here."
    if mark is not None:
        return "The signature is gone, but the invisible mark says it came from here."
    if reason:
        return f"It carries a signature in PhotoFlux's name that does not hold ({reason}); do not rely on it."
    return "Nothing here says that this file came from PhotoFlux."


def _read_claim(data: bytes, roots: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """(claim, None) for an intact manifest in our name, else (None, reason); no reason without a manifest."""
    mime = _sniff(data)
    if mime is None:
        return None, None
    settings: dict[str, Any] = {"verify": OFFLINE}
    if roots:
        settings["trust"] = {"trust_anchors": roots.decode("ascii", "replace")}
    try:
        reader = c2pa.Reader.try_create(mime, io.BytesIO(data), context=c2pa.Context.from_dict(settings))
        if reader is None:
            return None, None
        with reader:
            report = json.loads(reader.json())
        return _judge(report, bool(roots))
    except Exception:
        # A third-party parser reads untrusted bytes: after any error the file counts as not signed.
        return None, "the signature is damaged" if b"c2pa" in data and GENERATOR.encode() in data else None


def _judge(report: dict[str, Any], rooted: bool) -> tuple[dict[str, Any] | None, str | None]:
    manifest = report["manifests"][report["active_manifest"]]
    if GENERATOR not in [maker.get("name") for maker in manifest.get("claim_generator_info", [])]:
        return None, None  # somebody else's content credentials
    faults = {status["code"] for status in report.get("validation_status", [])} - {UNLISTED}
    if any(code.endswith("Hash.mismatch") for code in faults):
        return None, "the file was changed after signing"
    if faults or report.get("validation_state") not in ("Valid", "Trusted"):
        return None, "the signature is not valid"
    assertions = {item["label"]: item["data"] for item in manifest["assertions"]}
    action = assertions["c2pa.actions.v2"]["actions"][0]
    return {
        "engine": str(action["softwareAgent"]["name"]),
        "created": str(action["when"]),
        "ident": int(assertions["c2pa.soft-binding"]["blocks"][0]["value"], 16),
        "ours": rooted and report["validation_state"] == "Trusted",
    }, None


def _sniff(data: bytes) -> str | None:
    """The type by the first bytes. Only types that `Signer.sign` writes, so that no other parser runs."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "video/mp4" if data[4:8] == b"ftyp" else None


def _read_mark(data: bytes, picture: watermark.Picture | None) -> int | None:
    try:
        return watermark.read(_decode(data) if picture is None else picture)
    except Exception:
        # Not a picture, too large, truncated, or of another type than it states.
        return None


def _decode(data: bytes) -> watermark.Picture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError("too many pixels")
            return np.asarray(image.convert("RGB"))
