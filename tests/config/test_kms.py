"""The master keys from a key service: a real command, and moto as AWS KMS behind its HTTP API."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from config.start import env, kms

NAME = "VAULT_MASTER_KEYS"
KEYS = {
    "2027": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "local": "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=",
}
TEXT = ",".join(map(":".join, KEYS.items())).encode()


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def key(service: str, monkeypatch: pytest.MonkeyPatch) -> str:
    given = {
        "AWS_ACCESS_KEY_ID": "a-test",
        "AWS_SECRET_ACCESS_KEY": "a-test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    for name, value in {**given, "AWS_ENDPOINT_URL_KMS": service}.items():
        monkeypatch.setenv(name, value)
    return str(boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The keys by a command."""
    monkeypatch.delenv(NAME, raising=False)
    monkeypatch.delenv(f"{NAME}_FILE", raising=False)

    def ask(command: str) -> dict[str, str]:
        monkeypatch.setenv(f"{NAME}_COMMAND", command)
        return env.master_keys(NAME)

    return ask


def opening(file: Path, sealed: str) -> str:
    file.write_text(sealed)
    return f"{sys.executable} -m config.start.kms open {file}"


def test_the_keys_are_sealed_by_kms_and_opened_at_the_start(key: str, ask: Any, tmp_path: Path) -> None:
    seal = [sys.executable, "-m", "config.start.kms", "seal", key]
    sealed = subprocess.run(seal, input=TEXT, capture_output=True, check=True, cwd=env.ROOT).stdout.decode()
    assert ask(opening(tmp_path / "master.kms", sealed)) == KEYS
    assert list(KEYS) == list(env.master_keys(NAME))  # the first one is current
    assert env.given(NAME)


def test_what_kms_refuses_stops_the_start_with_its_reason(key: str, ask: Any, tmp_path: Path) -> None:
    other = boto3.client("kms").encrypt(
        KeyId=key, Plaintext=TEXT, EncryptionContext={"for": "something else"}
    )
    command = opening(tmp_path / "master.kms", base64.b64encode(other["CiphertextBlob"]).decode())
    with pytest.raises(
        env.Misconfigured, match="COMMAND ended with status 1: AWS KMS refuses to decrypt: .*Exception"
    ):
        ask(command)


@pytest.mark.parametrize(
    "sealed, told", [("not base64", "not what `seal` has written"), ("AAAA", "refuses to decrypt")]
)
def test_a_damaged_file_is_told(key: str, sealed: str, told: str) -> None:
    with pytest.raises(kms.KmsError, match=told):
        kms.unseal(sealed)


def test_a_service_that_is_away_is_told(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
    with pytest.raises(kms.KmsError, match="AWS KMS was not asked to decrypt: Could not connect"):
        kms.unseal("AAAA")


@pytest.mark.parametrize(
    "command, told",
    [
        ("echo nonsense", f"{NAME} is a list like name:value"),
        ("echo 2027:c2hvcnQ=", "the key named “2027” is not 32 bytes"),
        ("true", f"{NAME} holds no key"),
        ("false", f"{NAME}_COMMAND ended with status 1: it does not say why"),
        ("/nowhere/at/all", f"{NAME}_COMMAND cannot be run: No such file or directory: /nowhere"),
    ],
)
def test_a_wrong_answer_stops_the_start(ask: Any, command: str, told: str) -> None:
    with pytest.raises(env.Misconfigured, match=told):
        ask(command)


def test_a_command_that_does_not_end_is_ended(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{NAME}_COMMAND", "sleep 60")
    with pytest.raises(env.Misconfigured, match="has not answered within 0.01 seconds"):
        env.output(f"{NAME}_COMMAND", 0.01)


def test_two_sources_are_one_too_many(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, TEXT.decode())
    with pytest.raises(env.Misconfigured, match="are both set"):
        ask("true")
