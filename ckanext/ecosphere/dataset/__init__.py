"""What a dataset is, for every room: `fields`, `links`, `services`, `dates`. Imports no CKAN, no room."""
