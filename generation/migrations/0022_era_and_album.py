import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0012_reference"), ("gallery", "0035_edits")]
    operations = [
        migrations.AddField("job", "era", models.CharField(max_length=8, null=True)),
        migrations.AddField(
            "job",
            "album",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="gallery.album"
            ),
        ),
    ]
