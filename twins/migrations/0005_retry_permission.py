from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("twins", "0004_run_columns")]

    operations = [
        migrations.AlterModelOptions(
            name="training",
            options={
                "ordering": ("-number",),
                "permissions": (("retry_training", "Can run a failed training again"),),
            },
        )
    ]
