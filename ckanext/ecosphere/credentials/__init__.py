"""Optional: a second factor for people who log in with CKAN's password,
and API tokens with a scope.
"""
