"""Whether this installation made a file: one answer for the page and the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings

from ml import provenance
from moderation import verdict_sentences


def verify_file(data: bytes) -> dict[str, Any]:
    """The verdict on any bytes, in the reader's language. The bytes are parsed in a child process and not
    kept."""
    certificates = provenance.known_certificates(settings.KEYS / "provenance")
    return tell(provenance.verify_apart(data, certificates=certificates))


def tell(found: provenance.Provenance) -> dict[str, Any]:
    """The mark's number stays here: it leads to a row."""
    sentences = verdict_sentences.REASONS
    known = {name: value for name, value in asdict(found).items() if name != "ident"}
    return known | {
        "reasons": [{"code": code, "sentence": str(sentences[code])} for code in found.reasons],
        "summary": provenance.summarise(str(verdict_sentences.VERDICTS[found.verdict]), found),
    }
