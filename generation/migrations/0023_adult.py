"""Whether a job asks for adult content."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0022_era_and_album")]

    operations = [
        migrations.AddField(
            model_name="job", name="adult", field=models.BooleanField(db_default=False, default=False)
        )
    ]
