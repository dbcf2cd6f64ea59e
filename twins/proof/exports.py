"""This room's part of a user's archive: selfies, proofs and links. Nothing tells of somebody else's face."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import json_member, row, rows
from config.registry import Member
from twins.models import Twin
from twins.proof.models import Challenge, Invitation, PhoneLink, Proof, Selfie

SECRET = ("token_hash", "withdrawal_hashes", "session")
FACE = ("embedding", "measures", "prints", "likeness")  # of a person who is not the owner


def proofs(user: Any) -> Iterator[Member]:
    for twin in Twin.objects.owned_by(user).iterator():
        hidden = FACE if twin.of_other else ()
        found = {
            "challenges": rows(Challenge.objects.filter(twin=twin), without=SECRET),
            "selfies": rows(Selfie.objects.filter(twin=twin), without=hidden),
            "proofs": [_proof(proof, hidden) for proof in Proof.objects.filter(twin=twin)],
            "consent_links": rows(Invitation.objects.filter(twin=twin), without=SECRET),
            "phone_links": rows(PhoneLink.objects.filter(twin=twin), without=SECRET),
        }
        if any(found.values()):
            about = _("The live selfies for this twin: when, their verdicts, and the proofs made of them.")
            yield json_member(f"twins/{str(twin.id)[:8]}/verification.json", found, about)


def _proof(proof: Proof, hidden: tuple[str, ...]) -> dict[str, Any]:
    photos = [str(ident) for ident in proof.photos.values_list("id", flat=True)]
    return row(proof, without=hidden) | {"photos": photos}
