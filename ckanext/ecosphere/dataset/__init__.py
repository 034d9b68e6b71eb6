"""What a dataset is, for every room: `view`, `links`, `services`, `dates`.

Imports no CKAN and no room.
"""
