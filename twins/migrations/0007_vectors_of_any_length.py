import pgvector.django.vector
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("twins", "0006_likeness_as_probability")]

    operations = [migrations.AlterField("photo", "embedding", pgvector.django.vector.VectorField(null=True))]
