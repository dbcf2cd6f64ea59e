"""Signatures of Standard Webhooks: known vectors, and the library that receivers use."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.developers.signing import new_secret, signature

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "standard_webhooks.json").read_text())
FORMER = VECTORS[0]["secret"]  # of the vector with two signatures


def headers(message: str, at: int, signed: str) -> dict[str, str]:
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signed}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["webhook-id"])
def test_the_vectors(vector: dict[str, Any]) -> None:
    told, both = vector["webhook-signature"], [vector["secret"], FORMER]
    secrets = both[: told.count("v1,")]
    at, body = int(vector["webhook-timestamp"]), vector["body"].encode()
    assert signature(secrets, vector["webhook-id"], at, body) == told


def test_the_library_of_receivers_verifies_either_secret_while_one_is_replaced() -> None:
    now, body = int(datetime.now(UTC).timestamp()), '{"data":"señal"}'
    old, new, other = (new_secret() for _ in range(3))
    signed = headers("msg_1", now, signature([new, old], "msg_1", now, body.encode()))
    for secret in (old, new):
        assert Webhook(secret).verify(body, signed) == {"data": "señal"}
    for secret, text, sent in ((other, body, signed), (new, body + " ", signed)):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(text, sent)


def test_a_secret_is_long_and_each_is_another() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b64decode(each.removeprefix("whsec_"))) for each in made} == {32}
