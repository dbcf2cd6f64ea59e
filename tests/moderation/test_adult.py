"""Adult content: what opens it, what nothing opens, the proof of age, and that nobody else sees it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import TestCase
from django.utils import timezone

from accounts.vault.vault import store
from billing import ledger
from gallery.models import Item
from gallery.sharing import links
from generation import adult
from generation.models import Job
from moderation import policy
from moderation.adult import services, settling
from moderation.adult.models import AgeCheck
from moderation.adult.rules import REFUSALS, Facts, allows
from moderation.adult.verifiers import DocumentReview, Outcome
from moderation.models import AuditEntry
from tests.conftest import client_of, jpeg
from tests.engines import prove
from tests.generation.test_refused_words import KINDS
from tests.rights import logged_in, staff_with

pytestmark = pytest.mark.django_db
AGE, WHY = "/api/v1/me/age", "The date of birth is 1990."
NEVER = {code: prompt for code, prompt in KINDS.items() if code != "sexual"}


@pytest.fixture(autouse=True)
def switch(settings: Any) -> Any:
    settings.ADULT_CONTENT, settings.ADULT_COUNTRIES = True, {"ES": "España"}
    return settings


@pytest.fixture
def checker() -> Any:
    return staff_with("moderation.decide_age", "moderation.view_agecheck")


def form(**more: Any) -> dict[str, Any]:
    document = SimpleUploadedFile("d.jpg", jpeg(5), "image/jpeg")
    return {"country": "ES", "file": document, "agree": "true"} | more


def grown(user: Any) -> AgeCheck:
    now = timezone.now()
    facts = {"verifier": "document", "country": "ES", "state": "verified", "document_deleted_at": now}
    return AgeCheck.objects.create(user=user, **facts)


# ---------------------------------------------------------------- what no setting opens


def test_no_combination_of_switches_opens_what_is_never_allowed() -> None:
    """Every combination of the facts that open adult content, with every prompt that is never allowed."""
    opened = 0
    for values in product((False, True), repeat=6):
        open_ = allows(Facts(*values))
        opened += open_
        assert open_ == all(values)
        for code, prompt in NEVER.items():
            assert policy.of_prompt(prompt, adult=open_).code == code
        assert policy.of_prompt(KINDS["sexual"], adult=open_).code == ("" if open_ else "sexual")
    assert opened == 1


@pytest.mark.parametrize("switched", list(product((False, True), repeat=5)), ids=str)
def test_each_part_alone_keeps_it_shut_and_all_together_open_it(
    switch: Any, twin: Any, photos: list[Any], alice: Any, switched: tuple[bool, ...]
) -> None:
    """The real settings and rows, in every combination."""
    on, aged, country, own, proven = switched
    switch.ADULT_CONTENT = on
    switch.ADULT_COUNTRIES = {"ES": "España"} if country else {"MX": "México"}
    if aged:
        grown(alice)
    if proven:
        prove(twin, photos)
    if not own:
        twin.of_other = True
        twin.save()
    job = Job(user=alice, twin=twin, adult=True, prompt=KINDS["sexual"])
    if all(switched):
        adult.check(job)
    else:
        with pytest.raises(REFUSALS):
            adult.check(job)


@pytest.mark.parametrize("code", NEVER)
def test_with_everything_on_it_is_still_refused_over_the_api(
    trained: Any, photos: list[Any], as_alice: Any, alice: Any, code: str
) -> None:
    grown(alice)
    prove(trained, photos)
    asked = {"prompt": NEVER[code], "twin": str(trained.id), "adult": True}
    answer = as_alice.post("/api/v1/generations", asked, format="json").json()
    assert (answer["code"], answer["reason"]) == ("prompt_refused", code)


# ---------------------------------------------------------------- what it makes


@pytest.fixture
def made(trained: Any, photos: list[Any], as_alice: Any, alice: Any, work: Any) -> Item:
    ledger.grant(ledger.wallet_of(alice), 100, cause="test")
    grown(alice)
    prove(trained, photos)
    asked = {"prompt": KINDS["sexual"], "twin": str(trained.id), "adult": True}
    assert as_alice.post("/api/v1/generations", asked, format="json").status_code == 202
    work()
    return Item.objects.get()


def test_it_is_never_shared_published_or_begun_from(made: Item, as_alice: Any, alice: Any) -> None:
    assert (made.safety, made.recipe["adult"]) == (1.0, True)
    Item.objects.update(width=512, height=512)  # large enough for each of these
    with pytest.raises(links.NotShareable):
        links.share_items(alice, [made.id])
    tries = {"publish": {"author": "A"}, "repairs": {"prompt": "a hat", "region": "eyes"}, "enlargements": {}}
    for verb, body in tries.items():
        answer = as_alice.post(f"/api/v1/items/{made.id}/{verb}", body, format="json")
        assert answer.json()["code"] in ("not_shareable", "reference_not_allowed"), verb
    edited = as_alice.post(f"/api/v1/items/{made.id}/edits", {"brightness": 20}, format="json")
    assert edited.status_code not in (200, 201) or Item.objects.get(original=made).safety == 1.0


def test_no_notification_shows_it(made: Item, alice: Any) -> None:
    from accounts.notices.serializers import show_notice

    shown = [show_notice(notice) for notice in alice.notices.all()]
    assert shown
    assert not any("picture" in key or "image" in key for each in shown for key in each)
    assert str(made.id) not in str(shown)


def test_a_picture_that_may_be_somebody_else_is_not_delivered(
    trained: Any, photos: list[Any], as_alice: Any, alice: Any, work: Any, engine: Any
) -> None:
    ledger.grant(ledger.wallet_of(alice), 100, cause="test")
    grown(alice)
    prove(trained, photos)
    engine.of_pictures = 0.0
    asked = {"prompt": "in a park", "twin": str(trained.id), "adult": True}
    as_alice.post("/api/v1/generations", asked, format="json")
    work()
    job = Job.objects.get()
    assert (job.status, job.error_code, job.captured) == ("failed", "result_refused", 0)
    assert not Item.objects.exists()


def test_a_proof_that_ends_while_it_waits_delivers_nothing(
    trained: Any, photos: list[Any], as_alice: Any, alice: Any, work: Any
) -> None:
    ledger.grant(ledger.wallet_of(alice), 100, cause="test")
    grown(alice)
    prove(trained, photos)
    asked = {"prompt": "in a park", "twin": str(trained.id), "adult": True}
    as_alice.post("/api/v1/generations", asked, format="json")
    services.withdraw(alice)
    work()
    job = Job.objects.get()
    assert (job.error_code, job.captured, Item.objects.count()) == ("adult_ended", 0, 0)


def test_without_the_switch_sexual_words_are_refused_as_ever(
    trained: Any, as_alice: Any, switch: Any
) -> None:
    switch.ADULT_CONTENT = False
    asked = {"prompt": KINDS["sexual"], "twin": str(trained.id)}
    plain = as_alice.post("/api/v1/generations", asked, format="json").json()
    off = as_alice.post("/api/v1/generations", asked | {"adult": True}, format="json")
    assert plain["code"] == "prompt_refused"
    assert (off.status_code, off.json()["code"]) == (403, "adult_off")


# ---------------------------------------------------------------- the proof of age


def test_a_document_is_sealed_looked_at_and_deleted_with_the_decision(
    as_alice: Any, alice: Any, checker: Any
) -> None:
    answer = as_alice.post(AGE, form(), format="multipart")
    assert (answer.status_code, answer.json()["state"]) == (201, "waiting")
    assert as_alice.post(AGE, form(), format="multipart").json()["code"] == "age_check_open"
    check = AgeCheck.objects.get()
    assert store(alice.id).exists(check.document)
    client, page = logged_in(checker), f"/admin/moderation/agecheck/{check.id}/document/"
    assert "Type a reason" in client.post(page, {"act": "look", "reason": "no"}, follow=True).text
    assert (
        "Look at the document first" in client.post(page, {"act": "adult", "reason": WHY}, follow=True).text
    )
    assert "data:image/jpeg" in client.post(page, {"act": "look", "reason": WHY}).text
    with TestCase.captureOnCommitCallbacks(execute=True):
        client.post(page, {"act": "adult", "reason": WHY})
    assert not store(alice.id).exists(check.document)
    assert "already over" in client.post(page, {"act": "refuse", "reason": WHY}, follow=True).text
    assert "is deleted" in client.post(page, {"act": "look", "reason": WHY}, follow=True).text
    shown = as_alice.get(AGE).json()
    assert (shown["state"], shown["allowed"]) == ("verified", True)
    verbs = AuditEntry.objects.filter(actor=checker).values_list("verb", flat=True)
    assert sorted(verbs) == ["age_verified", "look_document"]


def test_a_refusal_is_told_with_its_reason_and_one_may_ask_again(
    as_alice: Any, alice: Any, checker: Any
) -> None:
    as_alice.post(AGE, form(), format="multipart")
    services.decide(AgeCheck.objects.get(), actor=checker, adult=False, reason="The photo is too dark.")
    assert as_alice.get(AGE).json()["reason"] == "The photo is too dark."
    assert alice.notices.get().kind == "age_decided"
    assert as_alice.post(AGE, form(), format="multipart").status_code == 201


@pytest.mark.parametrize(
    "more, code",
    [
        ({"country": "US"}, "invalid"),
        ({"country": "\0"}, "invalid"),
        ({"agree": "false"}, "invalid"),
        ({"file": SimpleUploadedFile("d.txt", b"hello")}, "document_unreadable"),
        ({"file": ""}, "document_unreadable"),
    ],
)
def test_what_is_no_request_is_refused_and_nothing_is_kept(
    as_alice: Any, more: dict[str, Any], code: str
) -> None:
    answer = as_alice.post(AGE, {k: v for k, v in form(**more).items() if v != ""}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not AgeCheck.objects.exists()


def test_it_is_taken_back_with_the_document_and_nobody_elses(
    as_alice: Any, as_bob: Any, alice: Any, django_capture_on_commit_callbacks: Any
) -> None:
    as_alice.post(AGE, form(), format="multipart")
    name = AgeCheck.objects.get().document
    assert as_bob.delete(AGE).status_code == 404
    assert as_alice.delete(AGE).status_code == 204
    assert as_alice.delete(AGE).status_code == 404
    assert not store(alice.id).exists(name)


def test_a_document_that_nobody_looked_at_is_deleted(as_alice: Any, alice: Any) -> None:
    as_alice.post(AGE, form(), format="multipart")
    AgeCheck.objects.update(asked_at=timezone.now() - timedelta(days=7, minutes=1))
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert [settling.forget_documents() for _twice in range(2)] == [1, 0]
    check = AgeCheck.objects.get()
    assert (check.state, store(alice.id).exists(check.document)) == ("expired", False)


def test_staff_do_not_decide_about_themselves_and_need_the_right(checker: Any, alice: Any) -> None:
    own = AgeCheck.objects.create(user=checker, verifier="document", country="ES")
    page = f"/admin/moderation/agecheck/{own.id}/document/"
    assert "nothing here" in logged_in(checker).post(page, {"act": "adult", "reason": WHY}, follow=True).text
    assert logged_in(staff_with("moderation.view_agecheck")).get(page).status_code == 403
    own.refresh_from_db()
    assert own.state == "waiting"


def test_who_says_to_be_younger_is_not_adult(alice: Any) -> None:
    grown(alice)
    alice.birth_date = date(timezone.now().year - 17, 1, 1)
    assert not services.is_adult(alice)


class Provider(DocumentReview):
    """A provider that has its own page and knows the answer later."""

    name, takes_document = "provider", False
    says: Outcome | None = None

    def begin(self, check: AgeCheck, document: bytes) -> str:
        check.reference = "r1"
        return "https://ages.example/r1"

    def outcome(self, check: AgeCheck) -> Outcome | None:
        return self.says if check.reference == "r1" else None


@pytest.mark.parametrize("adult_, state", [(True, "verified"), (False, "refused")])
def test_a_provider_takes_the_place_of_the_document(
    switch: Any, as_alice: Any, monkeypatch: pytest.MonkeyPatch, adult_: bool, state: str
) -> None:
    switch.AGE_VERIFIER = "tests.moderation.test_adult.Provider"
    answer = as_alice.post(AGE, {"country": "ES", "agree": True}, format="json").json()
    assert (answer["where"], answer["takes_document"]) == ("https://ages.example/r1", False)
    assert settling.settle() == 0
    monkeypatch.setattr(Provider, "says", Outcome(adult_, "ES"))
    assert [settling.settle() for _twice in range(2)] == [1, 0]
    assert AgeCheck.objects.get().state == state


def test_the_pages_say_what_the_switch_means(as_alice: Any, alice: Any, switch: Any, checker: Any) -> None:
    from django.test import Client

    client, admin = Client(), logged_in(checker)
    client.force_login(alice)
    assert "passport" in client.get("/account/age/").text
    sent = client.post("/account/age/", form() | {"agree": "on"}, follow=True).text
    assert "waits to be looked at" in sent
    assert "Stripe" in admin.get("/admin/moderation/agecheck/").text
    switch.ADULT_CONTENT = False
    assert "not made here" in client.get("/account/age/").text
    assert "Adult content is off" in admin.get("/admin/moderation/agecheck/").text
    assert client_of(alice).post(AGE, form(), format="multipart").json()["code"] == "adult_off"
