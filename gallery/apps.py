from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"

    def ready(self) -> None:
        from config import registry
        from gallery import exports
        from gallery.models import Item

        registry.known_files.append(Item.known_files)
        registry.exporters.append(exports.items)
