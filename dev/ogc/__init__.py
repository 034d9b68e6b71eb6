"""Small OGC server for the tests and the demonstration: WMS, WFS, OGC API – Features, files.

    python -m dev.ogc 8600

It serves one layer of fictitious wetlands around Nantes (`data/zones-humides.geojson`): maps are
drawn; features are filtered by bounding box, projected and paged. Only what clients of the portal
request is implemented.
"""
