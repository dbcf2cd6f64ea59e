"""A twin that can be rendered by the engine's double without a training run, and credits for its owner."""

from __future__ import annotations

import hashlib
from typing import Any


def with_weights(twin: Any, *, credits: int = 100) -> Any:
    from accounts.vault.vault import store
    from billing import ledger
    from tests.engines import version_of

    data = b"lora"
    version = version_of(twin, "nano", sha256=hashlib.sha256(data).hexdigest())
    store(twin.user_id).write(version.lora, data)
    if credits:
        ledger.grant(ledger.wallet_of(twin.user), credits, cause="test:credits")
    return twin
