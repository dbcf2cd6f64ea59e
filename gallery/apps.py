from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"

    def ready(self) -> None:
        from django.db.models.signals import post_save

        from accounts.models import Kind
        from config import registry
        from gallery import exports
        from gallery.faces import indexing
        from gallery.faces.exports import faces
        from gallery.faces.models import (
            Face,
            FaceIndex,
            FaceQuery,
            FaceVector,
            Indexing,
            Measured,
            Naming,
            Person,
        )
        from gallery.models import Album, AlbumItem, Item, PictureHash
        from gallery.ratings.exports import ratings
        from gallery.ratings.models import Rating
        from gallery.shelf.exports import edits
        from gallery.shelf.models import BulkEdit

        registry.known_files += (Item.known_files, FaceQuery.known_files)
        registry.item_exporters.append(exports.items)
        registry.exporters.append(registry.Exporter((Item, PictureHash, Album, AlbumItem), exports.gallery))
        registry.exporters.append(registry.Exporter((BulkEdit,), edits))
        registry.exporters.append(registry.Exporter((Rating,), ratings))
        registry.erasers.append(registry.Eraser({Rating: "user", BulkEdit: "user"}))
        mine = {PictureHash: "item__user", AlbumItem: "album__user", Album: "user", Item: "user"}
        registry.erasers.append(registry.Eraser(mine))
        found = (FaceVector, Naming, Face, Measured, FaceIndex, FaceQuery, Indexing, Person)
        registry.exporters.append(registry.Exporter(found, faces))
        registry.erasers.append(registry.Eraser(dict.fromkeys(found, "user")))
        registry.on_give.setdefault(Kind.FACE_SEARCH, []).append(indexing.ask)
        post_save.connect(indexing.on_saved, sender=Item, dispatch_uid="faces of a new item")
        self._what_ends()
        self._share()
        self._moderate()

    def _moderate(self) -> None:
        from django.db.models.signals import post_save

        from config import registry
        from gallery import moderated
        from gallery.models import Item

        registry.subjects["item"] = moderated.ItemSubject()
        post_save.connect(moderated.on_saved, sender=Item, dispatch_uid="hashes of a new item")

    def _what_ends(self) -> None:
        """By time, and with a consent."""
        from accounts.models import Kind
        from config import registry
        from gallery import retiring
        from gallery.faces import indexing, tidying
        from gallery.sharing import copies
        from gallery.shelf import bulk

        registry.retain(
            plan_pictures=retiring.retire,
            changes=bulk.tidy,
            names=tidying.forget_changes,
            searches=tidying.forget_queries,
            orphans=copies.sweep,
        )
        registry.on_withdraw.setdefault(Kind.FACE_SEARCH, []).append(indexing.forget)
        registry.concerned.setdefault(Kind.FACE_SEARCH, []).append(tidying.concerned)

    def _share(self) -> None:
        from django.db.models.signals import post_delete

        from config import registry
        from gallery.sharing import exports as shared
        from gallery.sharing import publishing, subjects, talk
        from gallery.sharing.models import Author, Comment, Like, Publication, ShareItem, ShareLink

        public = (Like, Comment, Publication, Author)
        registry.exporters.append(registry.Exporter((ShareLink, ShareItem), shared.shares))
        registry.exporters.append(registry.Exporter(public, shared.public))
        registry.erasers.append(registry.Eraser({ShareItem: "share__user", ShareLink: "user"}))
        registry.erasers.append(registry.Eraser(dict.fromkeys(public, "user"), erase=talk.forget_likes))
        registry.subjects |= {
            "share": subjects.SharedPictures(),
            "publication": subjects.PublishedPicture(),
            "comment": subjects.WrittenComment(),
        }
        post_delete.connect(
            publishing.on_deleted, sender=Publication, dispatch_uid="copy of a deleted publication"
        )
