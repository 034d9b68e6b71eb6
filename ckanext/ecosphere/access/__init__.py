"""Access to the data of datasets: capabilities of services, previews, QGIS layers, extracts,
usage counts.
"""
