"""Where a file came from: a C2PA signature in the file (proof) and a watermark in its pixels (trace).

Sign last: re-saving removes the signature; the watermark mostly survives.
"""

from ml.provenance.certificates import known_certificates, make_chain, rotate
from ml.provenance.reading import verify, verify_apart
from ml.provenance.signing import Signer
from ml.provenance.verdict import REASONS, SENTENCES, Provenance, summarise

__all__ = [
    "REASONS",
    "SENTENCES",
    "Provenance",
    "Signer",
    "known_certificates",
    "make_chain",
    "rotate",
    "summarise",
    "verify",
    "verify_apart",
]
