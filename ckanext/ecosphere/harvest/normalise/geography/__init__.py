"""Find territories from bounding boxes, coordinates and place names."""
