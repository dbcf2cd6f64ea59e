"""Somebody else agrees to a twin by a link, takes the selfie, and withdraws by another link."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, TestCase
from django.utils import timezone

from accounts import consents
from accounts.notices.models import Notice
from accounts.vault.vault import store
from config.errors import NotFound
from moderation.models import AuditEntry
from tests.conftest import jpeg
from tests.twins.sittings import form, train
from twins import services
from twins.models import Photo, Training, Twin
from twins.proof import invitations, links, phones
from twins.proof.models import Invitation, PhoneLink, Proof, Selfie

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deceiving")]
Work = Callable[[], int]
VERSION = consents.WORDING["biometric_twin"][0]


class Guest(Client):
    """Somebody without an account. On-commit callbacks run before an answer returns."""

    def request(self, **request: Any) -> Any:
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**request)


@pytest.fixture
def guest() -> Guest:
    return Guest()


@pytest.fixture
def link(twin: Twin) -> str:
    """The path of a consent link to alice's twin."""
    _invitation, token = invitations.invite(twin)
    twin.refresh_from_db()
    return f"/invited/{token}/"


def agree(guest: Any, link: str, version: str = VERSION) -> Any:
    return guest.post(f"{link}agree/", {"agreed": "yes", "version": version})


def withdrawal_of(guest: Any, link: str) -> str:
    found = re.search(r"/withdraw/[^/\"]+/", guest.get(link).content.decode())
    assert found
    return found[0]


def sit(guest: Any, link: str, **more: Any) -> Any:
    challenge = guest.get(f"{link}ask/").json()["challenge"]
    return guest.post(f"{link}ask/", form(challenge, **more))


@pytest.fixture
def agreed(guest: Guest, link: str) -> str:
    assert agree(guest, link).status_code == 302
    return link


@pytest.fixture
def verified(agreed: str, guest: Guest, photos: Any, work: Work) -> str:
    assert sit(guest, agreed).status_code == 202
    work()
    return agreed


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# ---------------------------------------------------------------- the owner's side


def test_the_owner_makes_a_link_which_is_shown_once(client: Any, twin: Twin, bob: Any) -> None:
    client.force_login(twin.user)
    assert f"/twins/{twin.id}/invite/" in client.get(f"/twins/{twin.id}/").content.decode()
    page = client.post(f"/twins/{twin.id}/invite/").content.decode()
    token = re.search(r"/invited/([^/]+)/", page)
    assert token
    assert Invitation.objects.get().token_hash == links.hash_of(token[1])
    assert token[1] not in client.get(f"/twins/{twin.id}/verify/").content.decode()
    client.force_login(bob)
    assert client.post(f"/twins/{twin.id}/invite/").status_code == 404


def test_a_twin_with_photos_of_ones_own_does_not_become_somebody_elses(
    client: Any, twin: Twin, photos: Any
) -> None:
    client.force_login(twin.user)
    client.post(f"/twins/{twin.id}/invite/")
    twin.refresh_from_db()
    assert not twin.of_other
    assert not Invitation.objects.exists()


def test_before_the_person_agrees_no_photo_is_taken(as_alice: Any, twin: Twin, link: str, judge: Any) -> None:
    with pytest.raises(consents.ConsentRequired, match="consent_required"):
        services.add_photo(twin, data=jpeg())


def test_a_new_link_ends_the_one_before_and_one_that_is_revoked_is_over(
    client: Any, guest: Guest, twin: Twin, link: str
) -> None:
    _invitation, second = invitations.invite(twin)
    assert guest.get(link).status_code == 410
    assert guest.get(f"/invited/{second}/").status_code == 200
    client.force_login(twin.user)
    client.post(f"/twins/{twin.id}/invite/revoke/")
    assert guest.get(f"/invited/{second}/").status_code == 410
    with pytest.raises(NotFound):
        invitations.revoke(twin)


def test_the_owner_cannot_revoke_what_the_person_agreed_to(twin: Twin, agreed: str) -> None:
    with pytest.raises(invitations.AlreadyAgreed):
        invitations.revoke(twin)


