"""The signing certificate: its profile, its folder, and keys that follow one another."""

import io
import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from PIL import Image

from ml.__main__ import main
from ml.provenance import Signer, certificates, known_certificates, make_chain, rotate, verify


@pytest.fixture
def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")  # too small for a mark, so quickly verified
    return out.getvalue()


def sign(folder: Path, picture: bytes) -> bytes:
    made = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    return Signer.open(folder).sign(picture, "image/png", engine="nano", ident=1, created=made)


def verdict(folder: Path, signed: bytes) -> str:
    return verify(signed, certificates=known_certificates(folder)).verdict


def leaf_of(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pem)[0]


def extension(leaf: x509.Certificate, kind: type) -> tuple[bool, object]:
    found = leaf.extensions.get_extension_for_class(kind)
    return found.critical, found.value


def test_the_leaf_has_the_profile_of_c2pa() -> None:
    leaf, root = (leaf_of(pem) for pem in make_chain()[:2])
    critical, usage = extension(leaf, x509.KeyUsage)
    assert (critical, usage.digital_signature, usage.content_commitment, usage.key_cert_sign) == (
        True,
        True,
        True,
        False,
    )
    _, usages = extension(leaf, x509.ExtendedKeyUsage)
    assert [one.dotted_string for one in usages] == ["1.3.6.1.4.1.62558.2.1", "1.3.6.1.5.5.7.3.4"]
    _, policies = extension(leaf, x509.CertificatePolicies)
    assert [one.policy_identifier.dotted_string for one in policies] == ["1.3.6.1.4.1.62558.1.1"]
    issuer = extension(leaf, x509.AuthorityKeyIdentifier)[1].key_identifier
    assert issuer == extension(root, x509.SubjectKeyIdentifier)[1].digest
    assert extension(leaf, x509.SubjectKeyIdentifier)[1].digest != issuer


def test_no_certificate_names_a_person_or_a_machine() -> None:
    names = {
        name.rfc4514_string()
        for pem in make_chain()[:2]
        for name in (leaf_of(pem).subject, leaf_of(pem).issuer)
    }
    assert names == {"CN=PhotoFlux signing,O=PhotoFlux", "CN=PhotoFlux root,O=PhotoFlux"}


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, again = Signer.open(tmp_path / "new"), Signer.open(tmp_path / "new")
    assert first.certificates == again.certificates
    files = sorted((tmp_path / "new").iterdir())
    assert [path.name.split("-")[0] for path in files] == ["certificate", "signer.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert b"PRIVATE" not in files[0].read_bytes()


def open_certificates(folder: Path) -> bytes:
    return Signer.open(folder).certificates


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2) as pool:
        assert len(set(pool.map(open_certificates, [tmp_path] * 4))) == 1


def test_what_an_old_key_signed_stays_ours_after_a_rotation(tmp_path: Path, picture: bytes) -> None:
    before = sign(tmp_path, picture)
    rotate(tmp_path)
    after = sign(tmp_path, picture)
    assert [verdict(tmp_path, signed) for signed in (before, after)] == ["ours", "ours"]
    assert len(list(tmp_path.glob("certificate-*.pem"))) == 2


def test_what_a_replaced_key_signed_stays_ours(tmp_path: Path, picture: bytes) -> None:
    before = sign(tmp_path, picture)
    (tmp_path / "signer.pem").write_bytes(b"".join(make_chain()))
    after = sign(tmp_path, picture)
    assert [verdict(tmp_path, signed) for signed in (before, after)] == ["ours", "ours"]


def test_a_key_is_distrusted_by_rotating_and_deleting_its_certificate(tmp_path: Path, picture: bytes) -> None:
    stolen = sign(tmp_path, picture)
    (certificate,) = tmp_path.glob("certificate-*.pem")
    rotate(tmp_path)
    certificate.unlink()
    assert verdict(tmp_path, stolen) == "others"


def signer_of_before(folder: Path) -> bytes:
    """A key folder of an earlier version: its leaf is for e-mail protection alone."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    builder = certificates._certificate("PhotoFlux signing", key, root_key)
    for value, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (certificates._key_usage("digital_signature"), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
    ):
        builder = builder.add_extension(value, critical=critical)
    leaf = builder.sign(root_key, hashes.SHA256())
    pkcs8 = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
    chain = certificates.pem_of(leaf) + certificates.pem_of(certificates._root(root_key))
    folder.mkdir()
    (folder / "signer.pem").write_bytes(chain + secret)
    return chain + secret


def test_a_folder_of_an_earlier_version_gets_a_new_leaf_and_keeps_the_old_one(
    tmp_path: Path, picture: bytes
) -> None:
    chain, begins, key = signer_of_before(tmp_path / "k").partition(certificates.KEY_BEGINS)
    made = datetime(2026, 1, 1, tzinfo=UTC)
    before = Signer(chain, begins + key).sign(picture, "image/png", engine="nano", ident=1, created=made)
    assert verdict(tmp_path / "k", before) == "ours"  # also before anything opens the folder
    after = sign(tmp_path / "k", picture)
    assert open_certificates(tmp_path / "k") != chain
    assert [verdict(tmp_path / "k", signed) for signed in (before, after)] == ["ours", "ours"]


def test_processes_that_replace_an_old_leaf_together_share_the_new_one(tmp_path: Path) -> None:
    old = signer_of_before(tmp_path / "k")
    with ProcessPoolExecutor(2) as pool:
        (new,) = set(pool.map(open_certificates, [tmp_path / "k"] * 4))
    assert new not in old


def test_an_operators_own_certificate_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "ROOT_NAME", "A company's authority")
        own = signer_of_before(tmp_path / "k")
    Signer.open(tmp_path / "k")
    assert (tmp_path / "k" / "signer.pem").read_bytes() == own


def test_files_that_are_no_certificates_may_lie_in_the_folder(tmp_path: Path, picture: bytes) -> None:
    signed = sign(tmp_path, picture)
    (tmp_path / "other.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n")
    assert verdict(tmp_path, signed) == "ours"


def test_the_command_makes_a_new_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = open_certificates(tmp_path)
    assert main(["rotate", "--keys", str(tmp_path)]) == 0
    assert "Restart the workers" in capsys.readouterr().out
    assert open_certificates(tmp_path) != before
