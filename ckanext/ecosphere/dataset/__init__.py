"""What a dataset is, for every room: `fields`, `view`, `links`, `services`, `dates`.

Imports no CKAN and no room.
"""
