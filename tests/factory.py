"""A user with every kind of object, in rows and in the vault.

Texts about the user contain `name`, so that tests can search for what an erasure left.
"""

from __future__ import annotations

import uuid
from base64 import b64encode
from typing import Any

from django.utils import timezone

from tests.conftest import jpeg
from tests.restoring import restoration_of
from tests.studio import paint

PASSWORD = "a long password"
# The hash of "open sesame" by gallery/sharing/passwords.py: making one takes a fifth of the time of a user.
SESAME = "$argon2id$v=19$m=19456,t=2,p=1$c2hhcmUgbGluayBzYWx0Lg$8PPcFF5GTFKhsnLhEs016xt3F75YkyZ2+RFAhV3UwOM"


def full_user(name: str, *, staff: Any = None) -> Any:
    """Puts `name` into the e-mail address, the display name, prompts, notes and file names."""
    from allauth.account.models import EmailAddress
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.create_user(
        email=f"{name}@example.com", password=PASSWORD, display_name=f"{name} Example", phone=f"+1 {name}"
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    _account(user, name)
    twin = _twin(user, name)
    item = _pictures(user, twin, name)
    decided_about(user)
    judged(user)
    _money(user)
    _log(user, twin, item, staff)
    return user


def code_of(user: Any) -> str:
    """The id of a code to a new number."""
    from accounts.phones.models import PhoneCode

    facts = {"purpose": "change", "channel": "sms", "phone": "+34612345678", "block": "", "asker": ""}
    return str(PhoneCode.objects.create(user=user, **facts).id)


def _account(user: Any, name: str) -> None:
    from allauth.account.models import EmailAddress, EmailConfirmation
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
    from django.contrib.auth.models import Group, Permission
    from django.test import Client

    from accounts import consents
    from accounts.models import Consent, Export
    from accounts.notices.models import Notice, PushSubscription
    from accounts.vault.vault import store

    for_programs(user, name)
    code_of(user)
    for kind in consents.offered():
        consents.give(user, kind=kind, version=consents.WORDING[kind][0])
    Consent.objects.create(
        user=user, kind="terms", version="2020-01", wording="old", language="en", withdrawn_at=timezone.now()
    )
    Client().force_login(user)  # creates a session and its UserSession row
    EmailConfirmation.create(EmailAddress.objects.get(user=user)).save()
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    # Rows of the migrations: these tables are kept from one test to the next (KEPT in database.py).
    user.groups.add(Group.objects.get(name="support"))
    user.user_permissions.add(Permission.objects.get(codename="view_consent"))
    export = Export.objects.create(
        user=user,
        scope="items",
        status="succeeded",
        chosen={"filter": {"q": name}},
        expires_at=timezone.now(),
    )
    store(user.id).write(export.file, f"an archive of {name}".encode())
    Notice.objects.create(user=user, kind="export_done", subject_kind="accounts.export", subject_id=export.id)
    PushSubscription.objects.create(user=user, endpoint=f"https://push.example/{name}", device=name)


def _twin(user: Any, name: str) -> Any:
    """A twin with photos in every state, and with trainings that succeeded and failed."""
    from accounts.vault.vault import store
    from ml.avatar.avatar import Avatar as Drawn
    from ml.avatar.skin import PLAIN
    from twins.avatars.models import Avatar
    from twins.models import Photo, Training, Twin

    twin, files = Twin.objects.create(user=user, name=f"Twin of {name}"), store(user.id)
    common = {"user": user, "twin": twin, "file_name": f"{name}.jpg"}
    face = {"embedding": [1.0, *[0.0] * 127], "embedder": "test", "box": [10, 10, 200, 220], "hash": 1}
    photo = Photo.objects.create(**common, **face, status="succeeded", accepted=True, idempotency_key=name)
    for file in (photo.clean, photo.thumbnail):
        files.write(file, jpeg(7))
    Photo.objects.create(**common, status="succeeded", accepted=False, code="blurred")
    checked = Photo.objects.create(**common, status="queued")
    files.write(checked.quarantine, jpeg(8))
    trained = {"user": user, "twin": twin, "base": "nano"}
    done = Training.objects.create(**trained, number=1, status="succeeded", sha256="0" * 64, samples=1)
    done.photos.add(photo)
    files.write(done.lora, f"lora of {name}".encode())
    drawn = Avatar.objects.create(user=user, twin=twin, shown=False, status="succeeded")
    drawn.keep(Drawn(PLAIN))
    files.write(done.sample(0), paint(b"", 1))
    Training.objects.create(**trained, number=2, status="failed", error_code="internal")
    twin.active_training = done
    twin.save()
    _selfies(twin, photo)
    upload_of(twin, name)
    return twin


def upload_of(twin: Any, name: str = "a") -> str:
    """Half of a photo has arrived. Answers the upload's id."""
    from twins.uploads.models import Upload

    told = f"filename {b64encode(f'{name}.jpg'.encode()).decode()}"
    upload = Upload(user=twin.user, twin=twin, length=2 * len(jpeg()), metadata=told)
    upload.append(jpeg())
    upload.save()
    return str(upload.id)


def _selfies(twin: Any, photo: Any) -> None:
    """A proof with its selfie, a link to a phone, and a twin of somebody else with a consent link."""
    from accounts.models import Consent
    from accounts.vault.vault import store
    from twins.models import Twin
    from twins.proof import links
    from twins.proof.models import INVITED, PHONE, Challenge, Invitation, PhoneLink, Proof, Selfie

    own = {"user": twin.user, "twin": twin}
    challenge = Challenge.objects.create(**own, steps=["left"], expires_at=timezone.now())
    face = {"embedding": [1.0, *[0.0] * 127], "embedder": "test"}
    selfie = Selfie.objects.create(
        **own, challenge=challenge, shown=False, status="succeeded", accepted=True, frame_hashes=["0" * 64]
    )
    for name in (selfie.frames_file, selfie.face_file):
        store(twin.user_id).write(name, jpeg(9))
    consent = Consent.objects.get(user=twin.user, kind="biometric_twin", withdrawn_at=None)
    Proof.objects.create(**own, **face, selfie=selfie, consent=consent).photos.add(photo)
    links.make(PhoneLink, valid=PHONE, **own)
    other = Twin.objects.create(user=twin.user, name="Somebody else", of_other=True)
    links.make(Invitation, valid=INVITED, user=twin.user, twin=other)


def _pictures(user: Any, twin: Any, name: str) -> Any:
    from gallery.models import Album, AlbumItem, Item
    from gallery.services import save_item
    from gallery.shelf.models import BulkEdit
    from generation.models import Job, Output
    from generation.sessions.models import Session
    from twins.redo.models import Mark, Redo

    asked = {"user": user, "twin": twin, "training": twin.active_training, "prompt": f"{name} in a park"}
    job = Job.objects.create(**asked, seed=1, status="succeeded", negative_prompt=f"no {name}")
    item = Item(
        user=user,
        twin=twin,
        job=job.id,
        prompt=job.prompt,
        notes=f"note of {name}",
        tags=[name],
        width=64,
        height=64,
    )
    for field, value in save_item(user.id, item.id, paint(b"", 1)).items():
        setattr(item, field, value)
    item.recipe = job.recipe
    item.save()
    restored = restoration_of(user, jpeg(11))
    restored.notes, restored.tags = f"note of {name}", [name]
    restored.save()
    Output.objects.create(job=job, index=0, item=item.id)
    session = Session.objects.create(user=user, name=f"Session of {name}")
    session.jobs.add(job)
    session.items.add(item)
    version = {"user": user, "twin": twin, "training": twin.active_training}
    Mark.objects.create(**version, item=item.id, in_time=True)
    Redo.objects.create(**version, marks=1)
    AlbumItem.objects.create(album=Album.objects.create(user=user, name=f"Album of {name}"), item=item)
    faces_in(item)
    BulkEdit.objects.create(user=user, count=1, before={"tags": [[str(item.id), [name], []]]})
    _public(item, name)
    _said(item, name)
    return item


def _said(item: Any, name: str) -> None:
    """A rating of the picture, feedback on the product, and settings saved by name."""
    from gallery.ratings.models import Rating
    from generation.presets.models import StudioPreset
    from support.feedback.models import Feedback
    from support.help.models import HelpVote

    Rating.objects.create(user=item.user, item=item.id, kind="image", likeness=2, words=f"words of {name}")
    Feedback.objects.create(user=item.user, page="/studio/", text=f"feedback of {name}", language="en")
    HelpVote.objects.create(
        user=item.user, article="locked", helpful=False, text=f"help of {name}", language="en"
    )
    StudioPreset.objects.create(user=item.user, name=f"Preset of {name}", settings={"style": "noir"})
    ticket_of(item.user, name)


def ticket_of(user: Any, name: str = "a") -> str:
    """A conversation with a picture, and a held e-mail about it. Answers its id."""
    from accounts.vault.vault import store
    from support.tickets.models import Attachment, HeldMail, Message, Ticket

    ticket = Ticket.objects.create(user=user, subject=f"subject of {name}", language="en")
    said = Message.objects.create(ticket=ticket, user=user, by="person", text=f"words of {name}")
    row = Attachment.objects.create(user=user, ticket=ticket, message=said, number=0, width=1, height=1)
    for file in (row.content, row.thumbnail):
        store(user.id).write(file, jpeg(9))
    HeldMail.objects.create(reason="sender", sender=f"{name}@elsewhere.example", ticket=ticket)
    return str(ticket.id)


def _public(item: Any, name: str) -> None:
    """A share link with a password, and a publication with a like and a comment."""
    from gallery.sharing import links
    from gallery.sharing.models import Author, Comment, Like, Publication

    user = item.user
    link = links.share_items(user, [item.id])
    link.password_hash = SESAME
    link.save()
    author = Author.objects.create(user=user, name=f"Author {name}")
    own = {"user": user, "author": author}
    row = Publication.objects.create(id=item.id, item=item, caption=f"caption of {name}", **own)
    Like.objects.create(publication=row, user=user)
    Publication.objects.filter(id=row.id).update(likes=1)
    Comment.objects.create(publication=row, text=f"comment of {name}", **own)


def faces_in(item: Any) -> dict[str, str]:
    """A measured face in a picture, named by the owner: kind of object -> id. The consent is there too."""
    from accounts import consents
    from gallery.faces import people
    from gallery.faces.models import Face, FaceIndex, FaceQuery, FaceVector, Indexing, Measured

    user, of = item.user, {"user": item.user, "item": item}
    consents.give(user, kind="face_search", version=consents.WORDING["face_search"][0])
    place = {"box": [0.1, 0.1, 0.5, 0.5], "points": [0.2] * 10, "score": 1.0, "quality": 1.0}
    face = Face.objects.create(**of, **place, number=0, kind="image", made_at=item.created_at)
    FaceVector.objects.create(user=user, face=face, embedder="test", embedding=[1.0, *[0.0] * 127])
    Measured.objects.create(**of, embedders="test")
    FaceIndex.objects.create(user=user, embedders="test")
    Indexing.objects.create(user=user, status="succeeded", shown=False)
    FaceQuery.objects.create(user=user, status="failed", shown=False)
    naming = people.name_faces(user, faces=[face.id], name=f"Friend {user.display_name}"[:80])
    return {"face": str(face.id), "person": str(naming.person_id), "naming": str(naming.id)}


def on_the_shelf(user: Any) -> dict[str, str]:
    """The ids of a locked item and of a bulk edit."""
    from gallery.models import Item
    from gallery.shelf.models import BulkEdit

    locked = Item.objects.create(user=user, width=1, height=1, size=0, locked=True)
    return {"locked": str(locked.id), "edit": str(BulkEdit.objects.create(user=user, count=0).id)}


def judged(user: Any) -> None:
    """A strike, a suspension that is over, and a refused proof of age."""
    from accounts.standing.models import Suspension
    from moderation.adult.models import AgeCheck
    from moderation.standing.models import Strike

    now = timezone.now()
    Strike.objects.create(user=user, rule="sexual", text=f"strike of {user.display_name}", expires_at=now)
    asked = {"verifier": "document", "country": "ES", "state": "refused", "document_deleted_at": now}
    AgeCheck.objects.create(user=user, reason=f"not {user.display_name}", **asked)
    Suspension.objects.create(user=user, reason="abuse", text=f"{user.display_name} did it", until=now)


def decided_about(user: Any) -> str:
    """A decision about something of the user's, who appealed it and reported something else: its id."""
    from moderation.cases.models import Appeal, Case, Decision, Match, Notice

    case = Case.objects.create(
        number=f"PF-{uuid.uuid4().hex[:6]}", kind="report", owner=user, reason="hate", state="decided"
    )
    Match.objects.create(case=case, subject_kind="item", subject_id=str(uuid.uuid4()), state="look")
    made = Decision.objects.create(case=case, outcome="keep", reason="allowed", text=user.display_name)
    Appeal.objects.create(decision=made, user=user, text=f"{user.display_name} agreed")
    mine = Case.objects.create(number=f"PF-{uuid.uuid4().hex[:6]}", kind="report", reason="hate")
    contact = {"contact": user.email or "", "name": user.display_name, "text": f"by {user.display_name}"}
    Notice.objects.create(case=mine, user=user, reporter="x" * 64, reason="hate", **contact)
    return str(made.id)


def shared_by(user: Any, item: Any) -> dict[str, str]:
    """The ids of a share link and of a comment by this user, on a published picture of theirs."""
    from gallery.models import Item
    from gallery.sharing import links
    from gallery.sharing.models import Author, Comment, Publication

    author = Author.objects.create(user=user, name=f"Author {str(user.id)[:8]}")
    public = Item.objects.create(user=user, width=1, height=1, size=0)
    row = Publication.objects.create(id=public.id, item=public, user=user, author=author, status="published")
    comment = Comment.objects.create(publication=row, user=user, author=author, text="Nice")
    return {"share": str(links.share_items(user, [item.id]).id), "comment": str(comment.id)}


def bill_of(user: Any) -> str:
    from billing import ledger
    from billing.models import Invoice

    facts = {"status": "paid", "currency": "usd", "total": 600, "created_at": user.date_joined}
    return Invoice.objects.create(id="in_1", wallet=ledger.wallet_of(user).id, **facts).id


def start_work(user: Any) -> Any:
    """A running training and a queued job, each with its hold."""
    from billing import ledger
    from generation.models import Job
    from twins.models import Training

    ledger.grant(ledger.wallet_of(user), 100, cause=f"test:{uuid.uuid4()}")
    twin = user.twins.get(of_other=False)
    training = Training(user=user, twin=twin, base="nano", number=3, price=20)
    training.enqueue()
    Training.claim(training.id)
    job = Job(user=user, twin=twin, training=twin.active_training, prompt=twin.name, seed=2, price=1)
    job.enqueue()
    return training


def _money(user: Any) -> None:
    from billing import ledger
    from billing.models import Invoice, Plan, Subscription

    now, wallet = timezone.now(), ledger.wallet_of(user)
    plan = Plan.objects.get(code="creator")
    number = uuid.uuid4().hex
    Subscription.objects.create(
        id=f"sub_{number}",
        wallet=wallet.id,
        plan=plan,
        interval="month",
        status="canceled",
        anchor=now,
        period_start=now,
        period_end=now,
        created_at=now,
        ended_at=now,
    )
    Invoice.objects.create(
        id=f"in_{number}",
        wallet=wallet.id,
        status="paid",
        currency="usd",
        total=600,
        created_at=now,
        plan=plan,
    )
    ledger.grant(wallet, 100, cause=f"test:{number}")


def _log(user: Any, twin: Any, item: Any, staff: Any) -> None:
    """Audit and admin log entries by the user and about the user."""
    from allauth.account.models import EmailAddress
    from django.contrib.admin.models import CHANGE, LogEntry

    from moderation.models import AuditEntry

    AuditEntry.objects.create(actor=user, verb="prompt_refused", detail="minors")
    AuditEntry.objects.create(actor=staff, verb="warned", subject_kind="user", subject_id=str(user.id))
    for thing in (user, twin, EmailAddress.objects.get(user=user)):
        LogEntry.objects.log_actions(
            user_id=(staff or user).id,
            queryset=[thing],
            action_flag=CHANGE,
            change_message=f"changed {thing}",
            single_object=True,
        )
    LogEntry.objects.log_actions(
        user_id=user.id, queryset=[item], action_flag=CHANGE, change_message="x", single_object=True
    )


def for_programs(user: Any, name: str = "a") -> dict[str, str]:
    """An API key, and a webhook with a delivery: their ids."""
    from accounts.developers.services import create_key
    from accounts.developers.webhooks import create_webhook, send_test

    key, _secret = create_key(user, name=f"{name}'s phone", scopes=["read"])
    hook, _secret = create_webhook(user, url=f"https://{name}.example/", events=["export.failed"])
    send_test(hook).attempts.create(at=timezone.now(), status=500, milliseconds=1)
    return {"key": str(key.id), "webhook": str(hook.id)}
