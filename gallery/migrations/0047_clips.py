from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0046_face_prints")]

    operations = [
        migrations.AddField("item", "likeness_low", models.FloatField(null=True)),
        migrations.AddField("item", "duration", models.FloatField(null=True)),
    ]
