"""All views of the room, so that importing this module registers them."""

from ckanext.ecosphere.access.views import preview, qgis, take, use

__all__ = ["preview", "qgis", "take", "use"]
