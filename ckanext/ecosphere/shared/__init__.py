"""Code shared by every room; it depends on no room and no loaded plugin."""
