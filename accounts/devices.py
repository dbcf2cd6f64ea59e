"""Known devices: browsers in which a person has logged in. Wrong passwords of others do not lock them out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import signing
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac
from django.utils.deprecation import MiddlewareMixin

AGE = 400 * 86400  # seconds: browsers keep no cookie longer
MOST = 5  # people of one browser
SALT = "known-device"


def _mark(user: Any) -> str:
    """Changes with the password: a new password makes all devices unknown again."""
    return salted_hmac(SALT, f"{user.pk} {user.password}", algorithm="sha256").hexdigest()[:32]


def _read(request: Any) -> dict[str, Any]:
    """{"id": of the device, "marks": {user id: mark}} of a cookie that we signed, else an empty one."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        found: dict[str, Any] = signing.loads(cookie, salt=SALT, max_age=AGE)
    except signing.BadSignature:
        return {"id": get_random_string(12), "marks": {}}
    return found


def known(request: Any, users: Any) -> tuple[str, list[Any]]:
    """The id of the device, and those of a query's users who have logged in with it."""
    found = _read(request)
    marks = found["marks"]
    here = users.filter(pk__in=marks)
    return found["id"], [u for u in here if constant_time_compare(marks[str(u.pk)], _mark(u))]


def remember(request: Any, user: Any) -> None:
    """The answer to this request makes the device known for `user`."""
    found = _read(request)
    found["marks"].pop(str(user.pk), None)
    marks = [*found["marks"].items(), (str(user.pk), _mark(user))]
    request._device = {"id": found["id"], "marks": dict(marks[-MOST:])}


def _on_login(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    remember(request, user)


user_logged_in.connect(_on_login, dispatch_uid="known devices")


class DeviceMiddleware(MiddlewareMixin):
    def process_response(self, request: Any, response: Any) -> Any:
        if device := getattr(request, "_device", None):
            response.set_cookie(
                settings.DEVICE_COOKIE_NAME,
                signing.dumps(device, salt=SALT),
                max_age=AGE,
                secure=settings.SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
