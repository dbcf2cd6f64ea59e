"""The help centre's pages: sections and search, an article, and whether it helped."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from config.web.ratelimit import limited
from support.help import library, services
from support.help.search import search
from support.help.serializers import MOST, SearchForm, VoteForm


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The sections, or with `q` what is found."""
    if request.GET.get("q", "").strip():
        return _found(request)
    return render(request, "help/home.html", {"sections": library.sections(_language()), "most": MOST})


@limited("help_search")
def _found(request: HttpRequest) -> HttpResponse:
    form = SearchForm(data={"q": request.GET["q"].replace("\x00", " ")})
    facts: dict[str, Any] = {"most": MOST, "q": request.GET["q"][:MOST]}
    if not form.is_valid():
        wrong = _("Search with a few words: at most %(most)s characters.") % {"most": MOST}
        return render(request, "help/home.html", facts | {"wrong": wrong}, status=422)
    hits = search(form.validated_data["q"], _language())
    return render(
        request, "help/home.html", facts | {"hits": hits, "sections": library.sections(_language())}
    )


@require_safe
def article(request: HttpRequest, slug: str) -> HttpResponse:
    found = library.article(slug, _language())
    others = [a for a in library.articles(_language()) if a.section == found.section and a.slug != slug]
    facts = {"article": found, "others": others, "foreign": found.language != _language()}
    return render(request, "help/article.html", facts | {"section": library.SECTIONS[found.section]})


@require_POST
@limited("help_votes")
def helpful(request: HttpRequest, slug: str) -> HttpResponse:
    """One answer a person and article: who answers again changes theirs."""
    form = VoteForm(data=request.POST.dict())  # in a QueryDict a missing box means False
    if not form.is_valid():
        messages.error(request, _("Choose yes or no, and write at most 1,000 characters. Nothing was sent."))
        return redirect("help_article", slug)
    user = request.user if request.user.is_authenticated else None
    if user is None and not request.session.session_key:
        request.session.create()
    services.vote(user, session=request.session.session_key or "", slug=slug, **form.validated_data)
    messages.success(request, _("Thank you. This helps us to write better."))
    return redirect("help_article", slug)


def _language() -> str:
    return get_language() or ""
