"""What the services and workers would make, written straight into the tables and the vault.

Hundreds of tests begin with a trained twin, and the real way takes longer than most of these tests.
tests/twins/test_quick.py compares both ways.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from tests.studio import EngineDouble

DONE = {"status": "succeeded", "stage": "finishing", "share": 1.0, "attempt": 1, "version": 8}
FREE = {"free": True, "price": 0, "captured": 0, "units": 1}


def person(email: str, password: str) -> Any:
    """A user with a confirmed address."""
    from allauth.account.models import EmailAddress
    from django.contrib.auth import get_user_model

    user = get_user_model()(email=email)
    user.set_password(password)
    type(user).objects.bulk_create([user])
    EmailAddress.objects.bulk_create([EmailAddress(user=user, email=email, verified=True, primary=True)])
    return user


def consent(user: Any, *kinds: str) -> None:
    """Given in English, for the first time."""
    from accounts.consents import WORDING
    from accounts.models import Consent

    Consent.objects.bulk_create(
        Consent(user=user, kind=kind, version=WORDING[kind][0], wording=str(WORDING[kind][1]), language="en")
        for kind in kinds
    )


def twin(user: Any) -> Any:
    """The first twin of a user, who gets a wallet with the credits of the Free plan."""
    from billing.models import Plan, Wallet
    from twins.models import Twin

    if not Wallet.objects.filter(user=user).exists():
        fill_wallet(Wallet(user=user, plan=Plan.objects.get(code="free")))
    made = Twin(user=user, name="Me", subject_class="woman")
    Twin.objects.bulk_create([made])
    return made


def fill_wallet(wallet: Any) -> None:
    """A new wallet, with the credits of its plan."""
    from billing.models import LedgerAccount, Transfer

    type(wallet).objects.bulk_create([wallet])
    issued = LedgerAccount.objects.filter(kind="issued").first() or LedgerAccount(kind="issued")
    own = LedgerAccount(wallet=wallet.id, kind="available", lot=uuid.uuid4())
    LedgerAccount.objects.bulk_create([own] if issued.pk else [own, issued])
    granted = {"amount": wallet.plan.credits, "kind": "grant", "cause": f"plan:{wallet.plan_id}:{wallet.id}"}
    Transfer.objects.bulk_create(
        [Transfer(debit=issued, credit=own, lot=own.lot, wallet=wallet.id, **granted)]
    )


def train(twin: Any, photos: list[Any], engine: EngineDouble) -> None:
    """The first training of a twin on `nano` has succeeded. It was the free one of the user's plan."""
    from billing.models import Wallet
    from tests.conftest import fill
    from twins.models import Training, Twin

    training, data = trained_by(engine, twin)
    Training.objects.bulk_create([training])
    link = Training.photos.through
    link.objects.bulk_create(link(training=training, photo=photo) for photo in photos)
    fill(twin.user_id, {training.lora: data, training.sample(0): engine.sample(data, training.seed)})
    Twin.objects.filter(id=twin.id).update(active_training=training, had_free_training=True)
    Wallet.objects.filter(user=twin.user_id).update(free_trainings=1)
    told(training, "training_done", twin=str(twin.id))


def trained_by(engine: EngineDouble, twin: Any) -> tuple[Any, bytes]:
    """The row, not yet saved, and the weights."""
    from django.conf import settings
    from django.utils import timezone

    from twins import renewals
    from twins.models import Training
    from twins.tasks import _outcome

    nano = {"number": 1, "base": "nano", "engine": "nano", "seed": 1}
    training = Training(user=twin.user, twin=twin, **nano, **DONE, **FREE)
    data = engine.weights(training.folder, training.seed)
    training.threads, training.base_version = settings.STUDIO_THREADS, renewals.today("nano")
    training.enqueued_at = training.started_at = training.finished_at = timezone.now()
    for name, value in _outcome(engine.report(training.folder, data)).items():
        setattr(training, name, value)
    return training, data


def told(run: Any, kind: str, **facts: str) -> None:
    """The notice that a run has ended."""
    from accounts.notices.models import Notice

    about = {"subject_kind": run._meta.label_lower, "subject_id": run.id, "facts": facts}
    at = run.finished_at
    mail_at = at + timedelta(minutes=2)
    Notice.objects.bulk_create([Notice(user=run.user, kind=kind, created_at=at, mail_at=mail_at, **about)])
