"""A passkey in software: what a phone answers to a browser."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class Phone:
    def __init__(self, host: str = "testserver") -> None:
        self.key, self.ident = ec.generate_private_key(ec.SECP256R1()), b"a credential of the tests"
        self.host = hashlib.sha256(host.encode()).digest()

    def add_to(self, user: Any) -> Authenticator:
        """As if the user had added it."""
        held = AttestedCredentialData.create(
            b"\0" * 16, self.ident, ES256.from_cryptography_key(self.key.public_key())
        )
        data = AuthenticatorData.create(self.host, PRESENT | VERIFIED | ATTESTED, 0, held)
        made = {"clientDataJSON": self._said("webauthn.create", "AA", "https://testserver")}
        made["attestationObject"] = bytes(AttestationObject.create("none", data, {}))
        facts = {"name": "phone", "credential": self._credential({n: text(v) for n, v in made.items()})}
        return Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=facts)

    def answer(self, options: dict[str, Any], origin: str = "https://testserver") -> dict[str, Any]:
        """To the options of `POST /me/passkey`."""
        said = self._said("webauthn.get", options["publicKey"]["challenge"], origin)
        data = bytes(AuthenticatorData.create(self.host, PRESENT | VERIFIED, 1))
        signed = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"clientDataJSON": said, "authenticatorData": data, "signature": signed}
        return self._credential({name: text(value) for name, value in parts.items()})

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        return {
            **{"id": text(self.ident), "rawId": text(self.ident), "type": "public-key"},
            **{"response": response, "clientExtensionResults": {}},
        }

    def _said(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin}).encode()
