"""Views of previews, map images, QGIS layers, extracts and downloads."""
