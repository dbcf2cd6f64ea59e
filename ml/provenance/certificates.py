"""The certificate that signs, and the folder that keeps it and its predecessors.

In the folder, `signer.pem` (mode 0600) is the chain, leaf first, and the leaf's key. `certificate-*.pem` is
the chain, without a key, of each signer that was ever used here: pictures signed by any of them are ours. To
distrust a stolen key, rotate and delete its certificate file.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

log = logging.getLogger(__name__)

GENERATOR = "PhotoFlux"
ROOT_NAME = "PhotoFlux root"
YEARS = 20  # a signature without a timestamp authority counts only while its certificate is valid
SIGNER = "signer.pem"
KEY_BEGINS = b"-----BEGIN PRIVATE KEY-----"
# C2PA's own identifiers: the key usage c2pa-kp-claimSigning and the certificate policy.
CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
POLICY = ObjectIdentifier("1.3.6.1.4.1.62558.1.1")


def make_chain() -> tuple[bytes, bytes, bytes]:
    """A new leaf, its root and the leaf's key (PEM). The root's key is discarded: it signs only this leaf.

    The leaf has the profile of C2PA's conformance programme, assurance level 1, but for its validity and for
    what the programme issues (the record of a conforming product, OCSP). No name of a person is in it.
    """
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    leaf = _leaf(leaf_key, root_key)
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem_of(leaf), pem_of(_root(root_key)), key


def _leaf(key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    usages = x509.ExtendedKeyUsage([CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION])
    policies = x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)])
    builder = _certificate("PhotoFlux signing", key, issuer)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage("digital_signature", "content_commitment"), critical=True)
    builder = builder.add_extension(usages, critical=False).add_extension(policies, critical=False)
    return builder.sign(issuer, hashes.SHA256())


def _root(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    builder = _certificate(ROOT_NAME, key, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage("key_cert_sign", "crl_sign"), critical=True)
    return builder.sign(key, hashes.SHA256())


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuers = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(ROOT_NAME))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # other machines' clocks
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .add_extension(own, critical=False)
        .add_extension(issuers, critical=False)
    )


def _key_usage(*usages: str) -> x509.KeyUsage:
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
    names += " key_cert_sign crl_sign encipher_only decipher_only"
    return x509.KeyUsage(**{name: name in usages for name in names.split()})


def _name(common: str) -> x509.Name:
    names = (NameOID.ORGANIZATION_NAME, GENERATOR), (NameOID.COMMON_NAME, common)
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in names])


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def open_folder(folder: Path) -> tuple[bytes, bytes]:
    """(chain, key) of the signer in `folder` (PEM). The first call makes them; a leaf that an earlier version
    made to another profile is replaced. Its certificate stays known."""
    path = folder / SIGNER
    if not path.exists():
        rotate(folder, only_if=lambda: not path.exists())
    elif _is_outdated(path):
        with _read_only_is_no_error():
            rotate(folder, only_if=lambda: _is_outdated(path))
    data = path.read_bytes()
    with _read_only_is_no_error():
        _remember(folder, data)
    chain, begins, key = data.partition(KEY_BEGINS)
    return chain, begins + key


def rotate(folder: Path, only_if: Callable[[], bool] = lambda: True) -> None:
    """Makes a new signer. Processes that have opened the old one use it until they are restarted."""
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if not only_if():  # another process was faster
            return
        path = folder / SIGNER
        if path.exists():
            _remember(folder, path.read_bytes())
        leaf, root, key = make_chain()
        _remember(folder, leaf + root)  # before anything is signed
        _write(path, leaf + root + key)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time changes the folder: two new signers at once would leave one of them unknown."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _read_only_is_no_error() -> Iterator[None]:
    """Keys may be mounted read-only: then what is there is used as it is."""
    try:
        yield
    except OSError as error:
        log.warning("the folder of the signing key cannot be changed: %s", error)


def _is_outdated(path: Path) -> bool:
    """Whether an earlier version made this signer. An operator's own certificate is left alone."""
    try:
        leaf = x509.load_pem_x509_certificates(path.read_bytes().partition(KEY_BEGINS)[0])[0]
        usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return leaf.issuer == _name(ROOT_NAME) and CLAIM_SIGNING not in usages


def _remember(folder: Path, data: bytes) -> None:
    """Keeps the chain without the key in a file of its own, so that it stays known after a change."""
    with suppress(ValueError):  # not a certificate; the signer says so
        chain = x509.load_pem_x509_certificates(data.partition(KEY_BEGINS)[0])
        path = folder / f"certificate-{chain[0].fingerprint(hashes.SHA256()).hex()[:16]}.pem"
        if not path.exists():
            _write(path, b"".join(pem_of(one) for one in chain))


def _write(path: Path, data: bytes) -> None:
    """Writes the file atomically, readable by its owner alone."""
    handle, aside = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def known_certificates(folder: Path) -> bytes:
    """The chains (PEM, leaf first) of the signer in `folder` and of all before it."""
    known = b""
    for file in sorted(folder.glob("*.pem")):
        chain = file.read_bytes().partition(KEY_BEGINS)[0]
        with suppress(ValueError):  # other files may lie here too
            known += b"".join(pem_of(one) for one in x509.load_pem_x509_certificates(chain))
    return known


def anchors_and_serials(known: bytes) -> tuple[str, frozenset[str]]:
    """(the authorities' certificates as PEM, the serial numbers of our leaves in decimal).

    A chain may end in a public authority, which signs for others too: so the leaf itself must be known.
    """
    try:
        certificates = x509.load_pem_x509_certificates(known)
    except ValueError:
        return "", frozenset()
    anchors = "".join(pem_of(one).decode() for one in certificates if _is_authority(one))
    return anchors, frozenset(str(one.serial_number) for one in certificates if not _is_authority(one))


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False
