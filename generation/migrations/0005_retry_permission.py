from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("generation", "0004_run_columns")]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={
                "ordering": ("-created_at", "-id"),
                "permissions": (("retry_job", "Can run a failed job again"),),
            },
        )
    ]
