"""The help centre: its articles are whole and true to the product, its search, and what readers say of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from generation.models import Job
from generation.restorations.services import SENTENCES as RESTORATION_CODES
from ml.types import SELFIE_CODES
from support.help import library
from support.help.models import HelpVote
from support.help.rendering import BrokenArticle, render
from support.help.search import pairs, search
from support.help.services import figures
from tests.conftest import jpeg
from tests.restoring import restoration_of
from tests.rights import logged_in, staff_with
from tests.test_translations import HALF_WIDTH, STRAYS, USTED, catalogue
from twins.checks import SENTENCES as PHOTO_CODES
from twins.models import Photo, Training
from twins.proof.sentences import REFUSALS

LANGUAGES = [code for code, _name in settings.LANGUAGES]
ALL = [each for shelf in library.library().values() for each in shelf.values()]


def named(article: library.Article) -> str:
    return f"{article.language}/{article.slug}"


# ---------------------------------------------------------------- the articles


def test_every_language_has_every_article_in_the_same_place_with_the_same_anchors() -> None:
    def shape(code: str) -> list[Any]:
        shelf = library.library()[code].values()
        return [
            (a.slug, a.section, a.order, a.group, [h.codes for h in a.headings], a.links, a.shows)
            for a in shelf
        ]

    english = shape("en")
    assert len(english) >= 24
    assert all(shape(code) == english for code in LANGUAGES)


def test_links_between_articles_lead_somewhere() -> None:
    anchors = {a.slug: {"", *(h.anchor for h in a.headings)} for a in library.library()["en"].values()}
    broken = [(named(a), link) for a in ALL for link in a.links if link[1] not in anchors.get(link[0], ())]
    assert broken == []


@pytest.mark.django_db
def test_links_to_a_place_on_a_page_lead_to_it(client: Client, alice: Any) -> None:
    client.force_login(alice)
    links = {link for a in ALL for link in re.findall(r'href="(/[^"#]*)#([^"]+)"', str(a.html))}
    places = {(path, place) for path, place in links if not path.startswith("/help/")}
    assert ("/account/privacy/", "archives") in places
    assert [each for each in sorted(places) if f'id="{each[1]}"' not in client.get(each[0]).text] == []


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("photos", PHOTO_CODES),
        ("selfies", [*SELFIE_CODES, *REFUSALS]),
        (
            "restorations",
            [*RESTORATION_CODES, "no_face", "several_faces", "face_too_small", "nothing_to_restore"],
        ),
        (
            "trainings",
            ["likeness_too_low", "worker_lost", "consent_withdrawn", "avatar_no_front", "internal"],
        ),
        (
            "clips",
            ["likeness_too_low", "several_faces", "motion_unknown", "picture_without_twin", "unsteady"],
        ),
        ("pictures", ["part_not_found", "reference_gone", "engine_without_reference", "print_too_large"]),
    ],
)
def test_every_code_is_explained(group: str, codes: Any) -> None:
    assert [code for code in codes if "#" not in library.address_of(group, code)] == []
    assert library.address_of(group, "unknown") == ""


@pytest.mark.django_db
def test_what_is_refused_leads_to_its_article_on_the_page(client: Client, alice: Any, twin: Any) -> None:
    for code in PHOTO_CODES:
        Photo.objects.create(user=alice, twin=twin, status="succeeded", accepted=False, code=code)
    ended = {"user": alice, "status": "failed"}
    Training.objects.create(twin=twin, number=1, base="nano", error_code="worker_lost", **ended)
    Job.objects.create(prompt="x", seed=1, error_code="part_not_found", **ended)
    Job.objects.create(prompt="x", seed=1, error_code="unsteady", kind="video", duration=3, **ended)
    restored = restoration_of(alice, jpeg(11))
    Job.objects.filter(id=restored.job_id).update(status="failed", error_code="no_face")
    client.force_login(alice)
    places = f"/twins/{twin.id}/", "/studio/", "/studio/videos/", f"/restore/{restored.id}/"
    pages = "".join(client.get(place).text for place in places)
    told = [("photos", code) for code in PHOTO_CODES] + [("trainings", "worker_lost")]
    told += [("pictures", "part_not_found"), ("clips", "unsteady"), ("restorations", "no_face")]
    assert [each for each in told if f'href="{library.address_of(*each)}"' not in pages] == []


def test_a_photos_code_is_its_own_anchor_as_the_script_of_the_page_takes_it() -> None:
    assert all(library.address_of("photos", code).endswith(f"/#{code}") for code in PHOTO_CODES)


def test_nothing_of_the_markdown_is_left_and_no_figure_is_missing() -> None:
    left = re.compile(r"\*\*|\]\(|\{[#\w]|&lt;\w")
    assert [named(a) for a in ALL if left.search(str(a.html)) or left.search(a.title + a.summary)] == []


def test_what_articles_call_a_button_is_what_the_page_calls_it() -> None:
    """Bold words that are a label in English are that label in the other languages too."""
    bold, files = re.compile(r"\*\*(.+?)\*\*"), sorted((library.ROOT / "en").glob("*.md"))
    wrong = []
    for code, folder in (("es", "es"), ("zh-hans", "zh_Hans")):
        labels: dict[str, set[str]] = {}
        for message in catalogue(folder, "po"):
            if isinstance(message.id, str):
                labels.setdefault(message.id, set()).add(message.string.lower())
        for file in files:
            english, other = (bold.findall((library.ROOT / c / file.name).read_text()) for c in ("en", code))
            assert len(english) == len(other), f"{code}/{file.name}"
            pairs = zip(english, other)
            wrong += [(code, file.name, o) for e, o in pairs if o.lower() not in labels.get(e, {o.lower()})]
    assert wrong == []


def test_articles_say_tu_and_have_full_width_punctuation() -> None:
    def words(language: str) -> list[str]:
        found = [a for a in ALL if a.language == language]
        return [text for a in found for text in (a.title, a.summary, *re.split(r"(?<=[。.])|\n", a.text))]

    assert [text for text in words("es") if USTED.search(text) or STRAYS["es"].search(text)] == []
    assert [text for text in words("zh-hans") if STRAYS["zh_Hans"].search(text)] == []
    assert [text for text in words("zh-hans") if HALF_WIDTH.search(text) and "curl" not in text] == []


@pytest.mark.parametrize(
    "source",
    [
        "[a](https://elsewhere.example)",
        "[a](studio)",
        "# A {#a}",
        "## No anchor",
        "![a](https://elsewhere.example/a.png)",
        "![a](film:begin)",
        "Words ![a](clip:begin)",
    ],
)
def test_what_an_article_may_not_hold_is_refused(source: str) -> None:
    with pytest.raises((BrokenArticle, KeyError)):
        render(source)


def test_html_in_an_article_is_shown_as_text() -> None:
    html = render("<script>alert(1)</script> <b>x</b>\n\n[a](javascript:alert)").html
    assert not re.search("<script|<b>|<a|<img", html)


def test_an_article_that_is_not_complete_is_named(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "short.md").write_text("---\ntitle: Short\n---\n\nWords.\n")
    with pytest.raises(BrokenArticle, match=r"en/short\.md"):
        library.read(tmp_path)


# ---------------------------------------------------------------- pages


@pytest.mark.django_db
def test_an_article_needs_no_query(client: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        page = client.get("/help/photo-refused/").text
    assert len(asked) == 0
    assert '<h2 id="blurred">' in page
    assert 'href="#blurred"' in page


@pytest.mark.django_db
def test_an_article_that_is_not_translated_is_shown_in_english_and_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    spanish = {slug: a for slug, a in library.library()["es"].items() if slug != "locked"}
    monkeypatch.setitem(library.library(), "es", spanish)
    headers = {"Accept-Language": "es"}
    page = client.get("/help/locked/", headers=headers).text
    assert "The locked area" in page
    assert "todavía no está en tu idioma" in page
    assert '<article class="help-text" lang="en">' in page
    assert "The locked area" in client.get("/help/", headers=headers).text
    assert "The locked area" in client.get("/help/?q=locked", headers=headers).text


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["nothing", "photo-refused-x"])
def test_an_unknown_article_is_not_found(client: Client, slug: str) -> None:
    assert client.get(f"/help/{slug}/").status_code == 404
    assert client.post(f"/help/{slug}/helpful/", {"helpful": "yes"}).status_code == 404
    assert not HelpVote.objects.exists()


# ---------------------------------------------------------------- search


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words", "slug"),
    [
        ("en", "why was my photo refused", "photo-refused"),
        ("en", "deleting my account", "delete-everything"),
        ("en", "it does not look like me", "likeness-poor"),
        ("es", "borrar mi cuenta", "delete-everything"),
        ("es", "fotografia rechazada", "photo-refused"),
        ("es", "qué significan los parecidos", "likeness"),
        ("zh-hans", "照片被拒绝", "photo-refused"),
        ("zh-hans", "怎么删除账户", "delete-everything"),
        ("zh-hans", "API", "api"),
    ],
)
def test_what_people_ask_is_found(language: str, words: str, slug: str) -> None:
    with override(language):
        hits = search(words, language)
    assert slug in [hit.article.slug for hit in hits[:4]]
    assert "<mark>" in "".join(hit.excerpt for hit in hits)


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("words", ["%", '"', "'; DROP TABLE", "🙂", "\x00", "& | !", "<b>", "zzzzqqq", "的"])
def test_any_words_are_safe(client: Client, language: str, words: str) -> None:
    answer = client.get("/help/", {"q": words}, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert "<b>" not in answer.text


@pytest.mark.django_db
def test_a_search_without_words_shows_the_articles_and_a_very_long_one_is_refused(client: Client) -> None:
    assert "photo-refused" in client.get("/help/?q=%20").text
    answer = client.get("/help/", {"q": "a" * 10_000})
    assert answer.status_code == 422
    assert "at most 200 characters" in answer.text


@pytest.mark.django_db
def test_programs_list_and_search_the_articles(client: Client) -> None:
    everything = client.get("/api/v1/help", headers={"Accept-Language": "es"}).json()
    assert [each["slug"] for each in everything] == [each.slug for each in library.articles("es")]
    assert client.get(urlsplit(everything[0]["url"]).path).status_code == 200
    found = client.get("/api/v1/help", {"q": "borrar mi cuenta"}, headers={"Accept-Language": "es"}).json()
    assert "delete-everything" in [each["slug"] for each in found[:4]]
    assert {each["language"] for each in found} == {"es"}
    refused = client.get("/api/v1/help", {"q": "a" * 201})
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["q"])


def test_chinese_is_sought_by_pairs_of_signs() -> None:
    assert pairs("照片被拒 API") == ["照片", "片被", "被拒", "api"]
    assert pairs("的") == ["的"]


# ---------------------------------------------------------------- was it helpful


@pytest.mark.django_db
def test_a_visitor_answers_and_answers_again(client: Client) -> None:
    for said, text in (("yes", ""), ("no", "Too short.")):
        answer = client.post("/help/locked/helpful/", {"helpful": said, "text": text})
        assert (answer.status_code, answer["Location"]) == (302, "/help/locked/")
    row = HelpVote.objects.get()
    assert (row.user, row.article, row.helpful, row.text, row.language) == (
        None,
        "locked",
        False,
        "Too short.",
        "en",
    )
    assert client.session.session_key not in row.visitor
    assert Client().post("/help/locked/helpful/", {"helpful": "yes"}).status_code == 302
    assert HelpVote.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("form", [{}, {"helpful": "perhaps"}, {"helpful": "yes", "text": "a" * 1001}])
def test_an_answer_that_is_none_is_refused(client: Client, form: dict[str, str]) -> None:
    page = client.post("/help/locked/helpful/", form, follow=True)
    assert "Nothing was sent" in page.text
    assert not HelpVote.objects.exists()


@pytest.mark.django_db
def test_staff_see_which_articles_help(alice: Any, bob: Any) -> None:
    for user, helpful in ((alice, True), (bob, False)):
        HelpVote.objects.create(user=user, article="api", helpful=helpful, language="en")
    HelpVote.objects.create(user=alice, article="locked", helpful=True, language="es")
    assert [(each.article, each.share) for each in figures()] == [("api", 0.5), ("locked", 1.0)]
    page = logged_in(staff_with("support.view_helpvote")).get("/admin/support/helpvote/")
    assert 'href="/help/api/"' in page.text
    assert alice.email not in page.text
    assert logged_in(staff_with("support.view_feedback")).get("/admin/support/helpvote/").status_code == 403
