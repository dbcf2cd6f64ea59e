"""API keys: made, used, replaced, ended; by the API and on the page."""

from __future__ import annotations

import re
import subprocess
import threading
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.archive import members
from accounts.developers import services
from accounts.developers.models import ApiKey
from accounts.models import Export
from accounts.tasks import retain
from config.start.limits import Limit
from tests.conftest import client_of, person

pytestmark = pytest.mark.django_db
KEYS, ME, PAGE = "/api/v1/api-keys", "/api/v1/me", "/account/developers/"
PROOF = {"password": "a long password"}
FORM = {"name": "Phone", "scopes": ["read"], **PROOF}


def called(key: str, where: str = ME, scheme: str = "Api-Key") -> Any:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {key}")
    return client.get(where)


def made(user: Any, name: str = "Phone", *scopes: str) -> tuple[ApiKey, str]:
    return services.create_key(user, name=name, scopes=scopes or ["read"])


def test_a_key_is_shown_once_and_works(as_alice: Any, alice: Any) -> None:
    answer = as_alice.post(KEYS, FORM, format="json")
    key = answer.json()["key"]
    assert (answer.status_code, answer.json()["scopes"]) == (201, ["read"])
    assert key.startswith(answer.json()["prefix"] + "_")
    assert called(key).json()["email"] == "alice@example.com"
    listed = as_alice.get(KEYS).json()["results"]
    assert [each["name"] for each in listed] == ["Phone"]
    assert key.split("_", 2)[2] not in str(listed)
    row = ApiKey.objects.get()
    assert key.split("_", 2)[2] not in str(vars(row))


