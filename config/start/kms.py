"""The master keys of the vault, sealed by a key of AWS KMS: docs/operations/keys.md.

python -m config.start.kms seal KEY < keys > master.kms
python -m config.start.kms open FILE

`seal` has what it reads (the value of VAULT_MASTER_KEYS) encrypted by the key, which never leaves KMS; `open`
has it decrypted and writes it out. Credentials and region are those that boto3 finds.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Bound to what is sealed: a text that the key encrypted for something else does not open.
PURPOSE = {"for": "photoflux vault"}
TIMES = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})


class KmsError(Exception):
    """KMS does not do it; the sentence says why."""


def seal(plain: bytes, key: str) -> str:
    """Base64. Raises KmsError."""
    answer = _ask("encrypt", KeyId=key, Plaintext=plain)
    return base64.b64encode(answer["CiphertextBlob"]).decode()


def unseal(sealed: str) -> bytes:
    """Raises KmsError."""
    try:
        blob = base64.b64decode(sealed, validate=True)
    except binascii.Error as error:
        raise KmsError("The file is not what `seal` has written.") from error
    return bytes(_ask("decrypt", CiphertextBlob=blob)["Plaintext"])


def _ask(what: str, **more: Any) -> Any:
    try:
        return getattr(boto3.client("kms", config=TIMES), what)(EncryptionContext=PURPOSE, **more)
    except ClientError as error:
        told = error.response.get("Error", {})
        raise KmsError(
            f"AWS KMS refuses to {what}: {told.get('Code')} {told.get('Message')}".strip()
        ) from error
    except BotoCoreError as error:  # no answer, no credentials, no region
        raise KmsError(f"AWS KMS was not asked to {what}: {error}") from error


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.start.kms", description="Seals and opens keys.")
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("seal").add_argument("key", help="the id, ARN or alias of a symmetric key of KMS")
    acts.add_parser("open").add_argument("file", type=Path)
    args = parser.parse_args(argv)
    try:
        if args.act == "seal":
            print(seal(sys.stdin.buffer.read().strip(), args.key))
        else:
            print(unseal(args.file.read_text().strip()).decode())
    except (KmsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
