"""Signs files made or edited here with a C2PA manifest."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ml.errors import MLError
from ml.provenance.certificates import GENERATOR, open_folder

SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = SOURCES + "trainedAlgorithmicMedia"
EDITED = SOURCES + "compositeWithTrainedAlgorithmicMedia"
MARK = "com.photoflux.watermark.2"  # names the algorithm of `watermark` in the C2PA soft binding

# Files must be signed and read without the network: a manifest may name an address to fetch.
OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False}


class Signer:
    """Signs files made here. `cert_pem` is the chain, leaf first; `key_pem` is the leaf's P-256 key."""

    def __init__(self, cert_pem: bytes, key_pem: bytes):
        self.certificates, self._key_pem = cert_pem, key_pem
        try:
            chain = x509.load_pem_x509_certificates(cert_pem)
            key = serialization.load_pem_private_key(key_pem, password=None)
            if key.public_key() != chain[0].public_key():
                raise ValueError("the key is not the certificate's")
            self._context().close()
        except (ValueError, c2pa.C2paError) as error:
            raise MLError("bad_certificate", "The signing certificate or its key cannot be used.") from error

    def _context(self) -> c2pa.Context:
        """Created for each file (under 1 ms): c2pa's objects do not survive a fork, and workers fork."""
        info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, self.certificates, self._key_pem, None)
        settings = {"builder": {"thumbnail": {"enabled": False}}, "verify": OFFLINE}
        return c2pa.Context.from_dict(settings, signer=c2pa.Signer.from_info(info))

    @classmethod
    def open(cls, folder: Path) -> Signer:
        """The signer in `folder`; the first call creates it. See `certificates`."""
        return cls(*open_folder(folder))

    def sign(
        self,
        data: bytes,
        mime: str,
        *,
        engine: str,
        ident: int,
        created: datetime,
        parent: bytes | None = None,
    ) -> bytes:
        """`data` (image/png, image/jpeg, image/webp or video/mp4) with a manifest of about 3.5 KB.

        `engine` is its public name ("nano"), `ident` the watermark's number (0..2^32-1), `created` an aware
        time. The manifest has no prompt and no user. With a `parent`, the file that was edited, `data` counts
        as edited, else as generated. The parent's own manifest comes along, so the parent must be signed here
        or without metadata. Raises MLError("unsignable") for bytes of another type.
        """
        out = io.BytesIO()
        manifest = _manifest(mime, _actions(engine, created, parent is not None), ident)
        try:
            with self._context() as context, c2pa.Builder(manifest, context) as builder:
                if parent is not None:
                    _add_parent(builder, parent)
                builder.sign(mime, io.BytesIO(data), out)
        except c2pa.C2paError as error:
            raise _unsignable() from error
        return out.getvalue()


def _unsignable() -> MLError:
    return MLError("unsignable", "This file cannot be signed: it is damaged or of another type.")


def _add_parent(builder: c2pa.Builder, parent: bytes) -> None:
    mime = mime_of(parent)
    if mime is None:
        raise _unsignable()
    source = {"title": "source", "relationship": "parentOf", "label": "source"}
    builder.add_ingredient(source, mime, io.BytesIO(parent))


def _actions(engine: str, created: datetime, edited: bool) -> list[dict[str, Any]]:
    made = {
        "action": "c2pa.edited" if edited else "c2pa.created",
        "when": created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "digitalSourceType": EDITED if edited else GENERATED,
        "softwareAgent": {"name": engine},
    }
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["source"]}}
    return [opened, made] if edited else [made]


def _manifest(mime: str, actions: list[dict[str, Any]], ident: int) -> dict[str, Any]:
    binding = {"alg": MARK, "blocks": [{"scope": {}, "value": f"{ident:08x}"}]}
    return {
        "claim_generator_info": [{"name": GENERATOR}],
        "format": mime,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": "c2pa.soft-binding", "data": binding},
        ],
    }


def mime_of(data: bytes) -> str | None:
    """The type by the first bytes, of those that `Signer.sign` writes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return "video/mp4" if data[4:8] == b"ftyp" else None
