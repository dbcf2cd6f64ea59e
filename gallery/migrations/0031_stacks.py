import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0030_archive")]

    operations = [
        migrations.AddField(
            model_name="item",
            name="keeper",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="stacked",
                to="gallery.item",
            ),
        )
    ]
