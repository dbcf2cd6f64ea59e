from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0007_match_owner")]

    operations = [
        migrations.AddIndex(
            model_name="case", index=models.Index(fields=["subject_id"], name="cases_of_subject")
        )
    ]