def test_the_owner_cannot_take_the_selfie(as_alice: Any, twin: Twin, agreed: str, photos: Any) -> None:
    assert code_of(as_alice.get(f"/api/v1/twins/{twin.id}/verification")) == (409, "consent_by_link")


def test_the_owners_face_is_not_that_of_the_photos(
    guest: Guest, agreed: str, photos: Any, work: Work
) -> None:
    """The owner opens the link, and sits there."""
    sit(guest, agreed, face=1)
    work()
    assert guest.get(f"{agreed}state/").json()["code"] == "selfie_other_face"
    assert not Proof.objects.exists()


# ---------------------------------------------------------------- the person's side


def test_a_person_without_an_account_agrees_and_verifies_the_twin(
    as_alice: Any, guest: Guest, twin: Twin, verified: str
) -> None:
    assert guest.get(f"{verified}state/").json()["status"] == "verified"
    proof, invitation = Proof.objects.get(), Invitation.objects.get()
    assert (proof.invitation, proof.consent) == (invitation, None)
    assert (invitation.version, invitation.language) == (VERSION, "en")
    assert invitation.wording.startswith("I am 18 or older")
    assert train(as_alice, twin).status_code == 202


def test_the_page_says_who_asks_and_measures_nothing_before_one_agrees(
    guest: Guest, link: str, photos: Any
) -> None:
    page = guest.get(link).content.decode()
    assert "alice@example.com" in page
    assert "selfie.js" not in page
    assert code_of(guest.get(f"{link}ask/")) == (403, "consent_required")
    guest.post(f"{link}agree/", {"version": VERSION})  # the box is not ticked
    assert agree(guest, link, version="2020-01").status_code == 302
    assert not Invitation.objects.exclude(agreed_at=None).exists()


def test_agreed_but_without_photos_the_page_says_to_come_back(guest: Guest, agreed: str) -> None:
    page = guest.get(agreed).content.decode()
    assert "The photos are not here yet" in page
    assert code_of(guest.get(f"{agreed}ask/")) == (409, "not_enough_photos")


def test_a_link_used_twice_says_so(guest: Guest, verified: str) -> None:
    again = Guest().get(verified)
    assert again.status_code == 410
    assert "used already" in again.content.decode()
    assert code_of(Guest().get(f"{verified}ask/")) == (410, "link_used")
    assert "all is done" in guest.get(verified).content.decode()  # who used it sees that all went well


def test_another_browser_agrees_again_before_it_can_sit(guest: Guest, agreed: str, photos: Any) -> None:
    challenge, other = guest.get(f"{agreed}ask/").json()["challenge"], Guest()
    assert code_of(other.get(f"{agreed}ask/")) == (403, "consent_required")
    assert "What you agree to" in other.get(agreed).content.decode()
    agree(other, agreed)
    assert code_of(other.post(f"{agreed}ask/", form(challenge))) == (404, "not_found")
    assert code_of(guest.get(f"{agreed}ask/")) == (403, "consent_required")  # the newest browser counts


@pytest.mark.parametrize("token", ["nothing", "a.b", "x" * 300])
@pytest.mark.parametrize("path", ["/invited/{}/", "/invited/{}/ask/", "/selfie/{}/", "/withdraw/{}/"])
def test_a_made_up_link_leads_nowhere(guest: Guest, path: str, token: str) -> None:
    assert guest.get(path.format(token)).status_code == 404
    assert "sessionid" not in guest.cookies


def test_a_link_is_over_after_seven_days(guest: Guest, link: str) -> None:
    assert Invitation.objects.get().expires_at > timezone.now() + timedelta(days=6)
    Invitation.objects.update(expires_at=timezone.now())
    assert guest.get(link).status_code == 410
    assert agree(guest, link).status_code == 302
    assert not Invitation.objects.exclude(agreed_at=None).exists()


# ---------------------------------------------------------------- withdrawal


