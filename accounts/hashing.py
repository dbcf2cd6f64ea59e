"""Passwords are hashed by Argon2id (RFC 9106) at the costs that OWASP names: 19 MiB, two passes, one lane."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.crypto import get_random_string

COSTS: dict[str, Any] = {"length": 32, "iterations": 2, "lanes": 1, "memory_cost": 19 * 1024}  # KiB
SHAPE = "$argon2id$v=19$m=19456,t=2,p=1$"


class Argon2(BasePasswordHasher):
    """Stores what Django's own hasher of Argon2 stores, without a package of its own."""

    algorithm = "argon2"

    def salt(self) -> str:
        return get_random_string(22)

    def encode(self, password: str, salt: str) -> str:
        return (
            f"{self.algorithm}{Argon2id(salt=salt.encode(), **COSTS).derive_phc_encoded(password.encode())}"
        )

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, _variety, _version, params, salt, hash = encoded.split("$", 5)
        return {"algorithm": algorithm, "params": params, "salt": salt, "hash": hash}

    def verify(self, password: str, encoded: str) -> bool:
        try:
            Argon2id.verify_phc_encoded(password.encode(), encoded.removeprefix(self.algorithm))
        except InvalidKey:
            return False
        return True

    def must_update(self, encoded: str) -> bool:
        return not encoded.removeprefix(self.algorithm).startswith(SHAPE)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: the costs say how long it takes, and older ones took longer."""

    def safe_summary(self, encoded: str) -> dict[str, str]:
        found = self.decode(encoded)
        return {
            "algorithm": found["algorithm"],
            "salt": mask_hash(found["salt"]),
            "hash": mask_hash(found["hash"]),
        }
