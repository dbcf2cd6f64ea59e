"""Admin lists can be filtered only by the columns that they offer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin, site
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.test import Client, RequestFactory

from accounts.models import User
from config.web.admin import ClosedAdmin
from tests.plugin import Share
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
LOOKUPS = ("__startswith", "", "__exact", "__icontains", "__regex")  # by default the first
ADMINS = sorted(site._registry.values(), key=str)


def paths(model: Any, depth: int = 2) -> Iterator[str]:
    """Every column of the model and of its related models, in both directions."""
    for field in model._meta.get_fields():
        yield field.name
        if field.is_relation and field.related_model and depth > 1:
            yield from (f"{field.name}__{path}" for path in paths(field.related_model, depth - 1))


def offered(page: ModelAdmin[Any]) -> set[str]:
    """The exact lookup of each column in list_filter; for a relation, of the related key."""
    names = set()
    for name in map(str, page.list_filter):
        field: Any = page.model._meta.get_field(name)
        names |= {name, f"{name}__exact"} | (
            {f"{name}__{field.target_field.name}__exact"} if field.is_relation else set()
        )
    return names


def filters(page: ModelAdmin[Any], lookup: str) -> bool:
    request = RequestFactory().get("/", {lookup: "1"})
    request.user = User(is_staff=True, is_superuser=True)
    try:
        page.get_changelist_instance(request)
    except DisallowedModelAdminLookup:
        return False
    return True


@pytest.mark.parametrize("page", ADMINS, ids=str)
def test_no_list_can_be_filtered_by_a_column_that_it_does_not_offer(
    page: ModelAdmin[Any], share: Share
) -> None:
    lookups = LOOKUPS[: share.number(len(LOOKUPS), 1)]
    asked = {f"{path}{lookup}" for path in paths(page.model) for lookup in lookups}
    assert len(asked) >= 2 * len(lookups)
    assert {name for name in asked - offered(page) if filters(page, name)} == set()


@pytest.mark.parametrize("page", ADMINS, ids=str)
def test_every_page_of_the_admin_has_closed_lookups(page: ModelAdmin[Any]) -> None:
    assert isinstance(page, ClosedAdmin)


@pytest.fixture
def looker() -> Client:
    return logged_in(staff_with("accounts.view_user", "generation.view_job", "twins.view_training"))


@pytest.mark.parametrize(
    "address",
    [
        "accounts/user/?password__startswith=pbkdf2",
        "generation/job/?prompt__icontains=secret",
        "generation/job/?user__password__startswith=a",
        "twins/training/?twin__jobs__prompt__regex=a",
        "accounts/user/?authenticator__data__icontains=a",
    ],
)
def test_what_no_page_shows_cannot_be_guessed_letter_by_letter(looker: Client, address: str) -> None:
    assert looker.get(f"/admin/{address}").status_code == 400


@pytest.mark.parametrize(
    "address", ["accounts/user/?is_active__exact=1", "generation/job/?status__exact=failed"]
)
def test_what_a_list_offers_still_filters(looker: Client, address: str) -> None:
    assert looker.get(f"/admin/{address}").status_code == 200


@pytest.mark.parametrize("page", ADMINS, ids=str)
def test_every_link_of_a_filter_works(page: ModelAdmin[Any]) -> None:
    request = RequestFactory().get("/")
    request.user = User(is_staff=True, is_superuser=True)
    specs = page.get_changelist_instance(request).filter_specs
    used = {name for spec in specs for name in spec.expected_parameters()}
    assert {name for name in used if not page.lookup_allowed(name, "1", request)} == set()


@pytest.mark.parametrize("page", ADMINS, ids=str)
def test_a_search_finds_parts_of_what_a_list_shows_and_only_the_whole_of_anything_else(
    page: ModelAdmin[Any],
) -> None:
    assert {name for name in page.search_fields if name[0] != "="} <= set(map(str, page.list_display))


@pytest.mark.parametrize("page", ADMINS, ids=str)
def test_a_popup_hands_out_no_column_but_the_key(page: ModelAdmin[Any]) -> None:
    request = RequestFactory().get("/")
    names = {field.name for field in page.model._meta.concrete_fields if not field.primary_key}
    assert {name for name in names if page.to_field_allowed(request, name)} == set()


@pytest.mark.parametrize("page", ADMINS, ids=str)
def test_no_list_is_sorted_by_a_column_that_it_does_not_show(page: ModelAdmin[Any]) -> None:
    for number in range(1, len(page.list_display) + 3):
        request = RequestFactory().get("/", {"o": str(number)})
        request.user = User(is_staff=True, is_superuser=True)
        changes = page.get_changelist_instance(request)
        chosen = changes.get_ordering(request, changes.root_queryset)[0]
        columns = {changes.get_ordering_field(name) for name in page.list_display}
        usual = {name.lstrip("-") for name in changes._get_default_ordering()}
        assert str(chosen).lstrip("-") in columns | usual | {"pk", "id"}


def test_an_address_is_not_guessed_letter_by_letter_where_no_list_shows_it(
    looker: Client, trained: Any
) -> None:
    from generation.services import request_images

    job = request_images(trained.user, twin=trained, prompt="in a park")
    for q, found in (("alice@", False), ("alice@example.com", True)):
        assert (str(job.id) in looker.get("/admin/generation/job/", {"q": q}).content.decode()) is found