def test_the_person_withdraws_by_their_own_link_and_all_of_it_goes(
    as_alice: Any, guest: Guest, twin: Twin, verified: str, work: Work
) -> None:
    train(as_alice, twin)
    work()
    training, link = Training.objects.get(), withdrawal_of(guest, verified)
    files, photo = store(twin.user_id), Photo.objects.all()[0]
    other = Guest()  # days later, on another machine
    assert "deleted for good" in other.get(link).content.decode()
    assert "is withdrawn" in other.post(link).content.decode()
    twin.refresh_from_db()
    assert twin.disabled_at
    assert twin.active_training is None
    assert not Photo.objects.exists()
    assert not any(map(files.exists, (training.lora, photo.clean, photo.thumbnail)))
    assert (Proof.objects.get().embedding, Selfie.objects.get().measures) == (None, {})
    assert Notice.objects.owned_by(twin.user).first().kind == "consent_withdrawn"
    assert "is withdrawn" in other.post(link).content.decode()  # twice is once
    assert guest.get(verified).status_code == 410


def test_the_owners_own_withdrawal_leaves_the_twin_of_somebody_else(
    as_alice: Any, twin: Twin, verified: str
) -> None:
    own = Twin.objects.create(user=twin.user, name="Own")
    assert as_alice.delete("/api/v1/consents/biometric_twin").status_code == 204
    assert [Twin.objects.get(id=each.id).disabled_at is None for each in (own, twin)] == [False, True]
    assert Proof.objects.live().exists()


def test_every_link_that_withdraws_goes_on_working(guest: Guest, twin: Twin, verified: str) -> None:
    first = withdrawal_of(guest, verified)
    _invitation, token = invitations.invite(twin)  # for a second selfie
    other = Guest()
    agree(other, f"/invited/{token}/")
    assert withdrawal_of(other, f"/invited/{token}/") != first
    assert Guest().get(first).status_code == 200


def test_a_withdrawn_twin_gets_no_new_link(guest: Guest, twin: Twin, agreed: str) -> None:
    guest.post(withdrawal_of(guest, agreed))
    with pytest.raises(services.TwinDisabled):
        invitations.invite(twin)
    assert not AuditEntry.objects.exists()


# ---------------------------------------------------------------- the owner's phone


@pytest.fixture
def phone(client: Any, twin: Twin, photos: Any) -> str:
    client.force_login(twin.user)
    page = client.post(f"/twins/{twin.id}/verify/phone/").content.decode()
    found = re.search(r"/selfie/[^/\"]+/", page)
    assert found
    return found[0]


def test_a_phone_goes_on_without_logging_in(
    as_alice: Any, guest: Guest, twin: Twin, phone: str, work: Work
) -> None:
    page = guest.get(phone)
    assert (page.status_code, "camera=(self)" in page["Permissions-Policy"]) == (200, True)
    assert sit(guest, phone).status_code == 202
    work()
    assert guest.get(f"{phone}state/").json()["status"] == "verified"
    assert as_alice.get(f"/api/v1/twins/{twin.id}/verification").json()["status"] == "verified"
    assert Proof.objects.get().consent.user == twin.user


def test_the_link_to_a_phone_belongs_to_the_first_browser_that_begins(guest: Guest, phone: str) -> None:
    guest.get(f"{phone}ask/")
    assert code_of(Guest().get(f"{phone}ask/")) == (410, "link_used")
    assert guest.get(f"{phone}ask/").status_code == 200


def test_the_link_to_a_phone_is_short_lived_and_the_newest_counts(
    guest: Guest, twin: Twin, phone: str
) -> None:
    newer = phones.make_link(twin)
    assert guest.get(phone).status_code == 404
    PhoneLink.objects.update(expires_at=timezone.now())
    assert code_of(guest.get(f"/selfie/{newer}/ask/")) == (410, "link_over")


def test_only_pages_with_a_camera_may_use_it(client: Any, twin: Twin, photos: Any) -> None:
    client.force_login(twin.user)
    policies = {path: client.get(path)["Permissions-Policy"] for path in ("/", "/studio/")}
    assert {policy.split(",")[0] for policy in policies.values()} == {"camera=()"}
    for path in (f"/twins/{twin.id}/", f"/twins/{twin.id}/verify/"):
        assert client.get(path)["Permissions-Policy"].startswith("camera=(self)")
