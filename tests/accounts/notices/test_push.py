"""Web push: the standards' vectors, a service that decrypts, browsers that come, go and change hands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from accounts.notices import preferences, push, subscriptions, tasks, webpush
from accounts.notices.models import Notice, PushSubscription
from accounts.notices.services import mark_read
from tests.accounts.notices.push_service import AUTH, PushService, decrypt

pytestmark = pytest.mark.django_db
API = "/api/v1/push-subscriptions"
Tell = Callable[..., Notice]
# RFC 8291, appendix A.
VECTOR = {
    "text": "When I grow up, I want to be a watermelon",
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "ours": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
    "theirs": "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
    "salt": "DGv6ra1nlYgDCS1FRnbzlw",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "body": "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
    "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
}


def scalar(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(webpush.decode(text), "big"), webpush.CURVE)


def test_the_vector_of_the_standard() -> None:
    keys = {"p256dh": VECTOR["p256dh"], "auth": VECTOR["auth"]}
    options: dict[str, Any] = {"ours": scalar(VECTOR["ours"]), "salt": webpush.decode(VECTOR["salt"])}
    body = webpush.encrypt(VECTOR["text"].encode(), **keys, **options)
    assert webpush.encode(body) == VECTOR["body"]
    assert decrypt(body, scalar(VECTOR["theirs"]), webpush.decode(VECTOR["auth"])) == VECTOR["text"].encode()


def test_the_longest_text_fits_and_one_byte_more_is_refused() -> None:
    theirs = ec.generate_private_key(webpush.CURVE)
    keys = {"p256dh": webpush.encode(webpush.point(theirs.public_key())), "auth": webpush.encode(AUTH)}
    body = webpush.encrypt(b"x" * webpush.MOST, **keys)
    assert len(body) <= webpush.RECORD
    assert decrypt(body, theirs, AUTH) == b"x" * webpush.MOST
    with pytest.raises(webpush.TooLong):
        webpush.encrypt(b"x" * (webpush.MOST + 1), **keys)


@pytest.fixture
def subscribed(as_alice: Any, service: PushService) -> PushSubscription:
    assert as_alice.post(API, service.subscribe(), format="json").status_code == 201
    return PushSubscription.objects.get()


def test_a_notice_reaches_a_browser_encrypted_and_tells_nothing_private(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, work: Any
) -> None:
    alice.language = "es"
    alice.save()
    notice = tell(alice)
    assert work() == 1
    ((path, headers, said),) = service.received
    assert path == "/one"
    assert said == {"title": "Tu descarga está lista.", "tag": notice.id.hex, "notice": str(notice.id)}
    assert headers["Topic"] == notice.id.hex
    tasks.push_notice(str(notice.id))
    assert len(service.received) == 1


def test_pictures_replace_each_other_on_the_screen(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, work: Any
) -> None:
    for _ in range(2):
        tell(alice, "image_done", made=1, missing=0, back=0)
    work()
    assert [said["tag"] for _path, _headers, said in service.received] == ["image_done"] * 2


def test_a_lost_wake_up_is_made_good(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, wake_ups: list[Any], work: Any
) -> None:
    tell(alice)
    wake_ups.clear()
    tasks.send_notices()
    work()
    assert len(service.received) == 1


def test_what_is_read_or_unwanted_meanwhile_is_not_sent(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, work: Any
) -> None:
    mark_read(alice, ids=[tell(alice).id])
    tell(alice)
    preferences.change(alice, {"export": {"push": False}})
    work()
    assert service.received == []
    assert tell(alice).push_at is None


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, work: Any, status: int
) -> None:
    service.answer = [(status, {})]
    tell(alice)
    work()
    assert not PushSubscription.objects.exists()


def test_a_busy_service_is_tried_again_when_it_says_so(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, work: Any, later: Callable[..., None]
) -> None:
    service.answer = [(429, {"Retry-After": "120"}), (503, {})]
    notice = tell(alice)
    work()
    for seconds in (119, 1, 60):  # until the first try, then the second
        tasks.send_notices()
        work()
        assert service.received == []
        later(seconds=seconds)
    tasks.send_notices()
    work()
    assert [said["notice"] for _path, _headers, said in service.received] == [str(notice.id)]


def test_a_service_that_cannot_be_reached_is_given_up_after_an_hour(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, work: Any, later: Callable[..., None]
) -> None:
    service.stop()
    tell(alice)
    work()
    assert Notice.objects.get().push_at is not None
    later(hours=2)
    tasks.send_notices()
    work()
    assert Notice.objects.get().push_at is None


def test_a_key_that_the_service_refuses_loses_nothing(
    alice: Any, subscribed: Any, service: PushService, tell: Tell, work: Any
) -> None:
    service.key = "another"
    tell(alice)
    work()
    assert PushSubscription.objects.count() == 1
    assert Notice.objects.get().push_at is None


# ---------------------------------------------------------------- subscriptions


def test_a_browser_subscribes_once_and_leaves(as_alice: Any, as_bob: Any, service: PushService) -> None:
    for _ in range(2):
        answer = as_alice.post(
            API, service.subscribe(), format="json", headers={"User-Agent": "Firefox/1 X11"}
        )
        assert (answer.status_code, answer.json()["device"]) == (201, "Firefox on Linux")
    found = as_alice.get(API).json()
    assert (found["key"], len(found["results"])) == (subscriptions.key(), 1)
    assert as_bob.get(API).json()["results"] == []
    endpoint = {"endpoint": service.subscribe()["endpoint"]}
    assert as_bob.delete(API, endpoint, format="json").status_code == 404
    assert [as_alice.delete(API, endpoint, format="json").status_code for _ in range(2)] == [204, 404]


def test_a_browser_is_whose_who_logged_in_last(
    alice: Any, bob: Any, as_alice: Any, as_bob: Any, service: PushService
) -> None:
    as_alice.post(API, service.subscribe(), format="json")
    stolen = service.subscribe() | {"keys": service.subscribe("other")["keys"]}
    refused = as_bob.post(API, stolen, format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["endpoint"])
    assert PushSubscription.objects.get().user == alice
    assert as_bob.post(API, service.subscribe(), format="json").status_code == 201
    assert PushSubscription.objects.get().user == bob


def test_the_oldest_browser_makes_room(as_alice: Any, service: PushService, settings: Any) -> None:
    settings.RATELIMIT_ENABLE = False
    for i in range(subscriptions.MOST + 2):
        as_alice.post(API, service.subscribe(f"b{i}"), format="json")
    found = PushSubscription.objects.values_list("endpoint", flat=True)
    assert [e.rpartition("/")[2] for e in found] == [f"b{i}" for i in range(2, subscriptions.MOST + 2)]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://evil.example/fcm.googleapis.com",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilpush.apple.com/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest",
        "https://localhost/x",
        "file:///etc/passwd",
        "https://fcm.googleapis.com\\@evil.example/",
        "x",
        "https://",
        "https://[",
    ],
)
def test_only_push_services_are_sent_to(as_alice: Any, service: PushService, endpoint: str) -> None:
    answer = as_alice.post(API, service.subscribe() | {"endpoint": endpoint}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "push_service_unknown")
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/x",
        "https://updates.push.services.mozilla.com/wpush/v2/x",
        "https://web.push.apple.com/x",
        "https://wns2-by3p.notify.windows.com/w/?token=x",
    ],
)
def test_the_services_of_browsers_are_known(endpoint: str) -> None:
    assert push.is_known(endpoint)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_service_whose_name_leads_to_a_private_address_gets_no_connection(
    alice: Any, service: PushService, tell: Tell, work: Any, settings: Any, name: str
) -> None:
    settings.PUSH_SERVICES = [name]
    PushSubscription.objects.create(user=alice, endpoint=f"https://{name}/one", **service.subscribe()["keys"])
    with pytest.raises(push.Private):
        list(push._targets(f"https://{name}/one"))
    tell(alice)
    work()
    assert service.received == []
    assert Notice.objects.get().push_at is None


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"p256dh": "x", "auth": "BTBZMqHH6r4Tts7J_aSIgg"}, "p256dh"),
        ({"p256dh": webpush.encode(b"\4" + b"\1" * 64), "auth": "BTBZMqHH6r4Tts7J_aSIgg"}, "p256dh"),
        ({"p256dh": VECTOR["p256dh"], "auth": "short"}, "auth"),
        ({"p256dh": VECTOR["p256dh"], "auth": "???"}, "auth"),
        ({"auth": "BTBZMqHH6r4Tts7J_aSIgg"}, "keys.p256dh"),
        ("x", "keys.non_field_errors"),
    ],
)
def test_keys_that_are_none_are_refused(as_alice: Any, service: PushService, keys: Any, wrong: str) -> None:
    answer = as_alice.post(API, service.subscribe() | {"keys": keys}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [wrong])


def test_without_a_key_push_is_off(
    as_alice: Any, client: Any, alice: Any, service: Any, settings: Any
) -> None:
    settings.VAPID_PRIVATE_KEY = ""
    answer = as_alice.post(API, service.subscribe(), format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "push_off")
    assert as_alice.get(API).json() == {"key": "", "results": []}
    client.force_login(alice)
    assert "sends no push messages" in client.get("/account/notices/preferences/").content.decode()


def test_a_browser_is_removed_on_the_page(client: Any, alice: Any, bob: Any, subscribed: Any) -> None:
    where = f"/account/notices/browsers/{subscribed.id}/"
    client.force_login(bob)
    assert client.post(where).status_code == 404
    client.force_login(alice)
    assert str(subscribed.id) in client.get("/account/notices/preferences/").content.decode()
    assert client.post(where).status_code == 302
    assert not PushSubscription.objects.exists()


def test_a_message_is_json_of_a_title_and_a_link(alice: Any, tell: Tell) -> None:
    message = push.Message.of(tell(alice))
    assert set(json.loads(message.text)) == {"title", "tag", "notice"}
    assert len(message.topic) <= 32
