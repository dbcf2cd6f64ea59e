"""/help."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from config.web.ratelimit import limited
from support.help import library
from support.help.search import search
from support.help.serializers import ArticleSerializer, SearchForm, show_article


class HelpView(APIView):
    permission_classes = ()

    @extend_schema(
        parameters=[OpenApiParameter("q", str, description="words to search with; without them, all")],
        responses=ArticleSerializer(many=True),
    )
    @limited("help_search")
    def get(self, request: Any) -> Response:
        """The articles of the help, as its pages have them; with `q` what is found, the best first."""
        form, language = SearchForm(data={"q": request.GET.get("q", "")}), get_language() or ""
        form.is_valid(raise_exception=True)
        words = form.validated_data["q"]
        found = [hit.article for hit in search(words, language)] if words else library.articles(language)
        return Response([show_article(each) for each in found])
