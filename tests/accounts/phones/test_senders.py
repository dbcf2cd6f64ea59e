"""Twilio and Amazon SNS by their contracts: what is sent, what is refused, what is told later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from django.conf import settings as chosen
from moto import mock_aws
from moto.sns.models import sns_backends

from accounts.checks import codes_reach_phones
from accounts.phones import sending
from accounts.phones.models import PhoneCode
from accounts.phones.senders import SmsFailed, SmsUnsure, sns, twilio
from config.start import env, sms
from tests.accounts.phones import double
from tests.accounts.phones.conftest import AUTH, ES, asked

ORIGIN = "https://photoflux.example"


@pytest.fixture
def door(settings: Any) -> Iterator[double.Twilio]:
    with double.Twilio() as server:
        user = (double.ACCOUNT, double.TOKEN)
        settings.TWILIO = sms.Twilio(
            double.ACCOUNT, *user, "+15005550001", double.TOKEN, {"k1": "12345"}, server.url
        )
        settings.SMS_SENDER, settings.SECURE, settings.ORIGIN = "twilio", True, ORIGIN
        yield server


def last() -> PhoneCode:
    return PhoneCode.objects.latest("created_at")


@pytest.mark.django_db
@pytest.mark.parametrize("source", ["+15005550001", double.SERVICE])
def test_twilio_gets_the_code_and_where_to_tell_of_it(door: Any, settings: Any, source: str) -> None:
    settings.TWILIO = sms.Twilio(**{**settings.TWILIO.__dict__, "source": source})
    settings.SMS_MAX_PRICE = "0.10"
    asked()
    [form], row = door.sent, last()
    assert form["StatusCallback"] == f"{ORIGIN}/hooks/twilio/{row.reference}"
    assert (form["To"], form["ValidityPeriod"], form["MaxPrice"]) == (ES, "300", "0.10")
    assert str(row.id) not in str(form)  # the id that the code counts with is nobody else's business
    assert (row.state, row.message[:2]) == ("sent", "SM")


@pytest.mark.django_db
@pytest.mark.parametrize("end, code", [(end, str(row[1])) for end, row in double.SCENARIOS.items()])
def test_a_refused_message_is_told_and_the_email_offered(door: Any, client: Any, end: str, code: str) -> None:
    row = asked(f"+34612345{end}").json()
    told = client.get(f"{AUTH}/{row['id']}").json()
    assert (last().error, told["state"], told["offer_email"], door.sent) == (code, "failed", True, [])


@pytest.mark.django_db
@pytest.mark.parametrize("end", [double.HANG, double.BROKEN])
def test_a_lost_answer_sends_no_second_code(door: Any, monkeypatch: Any, end: str) -> None:
    monkeypatch.setattr(twilio, "TIMES", 0.2)
    asked(f"+34612345{end}")
    assert (last().state, last().error) == ("waiting", "")
    assert len(door.sent) == (end == double.HANG)


@pytest.mark.django_db
def test_a_wrong_password_or_nobody_there_fails_at_once(door: Any, settings: Any) -> None:
    us = settings.TWILIO.__dict__
    for changed, error in (({"password": "x"}, "20003"), ({"url": "http://127.0.0.1:9"}, "unreachable")):
        settings.TWILIO = sms.Twilio(**{**us, **changed})
        asked()
        assert (last().state, last().error) == ("failed", error)


def told(client: Any, status: str, error: str = "", **options: Any) -> int:
    path = f"/hooks/twilio/{last().reference}"
    form, signed = double.callback(options.pop("url", ORIGIN + path), status, error, **options)
    answer = client.post(path, form, headers={"X-Twilio-Signature": signed})
    return int(answer.status_code)


@pytest.mark.django_db
def test_callbacks_count_in_any_order_and_twice_and_never_go_back(door: Any, client: Any) -> None:
    asked()
    seen = []
    for status in ("queued", "delivered", "sent", "delivered", "undelivered"):
        assert told(client, status) == 204
        seen.append(last().state)
    assert seen == ["sent", "delivered", "delivered", "delivered", "delivered"]


@pytest.mark.django_db
def test_an_undelivered_message_offers_the_email(door: Any, client: Any) -> None:
    row = asked(client=client).json()
    assert told(client, "undelivered", "30003") == 204
    assert client.get(f"{AUTH}/{row['id']}").json()["offer_email"]
    assert last().error == "30003"


@pytest.mark.django_db
def test_what_twilio_did_not_sign_changes_nothing(door: Any, client: Any) -> None:
    asked()
    path = f"/hooks/twilio/{last().reference}"
    assert told(client, "failed", token="another") == 403
    assert told(client, "failed", AccountSid=f"AC{'0' * 32}") == 403
    assert told(client, "failed", url=f"http://photoflux.example{path}") == 403  # as the proxy sees it
    assert client.post(path, {"MessageStatus": "failed"}).status_code == 403
    form, signed = double.callback(ORIGIN + path, "failed")
    changed = client.post(path, form | {"MessageStatus": "delivered"}, headers={"X-Twilio-Signature": signed})
    assert (changed.status_code, last().state) == (403, "sent")


def vectors() -> list[dict[str, Any]]:
    """Of the contract: signatures that Twilio's own library made."""
    text = (Path(__file__).parent / "twilio_vectors.json").read_text()
    return list(json.loads(text))


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: v.get("algorithm", "plain"))
def test_signatures_are_those_of_twilios_library(door: Any, vector: dict[str, Any]) -> None:
    form = {name: [value] for name, value in vector["form"].items()}
    how = {"X-Twilio-Signature": vector["X-Twilio-Signature"]}
    if algorithm := vector.get("algorithm"):
        named = "X-Twilio-Webhooks-Signature-Settings"
        assert not twilio.is_signed(vector["url"], form, how | {named: "key=k1,algorithm=HMAC_MD5"})
        assert not twilio.is_signed(vector["url"], form, how | {named: f"key=k2,algorithm={algorithm}"})
        how |= {named: f"key=k1,algorithm={algorithm}"}
    assert twilio.is_signed(vector["url"], form, how)
    assert not twilio.is_signed(vector["url"] + "x", form, how)
    assert not twilio.is_signed(vector["url"], form | {"To": ["+15005550007"]}, how)


