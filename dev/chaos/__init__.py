"""Kill what a portal runs on, again and again, and see whether anything is lost: `make chaos`."""
