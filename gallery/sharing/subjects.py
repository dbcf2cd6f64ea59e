"""What moderation may do with share links, publications and comments (config.registry.Subject)."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.vault.vault import store
from config.errors import NotFound
from gallery.models import PictureHash
from gallery.moderated import face_hashes, hashes
from gallery.sharing import links, publishing
from gallery.sharing.models import Comment, Publication, ShareLink

LINK, PUBLIC = re.compile(r"/s/([\w-]+)"), re.compile(r"/explore/([0-9a-f-]{36})")


class SharedPictures:
    """A share link. It shows several pictures: the preview is the first one's."""

    private, several = False, True

    def preview(self, ident: str) -> bytes:
        rows, order = ShareLink.objects.get_or_404(ident).entries()
        first = rows.order_by(*order).first()
        if first is None:
            raise NotFound
        return store(first.item.user_id).read(first.item.thumbnail)

    def owner(self, ident: str) -> UUID | None:
        return ShareLink.objects.get_or_404(ident).user_id  # type: ignore[no-any-return]

    def ident_in(self, address: str) -> str | None:
        found = LINK.search(address)
        return links.ident_of(found[1]) if found else None

    def hide(self, ident: str) -> None:
        _hide(ShareLink, ident)

    def publish(self, ident: str) -> None:
        _restore(ShareLink, ident)

    def restore(self, ident: str) -> None:
        _restore(ShareLink, ident)

    def remove(self, ident: str) -> None:
        ShareLink.objects.get_or_404(ident).delete()

    def find_near(self, hash: int) -> list[str]:
        """None: a removed item drops out of every link by itself."""
        return []

    def prints(self, ident: str) -> list[int]:
        return []

    def faces(self, ident: str) -> list[int]:
        return []


class PublishedPicture:
    """Of what the public sees, or saw before it was hidden."""

    private = several = False

    def preview(self, ident: str) -> bytes:
        return publishing.preview(_published().select_related("item").get_or_404(ident))

    def owner(self, ident: str) -> UUID | None:
        return _published().get_or_404(ident).user_id  # type: ignore[no-any-return]

    def ident_in(self, address: str) -> str | None:
        found = PUBLIC.search(address)
        return found[1] if found else None

    def hide(self, ident: str) -> None:
        publishing.hide(ident)

    def publish(self, ident: str) -> None:
        publishing.show_again(ident)

    def restore(self, ident: str) -> None:
        publishing.show_again(ident)

    def remove(self, ident: str) -> None:
        Publication.objects.get_or_404(ident).delete()

    def find_near(self, hash: int) -> list[str]:
        near = PictureHash.objects.near(hash).values("item")
        found = _published().filter(item__in=near).values_list("id", flat=True)
        return [str(ident) for ident in found.order_by("id")]

    def prints(self, ident: str) -> list[int]:
        return hashes(_published().select_related("item").get_or_404(ident).item)

    def faces(self, ident: str) -> list[int]:
        return face_hashes(_published().select_related("item").get_or_404(ident).item)


class WrittenComment:
    """The preview is the text in UTF-8."""

    private = several = False

    def preview(self, ident: str) -> bytes:
        return str(Comment.objects.get_or_404(ident).text).encode()

    def owner(self, ident: str) -> UUID | None:
        return Comment.objects.get_or_404(ident).user_id  # type: ignore[no-any-return]

    def ident_in(self, address: str) -> str | None:
        """None: a comment has no address."""
        return None

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

    def prints(self, ident: str) -> list[int]:
        return []

    def faces(self, ident: str) -> list[int]:
        return []


def _published() -> Any:
    return Publication.objects.filter(status__in=publishing.SEEN)


def _hide(model: Any, ident: str) -> None:
    row = model.objects.get_or_404(ident)
    model.objects.filter(id=row.id, hidden_at=None).update(hidden_at=timezone.now())


def _restore(model: Any, ident: str) -> None:
    row = model.objects.get_or_404(ident)
    model.objects.filter(id=row.id).update(hidden_at=None)