# ---------------------------------------------------------------- Amazon SNS


@pytest.fixture
def amazon(settings: Any, monkeypatch: Any) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    settings.SMS_SENDER, settings.SNS = "sns", sms.Sns("eu-west-1", "PhotoFlux", "+34600000001", None)
    settings.SMS_MAX_PRICE = "0.10"
    sns._client.cache_clear()
    with mock_aws():
        yield sns_backends["123456789012"]["eu-west-1"]
    sns._client.cache_clear()


@pytest.mark.django_db
def test_sns_gets_the_code(amazon: Any) -> None:
    asked()
    [(number, text)] = amazon.sms_messages.values()
    assert number == ES
    assert last().is_code(text.split()[0])
    assert (last().state, len(last().message)) == ("sent", 36)  # nothing more is told


def test_sns_is_asked_for_what_its_contract_has(amazon: Any) -> None:
    shapes = {name: (value["DataType"], value["StringValue"]) for name, value in sns._attributes().items()}
    assert shapes == {
        "AWS.SNS.SMS.SMSType": ("String", "Transactional"),
        "AWS.SNS.SMS.SenderID": ("String", "PhotoFlux"),
        "AWS.SNS.SMS.MaxPrice": ("Number", "0.10"),
        "AWS.MM.SMS.OriginationNumber": ("String", "+34600000001"),
    }
    for loose in ("4915112345678", "+12", "+0123456789"):  # moto takes these
        with pytest.raises(SmsFailed, match="not_e164"):
            sns.send(loose, "x", "")


@pytest.mark.parametrize(
    "error, kind",
    [
        (ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "Publish"), SmsFailed),
        (EndpointConnectionError(endpoint_url="https://sns.example/"), SmsFailed),
        (ReadTimeoutError(endpoint_url="https://sns.example/"), SmsUnsure),
    ],
)
def test_what_goes_wrong_at_sns_is_a_failure_or_unsure(amazon: Any, error: Exception, kind: Any) -> None:
    def fail(**_options: Any) -> None:
        raise error

    sns._client("eu-west-1", None).meta.events.register("before-call.sns.Publish", fail)
    with pytest.raises(kind):
        sns.send(ES, "x", "")


# ---------------------------------------------------------------- what every sender is given


@pytest.mark.parametrize("language", [code for code, _name in chosen.LANGUAGES])
def test_a_code_is_one_message_in_every_language(language: str) -> None:
    text = sending.words("123456", language)
    assert text.startswith("123456")
    assert len(text) <= 70


@pytest.mark.parametrize(
    "given, says",
    [
        ({"SMS_SENDER": "pigeon"}, "SMS_SENDER"),
        ({"SMS_SENDER": "twilio", "TWILIO_FROM": "+1"}, "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN"),
        ({"SMS_SENDER": "sns"}, "SNS_REGION"),
        (
            {"SMS_SENDER": "sns", "SNS_REGION": "eu-west-1", "SNS_SENDER_ID": "much too long a name"},
            "SNS_SENDER_ID",
        ),
        ({"SMS_COUNTRIES": "Spain"}, "SMS_COUNTRIES"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence(
    monkeypatch: Any, given: dict[str, str], says: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    def read() -> None:
        name = sms.sender(secure=True)
        for part in (sms.twilio(name), sms.sns(name)):
            assert part is None
        sms.countries()

    with pytest.raises(env.Misconfigured, match=says):
        read()


def test_with_https_nothing_is_sent_until_somebody_has_chosen(monkeypatch: Any) -> None:
    monkeypatch.delenv("SMS_SENDER", raising=False)
    assert (sms.sender(secure=True), sms.sender(secure=False)) == ("", "console")


def test_check_deploy_warns_of_codes_in_the_log(settings: Any) -> None:
    settings.SMS_SENDER = "console"
    seen = []
    for settings.SECURE in (True, False):
        seen.append([w.id for w in codes_reach_phones()])
    assert seen == [["accounts.W002"], []]
