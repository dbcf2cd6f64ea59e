"""Sends through Amazon SNS. It tells us nothing of the delivery (docs/sms.md)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError
from django.conf import settings

from accounts.phones.senders import SmsFailed, SmsUnsure

E164 = re.compile(r"\+[1-9]\d{6,14}")
# No retries: the first try may have been sent.
TIMES = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
PREFIX = "AWS.SNS.SMS."


@cache
def _client(region: str, url: str | None) -> Any:
    return boto3.client("sns", region_name=region, endpoint_url=url, config=TIMES)


def send(phone: str, text: str, reference: str) -> str:
    if not E164.fullmatch(phone):  # SNS takes others, and sends them somewhere
        raise SmsFailed("not_e164")
    us = settings.SNS
    try:
        answer = _client(us.region, us.url).publish(
            PhoneNumber=phone, Message=text, MessageAttributes=_attributes()
        )
    except ClientError as e:
        raise SmsFailed(str(e.response["Error"]["Code"])) from e
    except (EndpointConnectionError, ConnectTimeoutError) as e:
        raise SmsFailed("unreachable", str(e)) from e
    except BotoCoreError as e:
        raise SmsUnsure(type(e).__name__) from e
    return str(answer["MessageId"])


def _attributes() -> dict[str, dict[str, str]]:
    us = settings.SNS
    texts = {f"{PREFIX}SMSType": "Transactional"}
    if us.sender_id:
        texts[f"{PREFIX}SenderID"] = us.sender_id
    if us.source:
        texts["AWS.MM.SMS.OriginationNumber"] = us.source
    found = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    if settings.SMS_MAX_PRICE:
        found[f"{PREFIX}MaxPrice"] = {"DataType": "Number", "StringValue": settings.SMS_MAX_PRICE}
    return found
