"""A look at the data: bounded samples made in the background, map images through the guard."""
