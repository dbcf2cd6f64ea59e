from django.db import migrations


def to_channels(apps, schema_editor):
    """Until now a preference was one yes or no, about e-mails. Topics that never sent any are left out."""
    user = apps.get_model("accounts", "User")
    for person in user.objects.exclude(notifications={}).iterator():
        kept = {
            t: v
            for t, v in person.notifications.items()
            if t in ("training", "generation", "export", "account")
        }
        person.notifications = {t: {"email": v} if isinstance(v, bool) else v for t, v in kept.items()}
        person.save(update_fields=["notifications"])


def to_switches(apps, schema_editor):
    user = apps.get_model("accounts", "User")
    for person in user.objects.exclude(notifications={}).iterator():
        person.notifications = {t: v.get("email", True) for t, v in person.notifications.items()}
        person.save(update_fields=["notifications"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0020_notices")]

    operations = [migrations.RunPython(to_channels, to_switches)]