@pytest.mark.parametrize(
    "change, code",
    [
        ({"name": ""}, "invalid"),
        ({"name": "x" * 81}, "invalid"),
        ({"name": "\u200b"}, "invalid"),
        ({"scopes": []}, "invalid"),
        ({"scopes": ["admin"]}, "invalid"),
        ({"scopes": "read"}, "invalid"),
        ({"password": "wrong"}, "invalid"),
        ({"password": ""}, "invalid"),
    ],
)
def test_a_bad_form_makes_no_key(as_alice: Any, change: dict[str, Any], code: str) -> None:
    answer = as_alice.post(KEYS, FORM | change, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not ApiKey.objects.exists()


def test_without_the_password_no_key_is_made_or_replaced(as_alice: Any, alice: Any) -> None:
    row, _key = made(alice)
    for where, form in ((KEYS, {"name": "x", "scopes": ["read"]}), (f"{KEYS}/{row.id}/rotate", {})):
        answer = as_alice.post(where, form, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert ApiKey.objects.get().ends_at is None


def test_a_name_is_used_once_and_the_same_scope_counts_once(as_alice: Any) -> None:
    assert as_alice.post(KEYS, FORM | {"scopes": ["read", "read"]}, format="json").json()["scopes"] == [
        "read"
    ]
    assert "name" in as_alice.post(KEYS, FORM, format="json").json()["errors"]


def test_there_are_at_most_ten(as_alice: Any, alice: Any) -> None:
    for n in range(services.MOST):
        made(alice, f"key {n}")
    answer = as_alice.post(KEYS, FORM, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "key_limit")
    services.end_key(ApiKey.objects.get(name="key 3"))
    assert as_alice.post(KEYS, FORM, format="json").status_code == 201


def test_two_are_alive_while_a_key_is_replaced(as_alice: Any, alice: Any) -> None:
    row, old = made(alice, "Phone", "read", "train")
    answer = as_alice.post(f"{KEYS}/{row.id}/rotate", PROOF, format="json").json()
    assert (answer["name"], answer["scopes"]) == ("Phone", ["read", "train"])
    assert [called(key).status_code for key in (old, answer["key"])] == [200, 200]
    for ident in (row.id, answer["id"]):  # neither of them again
        again = as_alice.post(f"{KEYS}/{ident}/rotate", PROOF, format="json")
        assert (again.status_code, again.json()["code"]) == (409, "key_replaced")
    ApiKey.objects.filter(id=row.id).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert [called(key).status_code for key in (old, answer["key"])] == [401, 200]
    assert as_alice.post(f"{KEYS}/{row.id}/rotate", PROOF, format="json").status_code == 404
    retain()
    assert [str(each.id) for each in ApiKey.objects.all()] == [answer["id"]]


def test_the_former_key_can_be_ended_before_its_time(as_alice: Any, alice: Any) -> None:
    row, old = made(alice)
    services.rotate_key(row)
    assert as_alice.delete(f"{KEYS}/{row.id}").status_code == 204
    assert called(old).status_code == 401
    services.rotate_key(ApiKey.objects.get())


def test_an_ended_key_is_refused_at_once_and_ends_once(as_alice: Any, alice: Any) -> None:
    row, key = made(alice)
    assert [as_alice.delete(f"{KEYS}/{row.id}").status_code for _ in range(2)] == [204, 404]
    assert (called(key).status_code, called(key).json()["code"]) == (401, "not_authenticated")


def test_a_strangers_key_is_not_found(as_bob: Any, alice: Any) -> None:
    row, key = made(alice)
    assert as_bob.delete(f"{KEYS}/{row.id}").status_code == 404
    assert as_bob.post(f"{KEYS}/{row.id}/rotate", PROOF, format="json").status_code == 404
    assert as_bob.get(KEYS).json()["results"] == []
    assert called(key).status_code == 200


def test_a_suspended_account_has_no_keys(alice: Any) -> None:
    _row, key = made(alice)
    alice.is_active = False
    alice.save()
    assert called(key).status_code == 401


@pytest.mark.parametrize(
    "wrong", ["", "pf_", "pf_x_y", "x" * 5000, "é", "pf_000000000000_" + "A" * 43, "a b"]
)
def test_what_is_no_key_is_refused(alice: Any, wrong: str) -> None:
    answer = called(wrong)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_one_wrong_letter_is_a_wrong_key(alice: Any) -> None:
    _row, key = made(alice)
    other = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert [called(each).status_code for each in (other, key[:-1], f"{key}A")] == [401] * 3
    assert called(key, scheme="API-KEY").status_code == 200
    assert called(key, scheme="Bearer").status_code == 401


def test_the_last_use_is_written_once_a_minute(alice: Any, django_assert_num_queries: Any) -> None:
    row, key = made(alice)
    called(key)
    row.refresh_from_db()
    assert row.last_used_at is not None
    first = row.last_used_at
    called(key)
    row.refresh_from_db()
    assert row.last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    called(key)
    row.refresh_from_db()
    assert row.last_used_at > first


def test_each_key_has_a_limit_of_its_own(alice: Any, settings: Any) -> None:
    settings.LIMITS = {**settings.LIMITS, "api-key": Limit("calls", key="3/h")}
    _row, one = made(alice, "one")
    _row, other = made(alice, "other")
    assert [called(one).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = called(one)
    assert refused.json()["code"] == "rate_limited"
    assert int(refused["Retry-After"]) > 0
    assert called(other).status_code == 200


def test_the_archive_and_the_erasure(alice: Any) -> None:
    row, key = made(alice, "Phone")
    found = {m.path: b"".join(m.chunks or []) for m in members(Export(user=alice, scope="everything"))}
    text = found["account/api-keys.json"].decode()
    assert "Phone" in text
    assert row.digest not in text + "".join(map(str, found.values()))


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_once_ten_make_keys() -> None:
    user, refused = person("carol@example.com"), []

    def make(n: int) -> None:
        try:
            made(user, f"key {n}")
        except services.KeyLimit as e:
            refused.append(e)
        finally:
            connection.close()

    threads = [threading.Thread(target=make, args=(n,)) for n in range(14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ApiKey.objects.count(), len(refused)) == (services.MOST, 4)


# ---------------------------------------------------------------- the page


def posted(client: Any, where: str = PAGE, **form: Any) -> Any:
    return client.post(where, {"name": "Phone", "scopes": ["read"], "proof": PROOF["password"]} | form)


def test_a_key_is_made_replaced_and_ended_on_the_page(client: Any, alice: Any) -> None:
    client.force_login(alice)
    answer = posted(client)
    key = re.findall(r"pf_[0-9a-f]{12}_[\w-]{43}", answer.text)[0]
    assert called(key).status_code == 200
    row = ApiKey.objects.get()
    page = client.get(PAGE).text
    assert row.shown in page
    assert key not in page
    new = re.findall(r"pf_[0-9a-f]{12}_[\w-]{43}", posted(client, f"{PAGE}keys/{row.id}/rotate/").text)[0]
    assert new != key
    assert client.post(f"{PAGE}keys/{row.id}/end/")["Location"] == PAGE
    assert [called(each).status_code for each in (key, new)] == [401, 200]


def test_a_refused_form_keeps_what_was_typed(client: Any, alice: Any) -> None:
    client.force_login(alice)
    answer = posted(client, name="My phone", scopes=["train"], proof="wrong")
    assert answer.status_code == 422
    assert 'value="My phone"' in answer.text
    assert 'value="train" checked' in answer.text
    assert "This is not right" in answer.text
    assert posted(client, scopes=[]).status_code == 422
    row, _key = made(alice)
    assert posted(client, f"{PAGE}keys/{row.id}/rotate/", proof="wrong").status_code == 422
    assert ApiKey.objects.get().ends_at is None


@pytest.mark.parametrize("scope, where", [("read", "me"), ("billing.read", "billing")])
@pytest.mark.django_db(transaction=True)
def test_the_curl_line_works(client: Any, live_server: Any, settings: Any, scope: str, where: str) -> None:
    settings.ORIGIN = live_server.url
    alice = person("alice@example.com")
    client.force_login(alice)
    line = unescape(re.findall(r">(curl [^<]+)<", posted(client, scopes=[scope]).text)[0])
    assert line.endswith(f"/api/v1/{where}")
    said = subprocess.run(f"{line} -s", shell=True, capture_output=True, text=True, check=True).stdout
    assert client_of(alice).get(f"/api/v1/{where}").content.decode() == said


def test_a_key_that_cannot_look_is_shown_with_its_header(client: Any, alice: Any) -> None:
    client.force_login(alice)
    text = posted(client, scopes=["generate"]).text
    assert "Authorization: Api-Key pf_" in text
    assert "curl" not in text
