"""Generate QGIS layer definition files (.qlr)."""
