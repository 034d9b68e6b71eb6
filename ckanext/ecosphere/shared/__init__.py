"""What every room uses: it knows no room, and needs no plugin to be loaded."""
