"""Pages open in every language and theme without inline code. Refused forms keep their values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from PIL import Image

from config.errors import NotFound, RateLimited
from config.web.problems import ProblemMiddleware, answer_to, forbidden

pytestmark = pytest.mark.django_db
OPEN = (
    "/",
    "/pricing/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/phone/",
    "/terms/",
    "/verify/",
    "/privacy/",
    "/privacy/request/",
    "/retention/",
    "/imprint/",
    "/ai/",
    "/explore/",
    "/accounts/password/reset/",
    "/accounts/confirm-email/",
    "/takedown/",
    "/takedown/PF-222222/",
    "/help/",
    "/help/photo-refused/",
)
OWN = (
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    *("/accounts/2fa/", "/accounts/sessions/", "/accounts/3rdparty/", "/account/confirm/"),
    "/twins/",
    "/twins/new/",
    "/studio/",
    "/studio/state/",
    "/studio/videos/",
    "/gallery/",
    "/gallery/people/",
    "/gallery/shares/",
    "/account/",
    "/account/credits/",
    "/account/limits/",
    "/account/phone/",
    "/account/consents/",
    "/account/privacy/",
    "/account/developers/",
    "/account/developers/webhooks/",
    "/account/billing/",
)


@pytest.mark.parametrize("language, word", [("en", "Log in"), ("es", "Iniciar sesión"), ("zh-hans", "登录")])
@pytest.mark.parametrize("path", OPEN)
def test_a_page_opens_in_every_language_with_nothing_inline(
    client: Any, path: str, language: str, word: str
) -> None:
    page = client.get(path, headers={"Accept-Language": language})
    text = page.content.decode()
    assert page.status_code == 200
    assert f'<html lang="{language}">' in text
    assert word in text
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", text)
    assert "unsafe" not in page["Content-Security-Policy"]


def test_the_landing_page_shows_the_product(client: Any) -> None:
    """Four labelled pictures, sharp on dense screens, three drawings, prices, privacy with links."""
    page = client.get("/").content.decode()
    scene = r'<li><img src="/static/(landing/\w+\.webp)" width="(\d+)" height="\d+" alt="[^"]+"><span>[^<]+</'
    scenes = re.findall(scene, page)
    static = Path(__file__).resolve().parent.parent / "static"
    assert [Image.open(static / name).width >= 2 * int(width) for name, width in scenes] == [True] * 4
    assert page.count('class="landing-drawing"') == 3
    assert len(re.findall(r'class="card offer"', page)) >= 2
    privacy = page.partition('class="landing-privacy"')[2].partition("</ul>")[0]
    assert re.findall("<li>|<a ", privacy) == ["<li>", "<a "] * 4


@pytest.mark.parametrize("path", OWN)
def test_the_pages_of_an_account_open_for_who_is_logged_in(client: Any, alice: Any, path: str) -> None:
    assert client.get(path).status_code == 302
    client.force_login(alice)
    assert client.get(path).status_code == 200


def test_a_refused_sign_up_keeps_what_was_typed_and_says_why(client: Any) -> None:
    page = client.post("/accounts/signup/", {"email": "me@example.com", "password1": "12345"})
    text = page.content.decode()
    assert 'value="me@example.com"' in text
    assert "12345" not in text
    assert 'aria-invalid="true"' in text
    assert 'id="id_password1_error"' in text


def test_somebody_signs_up_and_is_logged_in(client: Any) -> None:
    answer = client.post(
        "/accounts/signup/", {"email": "me@example.com", "password1": "correct horse battery"}
    )
    assert answer.status_code == 302
    assert client.get("/account/").status_code == 200


def test_the_theme_is_kept_and_leads_nowhere_else(client: Any) -> None:
    answer = client.post("/theme", {"theme": "dark", "next": "https://evil.example/"})
    assert answer["Location"] == "/"
    assert '<body class="dark">' in client.get("/").content.decode()
    client.post("/theme", {"theme": '"><script>'})
    assert '<body class="dark">' in client.get("/").content.decode()


def test_a_member_who_switches_the_language_changes_the_profile(client: Any, alice: Any) -> None:
    client.force_login(alice)
    for language in ("es", "xx"):  # the second is refused
        client.post("/language", {"language": language, "next": "/account/"})
        alice.refresh_from_db()
        assert alice.language == "es"
    assert '<option value="es" selected>Español</option>' in client.get("/account/").text


def test_the_language_is_kept(client: Any) -> None:
    client.post("/language", {"language": "es", "next": "/"})
    assert '<html lang="es">' in client.get("/").content.decode()


def test_logging_out_leaves_nothing_in_the_browser(client: Any, alice: Any) -> None:
    client.force_login(alice)
    assert "Clear-Site-Data" not in client.get("/accounts/logout/")
    assert client.post("/accounts/logout/")["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get("/account/").status_code == 302


def test_pictures_of_one_instant_are_gone_through_in_one_direction(client: Any, alice: Any) -> None:
    from django.utils import timezone

    from gallery.models import Item

    client.force_login(alice)
    facts = {"user": alice, "created_at": timezone.now(), "width": 1, "height": 1, "size": 1}
    pictures = sorted((Item.objects.create(**facts) for _ in range(3)), key=lambda item: item.id)
    seen = [client.get(f"/gallery/{item.id}/").context for item in pictures]
    assert [page["newer"] for page in seen] == [pictures[1], pictures[2], None]
    assert [page["older"] for page in seen] == [None, pictures[0], pictures[1]]


def asked(method: str, path: str, **headers: str) -> Any:
    from django.contrib.auth.models import AnonymousUser
    from django.test import RequestFactory

    request = RequestFactory().generic(method, path, headers=headers)
    request.user = AnonymousUser()
    return request


def test_a_bare_refusal_of_allauth_is_a_page_that_says_when_to_go_on() -> None:
    form = "http://testserver/accounts/login/"
    bare = ProblemMiddleware(lambda _: HttpResponse(status=429))
    page = bare(asked("POST", "/accounts/login/", Referer=form))
    assert (page.status_code, page["Retry-After"]) == (429, "60")
    assert "You can go on in 1\xa0minute." in page.text
    assert f'href="{form}">Try again' in page.text


def test_the_page_of_an_error_leads_on_and_to_no_other_site() -> None:
    away = answer_to(asked("POST", "/verify/", Referer="https://evil.example/"), RateLimited())
    assert "evil" not in away.text
    lost = answer_to(asked("GET", "/nowhere/"), NotFound())
    assert "Try again" not in lost.text
    assert 'href="/help/"' in lost.text


def test_staff_without_a_right_read_that_and_not_of_a_missing_page() -> None:
    page = forbidden(asked("GET", "/admin/moderation/queue/"))
    assert page.status_code == 403
    assert "Your role does not open this page." in page.text
    assert "Error 403" in page.text
