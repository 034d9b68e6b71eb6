"""What a dataset is, for every room: what its links are (`links`, `services`). No CKAN, no room."""
