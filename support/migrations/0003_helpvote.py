import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("support", "0001_feedback"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="HelpVote",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("visitor", models.CharField(blank=True, editable=False, max_length=64)),
                ("article", models.SlugField(db_index=False, max_length=60, verbose_name="article")),
                ("language", models.CharField(max_length=10, verbose_name="language")),
                ("helpful", models.BooleanField(verbose_name="helpful")),
                ("text", models.TextField(blank=True, max_length=1000, verbose_name="words")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "answer about an article",
                "verbose_name_plural": "answers about articles",
                "ordering": ("-created_at", "-id"),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("user__isnull", False)),
                        fields=("article", "user"),
                        name="one_vote_of_a_user",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("visitor", ""), _negated=True),
                        fields=("article", "visitor"),
                        name="one_vote_of_a_visitor",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("user", None), ("visitor", ""), _connector="XOR"),
                        name="vote_of_a_user_or_visitor",
                    ),
                ],
            },
        )
    ]
