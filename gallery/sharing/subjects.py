"""What moderation may do with share links, publications and comments (config.registry.Subject)."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, BooleanField, F, Func, Q, Value
from django.utils import timezone

from accounts.vault.vault import store
from config.errors import NotFound
from gallery.models import Item
from gallery.sharing import publishing
from gallery.sharing.models import Comment, Publication, ShareLink

NEAR = 8  # bits of 64 in which the perceptual hashes of near-identical pictures differ at most


class SharedPictures:
    """A share link. It shows several pictures: the preview is the first one's."""

    def preview(self, ident: str) -> bytes:
        rows, order = ShareLink.objects.get_or_404(ident).entries()
        first = rows.order_by(*order).first()
        if first is None:
            raise NotFound
        return store(first.item.user_id).read(first.item.thumbnail)

    def hide(self, ident: str) -> None:
        _hide(ShareLink, ident)

    def publish(self, ident: str) -> None:
        _restore(ShareLink, ident)

    def restore(self, ident: str) -> None:
        _restore(ShareLink, ident)

    def remove(self, ident: str) -> None:
        ShareLink.objects.get_or_404(ident).delete()

    def find_near(self, hash: int) -> list[str]:
        near = _near(hash)
        found = ShareLink.objects.filter(Q(chosen__item__in=near) | Q(album__items__in=near))
        return [str(ident) for ident in found.distinct().values_list("id", flat=True).order_by("id")]


class PublishedPicture:
    def preview(self, ident: str) -> bytes:
        return publishing.preview(Publication.objects.select_related("item").get_or_404(ident))

    def hide(self, ident: str) -> None:
        publishing.hide(ident)

    def publish(self, ident: str) -> None:
        publishing.show_again(ident)

    def restore(self, ident: str) -> None:
        publishing.show_again(ident)

    def remove(self, ident: str) -> None:
        Publication.objects.get_or_404(ident).delete()

    def find_near(self, hash: int) -> list[str]:
        found = Publication.objects.filter(item__in=_near(hash)).values_list("id", flat=True)
        return [str(ident) for ident in found.order_by("id")]


class WrittenComment:
    """The preview is the text in UTF-8."""

    def preview(self, ident: str) -> bytes:
        return str(Comment.objects.get_or_404(ident).text).encode()

    def hide(self, ident: str) -> None:
        _hide(Comment, ident)

    def publish(self, ident: str) -> None:
        _restore(Comment, ident)

    def restore(self, ident: str) -> None:
        _restore(Comment, ident)

    def remove(self, ident: str) -> None:
        Comment.objects.get_or_404(ident).delete()

    def find_near(self, hash: int) -> list[str]:
        return []


def _hide(model: Any, ident: str) -> None:
    row = model.objects.get_or_404(ident)
    model.objects.filter(id=row.id, hidden_at=None).update(hidden_at=timezone.now())


def _restore(model: Any, ident: str) -> None:
    row = model.objects.get_or_404(ident)
    model.objects.filter(id=row.id).update(hidden_at=None)


def _near(hash: int) -> Any:
    """The items whose perceptual hash differs from this one in at most NEAR bits."""
    near = Func(
        F("hash"),
        Value(hash, BigIntegerField()),
        template=f"bit_count((%(expressions)s)::bit(64)) <= {NEAR}",
        arg_joiner=" # ",
        output_field=BooleanField(),
    )
    return Item.objects.filter(hash__isnull=False).filter(near).values("id")
