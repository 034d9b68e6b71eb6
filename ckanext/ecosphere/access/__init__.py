"""From the page of a dataset to its data: services read, previews, QGIS layers, extracts, use."""
