"""Search of items by filters, words and order. The page, the API and archives share it."""

from __future__ import annotations

import functools
import operator
import re
from typing import Any

from django.conf import settings
from django.contrib.postgres.search import SearchQuery
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from rest_framework import serializers

from config.errors import Invalid
from config.web.labels import STYLE_NAMES
from config.web.text import TextField
from gallery.faces.models import Face
from gallery.models import Item
from twins.demonstration import DEMONSTRATION
from twins.models import Twin

ORDERS = {"": ("-created_at", "-id"), "newest": ("-created_at", "-id"), "oldest": ("created_at", "id")}
ARCHIVED = ("false", "true", "any")
CHINESE = re.compile("[㐀-鿿぀-ヿ]+")
TERM = re.compile(r'(-?)("[^"]*"?|\S+)')
WORD = re.compile(r"[^\W_]+")


class Filters(serializers.Serializer):  # type: ignore[type-arg]
    kind = serializers.ChoiceField(choices=Item.Kind.choices, required=False)
    twin = serializers.UUIDField(
        required=False, help_text="one's own, or the demonstration person of /twins/demonstration"
    )
    style = TextField(max_length=20, required=False)
    favourite = serializers.BooleanField(required=False)
    tag = TextField(max_length=40, required=False)
    album = serializers.UUIDField(required=False)
    archived = serializers.ChoiceField(
        choices=ARCHIVED, required=False, help_text="without it: false, and any in an album"
    )
    folded = serializers.BooleanField(
        required=False, help_text="true: of each stack the keeper alone, as the gallery's page shows it"
    )
    person = serializers.UUIDField(required=False, help_text="see /people")
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
    archived = wanted.pop("archived", "any" if "album" in wanted else "false")
    if archived != "any":
        rows = rows.filter(archived=archived == "true")
    if wanted.pop("folded", False):
        rows = rows.filter(keeper=None)
    if q := wanted.pop("q", ""):
        rows = rows.filter(sought(user, q))
    if tag := wanted.pop("tag", ""):
        rows = rows.filter(tags__contains=[tag.lower()])
    if person := wanted.pop("person", None):
        rows = rows.filter(id__in=Face.objects.filter(user=user, person=person).values("item"))
    if wanted.get("twin") == DEMONSTRATION:
        rows = rows.filter(demonstration=True)
        del wanted["twin"]
    if album := wanted.pop("album", None):
        rows = rows.filter(albums=album, albums__user=user)
    return rows.filter(**wanted), order


def sought(user: Any, q: str) -> Q:
    """Parses the text of a search box: words, "quoted phrases", `or`, and -word for exclusion.

    A term is sought in the prompt, the notes and the tags, in the names of the user's twins, and in the names
    of styles in every language.
    """
    twins = list(Twin.objects.owned_by(user).values_list("id", "name"))
    either: list[list[Q]] = [[]]
    for minus, text in TERM.findall(q):
        if not minus and text.lower() == "or":
            either.append([])
        elif WORD.search(text):
            found = _found(text, twins)
            either[-1].append(~found if minus else found)
    nothing = Q(pk__in=[])
    return functools.reduce(operator.or_, [Q(*terms) for terms in either if terms], nothing)


def _found(text: str, twins: list[tuple[Any, str]]) -> Q:
    found = Q(search=_written(text))
    if named := [ident for ident, name in twins if _names(text, name)]:
        found |= Q(twin__in=named)
    if styles := [style for style, names in _styles().items() if any(_names(text, name) for name in names)]:
        found |= Q(style__in=styles)
    return found


def _written(text: str) -> SearchQuery:
    """A run of Chinese characters matches by its pairs, a single character by itself."""
    runs = CHINESE.findall(text)
    parts = [SearchQuery(run[i : i + 2], config="simple") for run in runs for i in _pairs(run)]
    if WORD.search(words := CHINESE.sub(" ", text)):
        parts.append(SearchQuery(words, config="simple", search_type="phrase"))
    return functools.reduce(operator.and_, parts)


def _pairs(run: str) -> range:
    return range(max(1, len(run) - 1))


def _names(text: str, name: str) -> bool:
    """Whether each word of `text` is a word of `name`, and each run of Chinese characters is in it."""
    text, name = text.casefold(), name.casefold()
    runs, words = CHINESE.findall(text), WORD.findall(CHINESE.sub(" ", text))
    return all(run in name for run in runs) and set(words) <= set(WORD.findall(CHINESE.sub(" ", name)))


@functools.cache
def _styles() -> dict[str, set[str]]:
    """The names of each style in every language, and its code."""
    names = {style: {style} for style in STYLE_NAMES}
    for language, _name in settings.LANGUAGES:
        with override(language):
            for style, name in STYLE_NAMES.items():
                names[style].add(str(name))
    return names


def chosen(user: Any, form: dict[str, Any]) -> Any:
    """The user's items with these `ids`; else those that match `filter`; else all. Raises Invalid."""
    if "ids" in form:
        return Item.objects.owned_by(user).filter(id__in=form["ids"])
    return selected(user, form.get("filter") or {"archived": "any"})[0]


def check_names(filters: dict[str, Any]) -> None:
    """Raises Invalid for an unknown filter: a misspelt filter must not select all items."""
    if strange := sorted(set(filters) - set(FILTERS)):
        raise Invalid(
            errors={f"filter.{name[:40]}": [str(_("There is no such filter."))] for name in strange[:10]}
        )
