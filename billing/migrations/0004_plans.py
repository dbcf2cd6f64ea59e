"""The plans and packs that come with it; staff change them."""

from django.db import migrations

MONTHLY = {"monthly": True, "lasts_months": 1}
PLANS = {
    "free": {
        "name": "Free",
        "credits": 3,
        "monthly": False,
        "lasts_months": 0,
        "twins": 1,
        "jobs": 3,
        "longest": 1024,
        "order": 0,
    },
    "creator": {
        "name": "Creator",
        "price_cents": 2000,
        "price_year_cents": 20000,
        "credits": 200,
        "twins": 3,
        "jobs": 5,
        "order": 1,
        **MONTHLY,
    },
    "pro": {
        "name": "Pro",
        "price_cents": 4000,
        "price_year_cents": 40000,
        "credits": 500,
        "twins": 10,
        "jobs": 10,
        "order": 2,
        **MONTHLY,
    },
    "enterprise": {
        "name": "Enterprise",
        "price_cents": 9900,
        "price_year_cents": 99000,
        "credits": 5000,
        "unlimited": True,
        "twins": 0,
        "jobs": 20,
        "order": 3,
        **MONTHLY,
    },
}
PACKS = {
    "small": {"credits": 50, "price_cents": 600},
    "medium": {"credits": 150, "price_cents": 1600},
    "large": {"credits": 500, "price_cents": 4500},
}


def deliver(plan, pack):
    for code, facts in PLANS.items():
        plan.objects.get_or_create(code=code, defaults=facts)
    for code, facts in PACKS.items():
        pack.objects.get_or_create(code=code, defaults=facts)


def forward(apps, editor):
    plan = apps.get_model("billing", "Plan")
    plan.objects.filter(code="free").update(
        lasts_months=0, jobs=3, longest=1024
    )  # it was there before its new columns
    deliver(plan, apps.get_model("billing", "Pack"))


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_payments")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
