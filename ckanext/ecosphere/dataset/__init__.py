"""What a dataset is: what its links are (`links`). Pure: imports no CKAN and no room, so every room may import it."""
