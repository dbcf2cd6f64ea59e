from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0010_restore")]

    operations = [
        migrations.AddField(model_name="job", name="reference", field=models.UUIDField(null=True)),
        migrations.AddField(model_name="job", name="strength", field=models.FloatField(null=True)),
        migrations.AddField(model_name="job", name="mask", field=models.UUIDField(null=True)),
        migrations.AddField(
            model_name="job",
            name="region",
            field=models.CharField(blank=True, db_default="", default="", max_length=12),
        ),
        migrations.AddField(
            model_name="job", name="times", field=models.PositiveSmallIntegerField(null=True)
        ),
    ]
