from django.apps import AppConfig


class GalleryConfig(AppConfig):
    name = "gallery"

    def ready(self) -> None:
        from config import registry
        from gallery import exports

        registry.exporters.append(exports.items)
