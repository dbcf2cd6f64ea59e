"""Share links, publications, likes and comments in their owner's archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from accounts.archive import each_row, json_list, json_member, row, rows
from config.registry import Member
from gallery.sharing.models import Author, Comment, Like, Publication, ShareLink

SECRET = ("token_hash", "password_hash")


def shares(user: Any) -> Iterator[Member]:
    found = (
        row(link, without=SECRET) | {"items": list(link.chosen.values_list("item", flat=True))}
        for link in ShareLink.objects.owned_by(user)
    )
    yield json_list("sharing/links.json", found, _("Your links to pictures, and how often each was opened."))


def public(user: Any) -> Iterator[Member]:
    authors = rows(Author.objects.owned_by(user))
    yield json_member("sharing/public-name.json", authors, _("Your name in the public gallery."))
    published = each_row(Publication.objects.owned_by(user))
    yield json_list("sharing/publications.json", published, _("What you submitted to the public gallery."))
    likes = each_row(Like.objects.filter(user=user))
    yield json_list("sharing/likes.json", likes, _("The pictures of others that you like."))
    comments = each_row(Comment.objects.owned_by(user))
    yield json_list("sharing/comments.json", comments, _("Your comments in the public gallery."))
