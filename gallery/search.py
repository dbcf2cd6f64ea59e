"""Search of items by filters, words and order. The page, the API and archives share it."""

from __future__ import annotations

import functools
import operator
import re
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.errors import Invalid
from config.web.text import TextField
from gallery.models import Item

ORDERS = {"": ("-created_at", "-id"), "newest": ("-created_at", "-id"), "oldest": ("created_at", "id")}
# PostgreSQL fails on some thirty minuses in a row, and reads one without a word after it as nothing.
MINUSES, LONE_MINUS = re.compile(r"-[-\s]*-"), re.compile(r'-(?![\w"])')
CHINESE = re.compile("(-?)([㐀-鿿぀-ヿ]+)")  # a run of Chinese characters, and a minus before it


class Filters(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=Item.Kind.choices, required=False)
    twin = serializers.UUIDField(required=False)
    style = TextField(max_length=20, required=False)
    favourite = serializers.BooleanField(required=False)
    tag = TextField(max_length=40, required=False)
    album = serializers.UUIDField(required=False)
    q = TextField(max_length=200, required=False)
    ordering = serializers.ChoiceField(choices=list(ORDERS), required=False)


FILTERS = tuple(Filters().fields)


def selected(user: Any, query: Any) -> tuple[Any, tuple[str, ...]]:
    """Returns (the user's items that match `query`, the sort order). Raises Invalid."""
    form = Filters(data={k: query[k] for k in FILTERS if query.get(k, "") != ""})
    form.is_valid(raise_exception=True)
    wanted = dict(form.validated_data)
    rows = Item.objects.owned_by(user)
    order = ORDERS[wanted.pop("ordering", "")]
    if q := wanted.pop("q", ""):
        rows = rows.filter(search=sought(q))
    if tag := wanted.pop("tag", ""):
        rows = rows.filter(tags__contains=[tag.lower()])
    if album := wanted.pop("album", None):
        rows = rows.filter(albums=album, albums__user=user)
    return rows.filter(**wanted), order


def sought(q: str) -> SearchQuery:
    """Parses the text of a search box: words, "quoted phrases", `or`, and -word for exclusion.

    A run of Chinese characters matches by its pairs, a single character by itself. Runs are joined by "and".
    """
    q = LONE_MINUS.sub(" ", MINUSES.sub("-", q))
    found = SearchQuery(CHINESE.sub(" ", q), config="simple", search_type="websearch")
    for minus, run in CHINESE.findall(q):
        pairs = [run[i : i + 2] for i in range(len(run) - 1)] or [run]
        here = [SearchQuery(pair, config="simple", search_type="plain", invert=bool(minus)) for pair in pairs]
        found &= functools.reduce(operator.or_ if minus else operator.and_, here)
    return found


def chosen(user: Any, form: dict[str, Any]) -> Any:
    """The user's items with these `ids`; else those that match `filter`; else all. Raises Invalid."""
    if "ids" in form:
        return Item.objects.owned_by(user).filter(id__in=form["ids"])
    return selected(user, form.get("filter", {}))[0]


def check_names(filters: dict[str, Any]) -> None:
    """Raises Invalid for an unknown filter: a misspelt filter must not select all items."""
    if strange := sorted(set(filters) - set(FILTERS)):
        raise Invalid(
            errors={f"filter.{name[:40]}": [str(_("There is no such filter."))] for name in strange[:10]}
        )
