"""What people type has one normal form, in every field of a form, of the API and of the admin."""

from __future__ import annotations

import unicodedata
from importlib import import_module
from typing import Any

import pytest
from django import forms
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.db import models
from django.test import Client, RequestFactory
from rest_framework import serializers

from accounts.models import User
from config.web import text
from config.web.admin import ClosedAdmin

CAFE = "Café"  # one code point for é
APART = unicodedata.normalize("NFD", CAFE)
APPS = ("accounts", "billing", "moderation", "twins", "gallery", "generation", "support")
UNSEEN = {
    "zero-width": "A\u200bna",
    "only zero-width": "\u200b\u2060",
    "only spaces": " \u2003\u00a0",
    "no mark under nothing": "\u0301",
    "turned": "Ana \u202etxt.exe",
    "isolate": "\u2066Ana",
    "control": "A\x07na",
    "line": "Ana\nBeth",
    "soft hyphen": "A\u00adna",
    "filler": "\u3164",
    "byte order mark": "\ufeffAna",
    "joiner at the end": "Ana\u200d",
    "joiners in a row": "A\u200c\u200cna",
    "nothing": "\u2800",
    "tag": "Ana\U000e0041",
}
SEEN = [
    "Ana",
    CAFE,
    "李雷",
    "👩\u200d🦰",
    "می\u200cخواهم",
    "O'Brien-Smith",
    "🏳\ufe0f\u200d🌈",
    "א",
    "1",
    "…",
    "ᄀ",
]


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN)
def test_a_name_that_hides_something_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        text.FormName().clean(name)
    with pytest.raises(serializers.ValidationError):
        text.NameField().run_validation(name)


@pytest.mark.parametrize("name", SEEN)
def test_a_name_that_shows_itself_is_kept(name: str) -> None:
    assert text.FormName().clean(name) == text.NameField().run_validation(name) == text.nfc(name)


def test_a_text_keeps_its_lines_and_nothing_that_controls() -> None:
    assert text.TextField().run_validation("a\nb\tc") == "a\nb\tc"
    for field in (text.TextField().run_validation, text.FormText().clean):
        assert field(APART) == CAFE
        for bad in ("a\0b", "a\x1bb", "\ud800"):
            with pytest.raises((ValidationError, serializers.ValidationError)):
                field(bad)


@pytest.mark.parametrize(
    "typed, form",
    [
        (" Ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("ana@bu\u0308cher。example", "ana@xn--bcher-kva.example"),
        ("ana@EXAMPLE.com", "ana@example.com"),
        ("ana@i❤.example", "ana@xn--i-7iq.example"),
        ("ana@xn--i-7iq.example", "ana@xn--i-7iq.example"),
        ("ana@a_b.example", "ana@a_b.example"),
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_an_address_has_one_form(typed: str, form: str) -> None:
    assert text.address(typed) == form
    assert text.address(form) == form


# ---------------------------------------------------------------- every field


def classes(base: type[Any], modules: tuple[str, ...]) -> list[type[Any]]:
    found, waiting = [], [base]
    while waiting:
        waiting += (below := waiting.pop().__subclasses__())
        found += [kind for kind in below if kind.__module__.split(".")[0] in modules]
    return found


def parts(field: Any) -> list[Any]:
    """The field and the fields inside it."""
    inside = [getattr(field, "child", None), *getattr(field, "fields", {}).values()]
    return [field, *(part for each in inside if each is not None for part in parts(each))]


def test_every_text_field_of_the_api_has_the_normal_form() -> None:
    for app in APPS:
        for module in ("api", "serializers", "search"):
            try:
                import_module(f"{app}.{module}")
            except ModuleNotFoundError:
                continue
    forms_ = [
        k for k in classes(serializers.Serializer, APPS) if k.__name__.endswith(("Form", "Filters", "Me"))
    ]
    fields = [(kind, part) for kind in forms_ for part in parts(kind()) if not part.read_only]
    texts = [(k, part) for k, part in fields if type(part) in (serializers.CharField, serializers.EmailField)]
    assert len(fields) > 60
    assert texts == []


def test_every_text_field_of_a_form_has_the_normal_form() -> None:
    import_module("config.urls")
    plain = [
        (kind, name)
        for kind in classes(forms.BaseForm, APPS)
        for name, field in kind.base_fields.items()
        if type(field) is forms.CharField
    ]
    assert plain == []


def test_every_text_field_of_the_admin_has_the_normal_form() -> None:
    request, seen = RequestFactory().get("/"), 0
    request.user = User(is_staff=True, is_superuser=True)
    for model, page in site._registry.items():
        assert isinstance(page, ClosedAdmin)
        for column in model._meta.fields:
            if type(column) in (models.CharField, models.TextField) and not column.choices:
                field = page.formfield_for_dbfield(column, request)
                assert field is None or isinstance(field, text.FormText), column
                seen += 1
    assert seen > 20


# ---------------------------------------------------------------- the way in


@pytest.mark.django_db
def test_a_password_logs_in_however_it_was_composed(client: Client) -> None:
    user = User.objects.create_user("ana@example.com", f"{APART} au lait")
    for typed in (CAFE, APART):
        assert user.check_password(f"{typed} au lait")
    assert not user.check_password("Cafe au lait")


@pytest.mark.django_db
def test_a_password_that_was_kept_as_it_was_typed_still_logs_in() -> None:
    from django.contrib.auth.hashers import make_password

    user = User(email="ana@example.com", password=make_password(f"{APART} au lait"))
    assert user.check_password(f"{APART} au lait")
    assert not user.check_password(f"{CAFE} au lait")


@pytest.mark.django_db
def test_one_address_in_two_spellings_is_one_account_and_logs_in_in_both() -> None:
    spellings = ("ana@bücher.example", "ANA@xn--bcher-kva.example")
    User.objects.create_user(spellings[0], "a long password")
    for typed in spellings:
        client = Client()
        client.post("/accounts/login/", {"login": typed, "password": "a long password"})
        assert client.session.get("_auth_user_id"), typed
        Client().post("/accounts/signup/", {"email": typed, "password1": "another long password"})
    assert set(User.objects.exclude(email=None).values_list("email", flat=True)) == {
        "ana@xn--bcher-kva.example"
    }


@pytest.mark.django_db
def test_addresses_of_older_accounts_get_their_normal_form() -> None:
    from django.apps import apps

    user = User.objects.create_user("ana@example.com", "a long password")
    taken = User.objects.create_user("bob@bücher.example", "a long password")
    late = User.objects.create_user("late@example.com", "a long password")
    User.objects.filter(pk=user.pk).update(email="ana@bücher.example")
    User.objects.filter(pk=late.pk).update(email="bob@bücher.example")
    import_module("accounts.migrations.0006_address_form").normalise(apps, None)
    emails = dict(User.objects.values_list("pk", "email"))
    assert emails[user.pk] == "ana@xn--bcher-kva.example"
    assert emails[taken.pk] == "bob@xn--bcher-kva.example"
    assert emails[late.pk] == "bob@bücher.example"  # whose of the two it is, nobody knows
