"""A small OGC server for the tests and the demonstration: WMS, WFS, OGC API – Features, files.

    python -m dev.ogc 8600

It answers from one layer of invented wetlands around Nantes (`data/zones-humides.geojson`): maps are drawn, features
filtered by box, projected and paged. Only what clients of the portal ask for is implemented.
"""
