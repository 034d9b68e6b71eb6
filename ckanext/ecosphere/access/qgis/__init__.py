"""Layer definition files of QGIS (.qlr), written here."""
