"""Makes the secret keys and passwords of an installation in a folder, each once.

python -m config.start.keys docker/secrets
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def _secret_key(_folder: Path) -> str:
    return secrets.token_urlsafe(50)


def _jwt_private_key(folder: Path) -> str:
    earlier = folder / "jwt_private_key.pem"  # the file's name until November 2026
    if earlier.exists():
        return earlier.read_text()
    return _pem(rsa.generate_private_key(65537, 2048))


def _vapid_private_key(_folder: Path) -> str:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    pkcs8 = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()).decode()


def _vault_master_keys(folder: Path) -> str:
    earlier = folder / "master"  # until November 2026: the key without its name, which is `local`
    kept = earlier.read_text().strip() if earlier.exists() else ""
    return f"local:{kept or base64.b64encode(secrets.token_bytes(32)).decode()}"


def _password(_folder: Path) -> str:
    return secrets.token_urlsafe(32)


KEYS: dict[str, Callable[[Path], str]] = {
    "SECRET_KEY": _secret_key,
    "VAULT_MASTER_KEYS": _vault_master_keys,
    "JWT_PRIVATE_KEY": _jwt_private_key,
    "VAPID_PRIVATE_KEY": _vapid_private_key,
}
# Of the servers in docker/compose.yaml. The servers of a checkout have their own (embedded.py).
PASSWORDS = {"DATABASE_PASSWORD": _password, "REDIS_PASSWORD": _password}


def make(name: str, folder: Path) -> Path:
    """The file of the key `name`. Makes the key if the file does not exist."""
    file = folder / name.lower()
    if not file.exists():
        _write_once(file, (KEYS | PASSWORDS)[name](folder))
    return file


def _write_once(file: Path, text: str) -> None:
    """Writes a file that only its owner may read, and syncs it. If two processes write at once, the first
    file stays."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}-{os.getpid()}-{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)  # the file's name too: if a vault key is lost, no file can be decrypted
    os.close(folder)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m config.start.keys", description="Makes the keys and passwords that are not there yet."
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    for name in KEYS | PASSWORDS:
        print(make(name, folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
