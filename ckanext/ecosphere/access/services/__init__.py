"""Web services: recognise their URLs, read their capabilities in the background,
match layers with resources.
"""
