from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"

    def ready(self) -> None:
        from config import registry
        from gallery import exports
        from gallery.models import Album, AlbumItem, Item
        from gallery.shelf.exports import edits
        from gallery.shelf.models import BulkEdit

        registry.known_files.append(Item.known_files)
        registry.item_exporters.append(exports.items)
        registry.exporters.append(registry.Exporter((Item, Album, AlbumItem), exports.gallery))
        registry.exporters.append(registry.Exporter((BulkEdit,), edits))
        registry.erasers.append(registry.Eraser({BulkEdit: "user"}))
        registry.erasers.append(registry.Eraser({AlbumItem: "album__user", Album: "user", Item: "user"}))
