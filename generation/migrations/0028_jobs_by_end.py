from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("generation", "0026_presets")]
    operations = [AddIndexConcurrently("job", models.Index(fields=["finished_at"], name="jobs_by_end"))]
