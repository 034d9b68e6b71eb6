"""What a dataset is, for every room: `links`, `services`, `dates`. Imports no CKAN and no room."""
