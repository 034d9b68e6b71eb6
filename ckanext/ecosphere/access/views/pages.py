"""Import all view modules, which registers their routes."""

from ckanext.ecosphere.access.views import preview, qgis, take, use

__all__ = ["preview", "qgis", "take", "use"]
