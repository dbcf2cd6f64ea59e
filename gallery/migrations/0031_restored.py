from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0031_stacks")]

    operations = [
        migrations.AlterField(
            model_name="item",
            name="kind",
            field=models.CharField(
                choices=[("image", "picture"), ("video", "clip"), ("restored", "restored picture")],
                default="image",
                max_length=10,
            ),
        )
    ]
