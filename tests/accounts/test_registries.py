"""Every model that leads to a user is in the archive of the user's data, and is erased with the user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model

from config import registry

# Reviewed: models without an exporter, and why.
NOT_EXPORTED = {
    "accounts.DataKey": "the key to the files, whose plain bytes are in the archive",
    "accounts.Erasure": "it names the account only while the account is being erased",
    "account.EmailConfirmation": "the secret of a link in an e-mail",
    "admin.LogEntry": "in the archive as decisions: staff's own log is about other people",
    "socialaccount.SocialToken": "none is kept: SOCIALACCOUNT_STORE_TOKENS is off",
    "billing.WebhookEvent": "events of Stripe; their effects are in the invoices and subscriptions",
}
# Reviewed: models without an eraser, and why.
NOT_ERASED = {"accounts.Erasure": "erasure empties it itself"}
NUMBERS = {
    "account",
    "wallet",
    "customer",
    "owner",
    "user_id",
}  # columns that hold a user's id, no foreign key


def leading_to_a_user() -> Iterator[type[Any]]:
    """Models that lead to a user by foreign keys, directly or over other models, or by one of NUMBERS."""
    found: set[type[Any]] = {get_user_model()}
    models = [m for m in apps.get_models() if not m._meta.proxy]
    found |= {m for m in models if NUMBERS & {f.name for f in m._meta.concrete_fields if not f.is_relation}}
    while True:
        more = {m for m in models if m not in found and found & set(targets(m))}
        if not more:
            return iter(sorted(found, key=lambda m: m._meta.label))
        found |= more


def targets(model: type[Any]) -> Iterator[type[Any]]:
    """The models that its foreign keys refer to."""
    for field in model._meta.get_fields():
        if field.is_relation and field.concrete and field.related_model and not field.many_to_many:
            yield field.related_model


def spoken_for(model: type[Any], by: set[type[Any]], reviewed: dict[str, str]) -> bool:
    return model in by or model._meta.label in reviewed


def test_the_search_finds_the_models_that_lead_to_a_user() -> None:
    found = {m._meta.label for m in leading_to_a_user()}
    assert {
        "twins.Photo",
        "gallery.AlbumItem",
        "generation.Output",
        "billing.Invoice",
        "mfa.Authenticator",
    } <= found
    assert "billing.Price" not in found


@pytest.mark.parametrize("model", leading_to_a_user(), ids=lambda m: m._meta.label)
def test_every_model_that_leads_to_a_user_is_exported_and_erased(model: type[Any]) -> None:
    exported = {m for each in registry.exporters for m in each.models}
    erased = {m for each in registry.erasers for m in (*each.models, *each.keeps)}
    assert spoken_for(model, exported, NOT_EXPORTED), f"no exporter speaks for {model._meta.label}"
    assert spoken_for(model, erased, NOT_ERASED), f"no eraser speaks for {model._meta.label}"


def test_a_model_without_exporter_or_eraser_is_found() -> None:
    """An unknown model fails the test above."""
    assert not spoken_for(apps.get_model("contenttypes.ContentType"), set(), NOT_EXPORTED | NOT_ERASED)


def test_the_lists_of_exceptions_hold_no_other_models() -> None:
    found = {m._meta.label for m in leading_to_a_user()}
    assert found >= NOT_EXPORTED.keys() | NOT_ERASED.keys()


def test_the_look_ups_of_erasers_lead_to_a_user(db: None, alice: Any) -> None:
    for eraser in registry.erasers:
        for model, path in eraser.models.items():
            model._base_manager.filter(**{path: alice.pk}).exists()
