"""What a study gives away, and what services and people give to others: collections, reuses,
opinions, interfaces.
"""
