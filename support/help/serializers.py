from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from config.web.text import TextField
from support.help.library import SECTIONS, Article

MOST = 200  # signs of a search


class SearchForm(serializers.Serializer):  # type: ignore[type-arg]
    q = TextField(max_length=MOST, allow_blank=True)


class VoteForm(serializers.Serializer):  # type: ignore[type-arg]
    helpful = serializers.BooleanField()
    text = TextField(max_length=1000, required=False, allow_blank=True)


class ArticleSerializer(serializers.Serializer):  # type: ignore[type-arg]
    slug = serializers.CharField()
    section = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    language = serializers.CharField(help_text="`en` where the article is not translated")
    url = serializers.URLField(help_text="its page")


def show_article(article: Article) -> dict[str, Any]:
    return {
        "slug": article.slug,
        "section": str(SECTIONS[article.section]),
        "title": article.title,
        "summary": article.summary,
        "language": article.language,
        "url": f"{settings.ORIGIN}{article.address}",
    }
