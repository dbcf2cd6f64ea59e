from django.db import migrations, models

WORDS = {"blank": True, "default": "", "db_default": ""}


class Migration(migrations.Migration):
    dependencies = [("generation", "0023_adult")]

    operations = [
        migrations.AddField("job", "duration", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("job", "motion", models.CharField(max_length=20, **WORDS)),
        migrations.AddField("job", "action", models.CharField(max_length=300, **WORDS)),
    ]
