import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0015_faces")]

    operations = [
        migrations.AddField(
            model_name="item",
            name="original",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="edits",
                to="gallery.item",
            ),
        )
    ]
