from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0028_jobs_by_end")]
    operations = [
        migrations.AddField("job", "demonstration", models.BooleanField(default=False, db_default=False))
    ]
